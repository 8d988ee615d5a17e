import Godwit
import GodwitConduit
import NIOCore
import Testing

/// Streams between conduits, wherever they meet.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ConduitStreamTests {
  /// Reads a stream of parts to its end; the number of bytes, or `nil` when some are not as made.
  /// A chunk is of one part, so that its ends tell of all of it.
  private func read(_ body: ConduitBody, partSize: Int) async throws -> Int? {
    var place = 0
    for try await data in body {
      let view = data.readableBytesView
      let byte = Parts.byte(place / partSize)
      place += view.count
      guard view.first == byte, view.last == byte else { return nil }
      guard (place - 1) / partSize == (place - view.count) / partSize else { return nil }
    }
    return place
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func streamsOfAnySizeArriveWhole(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("store") { store in
        try await place.conduit("sender") { sender in
          let uploads = try await store.bind("upload")
          let client = sender.service("store")
          for (size, count) in [(1, 0), (1, 1), (16_384, 1), (16_385, 1), (70_000, 3), (5, 900)] {
            async let sending: Void = client.send(
              "upload", stream: Parts(size: size, count: count))
            let message = try await uploads.next()
            #expect(try await self.read(message.body, partSize: size) == size * count)
            try await sending
          }
          // What is no stream, and larger than a chunk.
          let whole = ByteBuffer(repeating: 9, count: 1 << 20)
          async let sending: Void = client.send("upload", whole)
          #expect(try await uploads.next().payload(as: ByteBuffer.self) == whole)
          try await sending
        }
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func everyReaderGetsAllOfIt(_ kind: ConduitPlace.Kind) async throws {
    var settings = ConduitSettings()
    // However busy the machine is: a stream that has begun takes nobody else.
    settings.gatherTime = .seconds(3)
    let patient = settings
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("r", patient) { first in
        try await place.conduit("r") { second in
          let bindings = [
            try await first.bind("e"), try await first.bind("e"), try await second.bind("e"),
          ]
          async let sending: Void = first.own.send("e", stream: Parts(size: 50_000, count: 40))
          try await withThrowingTaskGroup(of: Int?.self) { group in
            for binding in bindings {
              group.addTask {
                try await self.read(try await binding.next().body, partSize: 50_000)
              }
            }
            for try await size in group { #expect(size == 2_000_000) }
          }
          try await sending
        }
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func requestsAndRepliesMayBeStreams(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("echo") { echo in
        try await place.conduit("asker") { asker in
          let binding = try await echo.queueBind("echo")
          async let serving: Void = binding.serve { message in
            try await message.reply(stream: message.body)
          }
          let reply = try await asker.service("echo").requestMessage(
            "echo", stream: Parts(size: 30_000, count: 100))
          #expect(try await self.read(reply.body, partSize: 30_000) == 3_000_000)
          binding.unbind()
          await serving
        }
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func aSourceThatFailsIsTold(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("c") { conduit in
        let binding = try await conduit.bind("e")
        async let failsAsItsSource: Bool = {
          do {
            try await conduit.own.send("e", stream: Parts(size: 1_000, count: 9, failsAfter: 3))
            return false
          } catch {
            return error is Parts.Broken
          }
        }()
        let body = try await binding.next().body
        var size = 0
        do throws(GodwitError) {
          while let data = try await body.next() { size += data.readableBytes }
          Issue.record("no failure")
        } catch {
          #expect(error.code == .remoteFailure)
        }
        #expect(size == 3_000)
        #expect(await failsAsItsSource)
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func aReaderThatLeavesIsTold(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      try await place.conduit("c") { conduit in
        let binding = try await conduit.bind("e")
        async let sending = conduitFailure {
          try await conduit.own.send("e", stream: Parts(size: 60_000, count: .max))
        }
        for await message in binding {
          _ = try await message.body.next()
          break
        }
        #expect(await sending == .streamAbandoned)
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func theReaderSetsThePace(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      var settings = ConduitSettings()
      settings.windowBytes = 200_000
      settings.idleTimeout = .milliseconds(300)
      try await place.conduit("c", settings) { conduit in
        let binding = try await conduit.bind("e")
        let made = Tally()
        let parts = Parts(size: 10_000, count: 10_000) { made.add($0) }
        async let sending = conduitFailure { try await conduit.own.send("e", stream: parts) }
        let body = try await binding.next().body
        _ = try await body.next()
        // Nobody reads on: the sender makes what there is room for, waits, and gives up.
        #expect(await sending == .timeout)
        #expect(made.numbers.count <= 22)
        // The reader is told.
        let reason = await conduitFailure { while try await body.next() != nil {} }
        #expect(reason == .remoteFailure)
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func aPayloadIsNeverCutShort(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      var settings = ConduitSettings()
      settings.payloadBytesMax = 1_000
      try await place.conduit("c", settings) { conduit in
        let binding = try await conduit.bind("e")
        try await conduit.own.send("e", ByteBuffer(repeating: 1, count: 1_001))
        let message = try await binding.next()
        #expect(
          await conduitFailure { _ = try await message.payload(as: ByteBuffer.self) } == .tooLarge)
        try await conduit.own.send("e", ByteBuffer(repeating: 1, count: 1_000))
        #expect(
          try await binding.next().payload(as: ByteBuffer.self).readableBytes == 1_000)
      }
    }
  }

  @Test(arguments: ConduitPlace.Kind.all)
  func closingEndsWhatGoesOn(_ kind: ConduitPlace.Kind) async throws {
    try await ConduitPlace.with(kind) { place in
      var settings = ConduitSettings()
      settings.drainTimeout = .milliseconds(50)
      try await place.conduit("c") { receiver in
        let binding = try await receiver.bind("e")
        try await place.conduit("s", settings) { sender in
          async let sending = conduitFailure {
            try await sender.service("c").send("e", stream: Parts(size: 60_000, count: .max))
          }
          async let asking = conduitFailure {
            _ = try await sender.service("c").request("e", 1, expecting: Int.self)
          }
          _ = try await binding.next()
          _ = try await binding.next()
          await sender.close()
          let codes = await [sending, asking]
          #expect(codes.contains(.closed))
          #expect(await conduitFailure { try await sender.service("c").send("e", 1) } == .closed)
        }
      }
    }
  }
}
