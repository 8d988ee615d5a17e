import Godwit
import GodwitConduit
import NIOCore
import Testing

/// What conduits send each other, wherever they meet.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ConduitMessageTests {
  struct User: Codable, Hashable, Sendable {
    var name: String
    var age: Int
  }

  struct Refusal: Error {}

  @Test(arguments: ConduitPlace.Kind.all)
  func aValueArrivesWithWhatIsSaidAboutIt(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("users") { users in
        try await place.conduit("shop") { shop in
          let bound = try await users.bind("user.created")
          let user = User(name: "Ada", age: 36)
          try await shop.service("users").send("user.created", user, headers: ["trace": "7"])
          let message = try await bound.next()
          #expect(message.event == "user.created")
          #expect(message.source.hasPrefix("shop."))
          #expect(message.headers["trace"] == "7")
          #expect(!message.isRequest)
          #expect(try await message.payload(as: User.self) == user)
          let nobody = await conduitFailure { try await message.reply(1) }
          #expect(nobody == .invalidArgument)
        }
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func textAndBytesAreAsTheyAre(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("a") { conduit in
        let bound = try await conduit.bind("e")
        try await conduit.own.send("e", "{text}")
        #expect(try await bound.next().payload(as: String.self) == "{text}")
        try await conduit.own.send("e", [1, 2, 3] as [UInt8])
        #expect(try await bound.next().payload(as: [UInt8].self) == [1, 2, 3])
        try await conduit.own.send("e")
        #expect(try await bound.next().body.collect(upTo: 0).readableBytes == 0)
      }
      let settings = ConduitSettings(contentType: "application/msgpack")
      try await place.conduit("packed", settings) { conduit in
        let bound = try await conduit.bind("e")
        try await conduit.own.send("e", User(name: "B", age: 2))
        let message = try await bound.next()
        #expect(message.contentType == "application/msgpack")
        #expect(try await message.payload(as: User.self) == User(name: "B", age: 2))
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func everyInstanceOrOne(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("w") { first in
        try await place.conduit("w") { second in
          try await place.conduit("w") { third in
            let all = [first, second, third]
            var broadcasts: [Binding] = []
            var queues: [Binding] = []
            for conduit in all {
              broadcasts.append(try await conduit.bind("news"))
              queues.append(try await conduit.queueBind("job"))
            }
            let client = first.service("w")
            for number in 0..<30 {
              try await client.send("news", number)
              try await client.send("job", number)
            }
            for binding in broadcasts {
              for number in 0..<30 {
                #expect(try await binding.next().payload(as: Int.self) == number)
              }
            }
            let got = Tally()
            let members = queues
            await withTaskGroup(of: Void.self) { group in
              for queue in members {
                group.addTask {
                  for await message in queue {
                    got.add((try? await message.payload(as: Int.self)) ?? -1)
                    if got.numbers.count == 30 { members.forEach { $0.unbind() } }
                  }
                }
              }
            }
            #expect(got.numbers.sorted() == Array(0..<30))
          }
        }
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func requestsAreAnswered(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("math") { math in
        // Two instances that ask: replies come to who asked.
        try await place.conduit("ask") { first in
          try await place.conduit("ask") { second in
            let squares = try await math.queueBind("square")
            async let serving: Void = squares.answer(Int.self, concurrency: 4) { number in
              if number < 0 { throw GodwitError(.invalidArgument, "negative") }
              if number == 13 { throw Refusal() }
              return number * number
            }
            try await withThrowingTaskGroup(of: Bool.self) { group in
              for number in 0..<100 where number != 13 {
                let asker = number % 2 == 0 ? first : second
                group.addTask {
                  try await asker.service("math").request("square", number) == number * number
                }
              }
              for try await isRight in group { #expect(isRight) }
            }
            for (number, words) in [(-1, "negative"), (13, "Refusal()")] {
              do throws(GodwitError) {
                let answer: Int = try await first.service("math").request("square", number)
                Issue.record("\(answer)")
              } catch {
                #expect(error.code == .remoteFailure)
                #expect(error.message == words)
              }
            }
            squares.unbind()
            await serving
          }
        }
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func whoIsNotThereIsSaid(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("there") { there in
        let binding = try await there.bind("known")
        try await place.conduit("asker") { asker in
          let nowhere = asker.service("nowhere")
          let code: GodwitError.Code = try place.tellsOfNobody ? .noResponders : .timeout
          #expect(await conduitFailure { try await nowhere.send("e", 1) } == code)
          #expect(
            await conduitFailure {
              _ = try await nowhere.request("e", 1, expecting: Int.self)
            } == code)
          let client = asker.service("there")
          // An event that nobody is bound to: sent to nobody, and nobody to answer.
          try await client.send("unknown", 1)
          #expect(
            await conduitFailure {
              _ = try await client.request("unknown", 1, expecting: Int.self)
            } == .noResponders)
          #expect(
            await conduitFailure {
              _ = try await client.request(
                "known", 1, expecting: Int.self, timeout: .milliseconds(50))
            } == .timeout)
          #expect(
            await conduitFailure { try await asker.service("ärger").send("e") } == .invalidArgument)
        }
        binding.unbind()
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func bindingsEnd(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      let kept: Binding = try await place.conduit("b") { conduit in
        let once = try await conduit.bindOnce("once")
        let always = try await conduit.bind("once")
        try await conduit.own.send("once", 1)
        try await conduit.own.send("once", 2)
        #expect(try await once.next().payload(as: Int.self) == 1)
        #expect(!once.isBound)
        #expect(await conduitFailure { _ = try await once.next() } == .closed)
        #expect(try await always.next().payload(as: Int.self) == 1)
        #expect(try await always.next().payload(as: Int.self) == 2)
        always.unbind()
        always.unbind()
        #expect(await conduitFailure { _ = try await always.next() } == .closed)
        let inside = try await conduit.withBinding("scoped") { binding in
          try await conduit.own.send("scoped", "x")
          for await message in binding {
            #expect(try await message.payload(as: String.self) == "x")
            break
          }
          return binding
        }
        #expect(!inside.isBound)
        return try await conduit.bind("kept")
      }
      // The conduit is closed.
      #expect(await conduitFailure { _ = try await kept.next() } == .closed)
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func aFullBindingRefuses(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      var settings = ConduitSettings()
      settings.bindingMessagesMax = 2
      try await place.conduit("full", settings) { conduit in
        let binding = try await conduit.bind("e")
        try await conduit.own.send("e", 1)
        try await conduit.own.send("e", 2)
        #expect(await conduitFailure { try await conduit.own.send("e", 3) } == .overloaded)
        #expect(try await binding.next().payload(as: Int.self) == 1)
        try await conduit.own.send("e", 4)
        #expect(try await binding.next().payload(as: Int.self) == 2)
        #expect(try await binding.next().payload(as: Int.self) == 4)
      }
    }
  }
}
