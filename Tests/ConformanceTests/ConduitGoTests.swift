import Godwit
import GodwitConduit
import NIOCore
import Testing

/// Conduits and services that speak as Conduit for Go does, at our broker and at nats-server.
@Suite(
  .serialized, .timeLimit(.minutes(3)),
  .enabled(if: ConduitGoPeer.program != nil, "GODWIT_CONDUIT_PEER names no program"))
struct ConduitGoTests {
  static var places: [ConduitPlace.Kind] { [.ours] + ConduitPlace.Kind.natsServers }

  private func url(_ place: ConduitPlace) throws -> String { try #require(place.url) }

  // MARK: From Go

  @Test(arguments: places, [0, 1, 16_384, 16_385, 50_000, 3_000_000])
  func everyInstanceAndOneOfAQueueGetWhatGoSends(
    _ kind: ConduitPlace.Kind, _ size: Int
  ) async throws {
    try await ConduitPlace.with(kind) { place in
      let url = try self.url(place)
      try await place.conduit("swiftService") { first in
        try await place.conduit("swiftService") { second in
          try await place.conduit("swiftService") { third in
            let tally = Tally()
            try await withThrowingTaskGroup(of: Void.self) { group in
              var bindings: [Binding] = []
              for (place, conduit) in [first, second, third].enumerated() {
                for (offset, binding) in [
                  (0, try await conduit.bind("upload")),
                  (10, try await conduit.queueBind("upload")),
                ] {
                  bindings.append(binding)
                  group.addTask {
                    for await message in binding {
                      #expect(message.source == "swiftService")
                      let body = try await message.body.collect(upTo: 4_000_000)
                      #expect(body.readableBytes == size)
                      tally.add(offset + place)
                    }
                  }
                }
              }
              for _ in 0..<5 {
                let peer = try ConduitGoPeer("send", url, "swiftService", "upload", "\(size)")
                #expect(try await peer.line().hasPrefix("sent"))
              }
              await tally.reaches(20)
              for binding in bindings { binding.unbind() }
              try await group.waitForAll()
            }
            // Every one of five to all three instances, and to one of the queue's.
            let got = tally.numbers
            for place in 0..<3 { #expect(got.count { $0 == place } == 5) }
            #expect(got.count { $0 >= 10 } == 5)
          }
        }
      }
    }
  }

  @Test(arguments: places)
  func aSourceThatFailsInGoIsAnError(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      let url = try self.url(place)
      try await place.conduit("s") { conduit in
        let binding = try await conduit.bind("e")
        let peer = try ConduitGoPeer("fail", url, "s", "e")
        let body = try await binding.next().body
        #expect(try await body.next() == ByteBuffer(string: "begun"))
        do throws(GodwitError) {
          _ = try await body.next()
          Issue.record("no failure")
        } catch {
          #expect(error.code == .remoteFailure)
          #expect(error.message == "the disk is full")
        }
        #expect(try await peer.line() == "sent")
      }
    }
  }

  @Test(arguments: places, [1, 3])
  func goAsksAndSwiftAnswers(_ kind: ConduitPlace.Kind, _ instances: Int) async throws {
    try await ConduitPlace.with(kind) { place in
      let url = try self.url(place)
      try await place.conduit("math") { first in
        try await place.conduit("math") { second in
          let conduits = instances == 1 ? [first] : [first, second]
          try await withThrowingTaskGroup(of: Void.self) { group in
            var bindings: [Binding] = []
            for conduit in conduits {
              let binding = try await conduit.queueBind("double")
              bindings.append(binding)
              group.addTask {
                await binding.answer(Int.self) { number in
                  if number < 0 { throw GodwitError(.invalidArgument, "negative") }
                  return number * 2
                }
              }
            }
            let peer = try ConduitGoPeer("request", url, "math", "double", "21", "20")
            #expect(
              try await peer.lines(20) == Array(repeating: "reply 42", count: 20))
            let refused = try ConduitGoPeer("request", url, "math", "double", "-1", "1")
            #expect(try await refused.line() == "failed negative")
            for binding in bindings { binding.unbind() }
          }
        }
      }
    }
  }

  @Test(arguments: places)
  func goIsAnsweredThoughNobodyIsBoundToTheEvent(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      let url = try self.url(place)
      try await place.conduit("s") { conduit in
        let binding = try await conduit.bind("other")
        let peer = try ConduitGoPeer("send", url, "s", "unbound", "100000")
        #expect(try await peer.line().hasPrefix("sent"))
        binding.unbind()
      }
    }
  }

  // MARK: To Go

  @Test(arguments: places)
  func goGetsWhatIsSent(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      let url = try self.url(place)
      let instances = [
        try ConduitGoPeer("serve", url, "goService", "all:news"),
        try ConduitGoPeer("serve", url, "goService", "all:news"),
      ]
      let both = try ConduitGoPeer("serve", url, "goWorker", "all:job", "one:job")
      for peer in instances + [both] { #expect(try await peer.line() == "ready") }
      var settings = ConduitSettings()
      // However busy the machine is: a stream that has begun takes nobody else.
      settings.gatherTime = .seconds(3)
      try await place.conduit("s", settings) { conduit in
        let client = conduit.service("goService")
        for text in ["hello", "", String(repeating: "x", count: 40_000)] {
          try await client.send("news", text)
        }
        try await client.send("news", stream: Parts(size: 70_001, count: 30))
        // The original has handlers of several messages at work at a time: in any order.
        let news = ["bytes 2100030", "bytes 40000", "text ", "text hello"]
        for peer in instances {
          let lines = try await peer.lines(4)
          #expect(lines == news.map { "all:news \($0)" })
        }
        try await conduit.service("goWorker").send("job", "1")
        let lines = try await both.lines(2)
        #expect(lines == ["all:job text 1", "one:job text 1"])
      }
    }
  }

  @Test(arguments: places)
  func aSourceThatFailsIsToldToGo(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      let peer = try ConduitGoPeer("serve", try self.url(place), "g", "all:e")
      #expect(try await peer.line() == "ready")
      try await place.conduit("s") { conduit in
        await #expect(throws: Parts.Broken.self) {
          try await conduit.service("g").send(
            "e", stream: Parts(size: 1_000, count: 9, failsAfter: 3))
        }
        let line = try await peer.line()
        #expect(line == "all:e failed Broken()")
      }
    }
  }

  @Test(arguments: places)
  func swiftAsksAndGoAnswers(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      let peer = try ConduitGoPeer("serve", try self.url(place), "g", "echo:echo", "count:count")
      #expect(try await peer.line() == "ready")
      // Replies come to the instance that asked, though there are two of its service.
      try await place.conduit("asker") { first in
        try await place.conduit("asker") { second in
          for number in 0..<50 {
            let client = (number % 2 == 0 ? first : second).service("g")
            #expect(try await client.request("echo", "n\(number)") == "n\(number)")
          }
          let client = first.service("g")
          let reply = try await client.requestMessage(
            "count", stream: Parts(size: 100_000, count: 50))
          #expect(try await reply.payload(as: String.self) == "5000000")
          let echo = try await client.requestMessage(
            "echo", stream: Parts(size: 100_000, count: 50))
          var size = 0
          for try await part in echo.body { size += part.readableBytes }
          #expect(size == 5_000_000)
        }
      }
    }
  }
}
