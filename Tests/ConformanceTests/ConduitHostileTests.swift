import Godwit
import GodwitConduit
import GodwitEmbedded
import GodwitWire
import NIOCore
import Testing

/// Conduits among those who know the wire format and keep to it as they please.
@Suite(.timeLimit(.minutes(1))) struct ConduitHostileTests {
  /// Somebody with a subscription and frames.
  struct Stranger {
    let broker: Godwit.Broker
    let queue = DeliveryQueue()

    init(_ broker: Godwit.Broker, listeningTo pattern: String) async throws {
      self.broker = broker
      _ = try await broker.driver.subscribe(
        SubscriptionRequest(
          pattern: pattern, group: nil, id: pattern, prefetch: .max, isSettled: false),
        into: self.queue)
    }

    func publish(_ fields: [(String, MessagePackValue)], to subject: String, replyTo: String? = nil)
      async throws
    {
      var writer = MessagePackWriter()
      try MessagePackValue.map(fields.map { .init(.string($0.0), $0.1) }).write(to: &writer)
      try await self.broker.driver.publish([
        Message(bare: writer.buffer, to: subject, replyTo: replyTo)
      ])
    }

    func handshake(_ event: String, to service: String, replyTo: String, isPeer: Bool = false)
      async throws
    {
      var fields: [(String, MessagePackValue)] = [
        ("sourceServiceName", .string("stranger")), ("replySubject", .nil),
        ("subject", .string(event)),
      ]
      if isPeer { fields.append(("v", .integer(1))) }
      try await self.publish(fields, to: "conduit.conduit.\(service)", replyTo: replyTo)
    }

    func chunk(_ index: Int, _ data: String, isEnd: Bool = false, to subject: String) async throws {
      try await self.publish(
        [
          ("index", .integer(Int64(index))), ("data", .binary(ByteBuffer(string: data))),
          ("isEof", .bool(isEnd)),
        ], to: subject)
    }

    /// The next frame that comes in, and where its answer goes.
    func next() async throws -> (fields: [String: MessagePackValue], replyTo: String?) {
      let message = try #require(await self.queue.next()).message
      guard case .map(let pairs) = try MessagePackValue(reading: message.body) else {
        return ([:], nil)
      }
      var fields: [String: MessagePackValue] = [:]
      for pair in pairs {
        if case .string(let key) = pair.key { fields[key] = pair.value }
      }
      return (fields, message.replyTo)
    }

    func dataSubject() async throws -> String {
      guard case .string(let subject)? = try await self.next().fields["dataSubject"] else {
        return ""
      }
      return subject
    }
  }

  private func text(_ message: ConduitMessage) async throws -> String {
    String(buffer: try await message.body.collect(upTo: 1_000))
  }

  @Test func allInstancesNameOneSubjectToAnOriginalSender() async throws {
    try await withEmbeddedBroker { broker in
      let first = try Conduit("s", on: broker)
      let second = try Conduit("s", on: broker)
      let bindings = [
        try await first.bind("e"), try await second.bind("e"),
        try await first.queueBind("e"), try await second.queueBind("e"),
      ]
      let stranger = try await Stranger(broker, listeningTo: "_INBOX.old.*")
      try await stranger.handshake("e", to: "s", replyTo: "_INBOX.old.1")
      var subjects: Set<String> = []
      for _ in 0..<3 { subjects.insert(try await stranger.dataSubject()) }
      #expect(subjects == ["_INBOX.conduit.s._INBOX_old_1"])
      let subject = try #require(subjects.first)
      try await stranger.chunk(0, "he", to: subject)
      try await stranger.chunk(1, "llo", isEnd: true, to: subject)
      #expect(try await self.text(bindings[0].next()) == "hello")
      #expect(try await self.text(bindings[1].next()) == "hello")
      // One of the queue's.
      let job = try await withThrowingTaskGroup(of: ConduitMessage?.self) { group in
        for binding in bindings.suffix(2) { group.addTask { try? await binding.next() } }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
      }
      #expect(try await self.text(#require(job)) == "hello")
      await first.close()
      await second.close()
    }
  }

  @Test func chunksThatOvertakeTheirHandshakeAreKept() async throws {
    try await withEmbeddedBroker { broker in
      let conduit = try Conduit("s", on: broker)
      let binding = try await conduit.bind("e")
      let stranger = try await Stranger(broker, listeningTo: "_INBOX.old.*")
      try await stranger.chunk(0, "early", to: "_INBOX.conduit.s._INBOX_old_7")
      try await stranger.handshake("e", to: "s", replyTo: "_INBOX.old.7")
      try await stranger.chunk(1, " bird", isEnd: true, to: try await stranger.dataSubject())
      #expect(try await self.text(binding.next()) == "early bird")
      await conduit.close()
    }
  }

  @Test func whatCannotBeReadOrAnsweredIsPassedOver() async throws {
    try await withEmbeddedBroker { broker in
      let conduit = try Conduit("s", on: broker)
      let binding = try await conduit.bind("e")
      let stranger = try await Stranger(broker, listeningTo: "_INBOX.old.*")
      for garbage in [[], [0xC1], [0x83, 0xA1], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF]] as [[UInt8]] {
        for subject in ["conduit.conduit.s", "_INBOX.conduit.s.x"] {
          try await broker.driver.publish([
            Message(bare: ByteBuffer(bytes: garbage), to: subject, replyTo: "_INBOX.old.1")
          ])
        }
      }
      for replyTo in ["", "*", "a.>", "a b"] {
        try await stranger.handshake("e", to: "s", replyTo: replyTo)
      }
      // Only what is whole arrives.
      try await conduit.own.send("e", "whole")
      #expect(try await self.text(binding.next()) == "whole")
      await conduit.close()
    }
  }

  @Test func aSenderThatVanishesIsATimeout() async throws {
    try await withEmbeddedBroker { broker in
      var settings = ConduitSettings()
      // Time for the first chunk, however busy the machine is.
      settings.idleTimeout = .seconds(2)
      let conduit = try Conduit("s", on: broker, settings: settings)
      let binding = try await conduit.bind("e")
      let stranger = try await Stranger(broker, listeningTo: "_INBOX.old.*")
      for isPeer in [false, true] {
        try await stranger.handshake("e", to: "s", replyTo: "_INBOX.old.1\(isPeer)", isPeer: isPeer)
        try await stranger.chunk(0, "begun", to: try await stranger.dataSubject())
        let body = try await binding.next().body
        #expect(try await body.next() == ByteBuffer(string: "begun"))
        #expect(await conduitFailure { _ = try await body.next() } == .timeout)
      }
      await conduit.close()
    }
  }

  @Test func aStreamWithoutAnEndIsNoPayload() async throws {
    try await withEmbeddedBroker { broker in
      var settings = ConduitSettings()
      settings.payloadTimeout = .milliseconds(50)
      let conduit = try Conduit("s", on: broker, settings: settings)
      let binding = try await conduit.bind("e")
      let stranger = try await Stranger(broker, listeningTo: "_INBOX.old.*")
      try await stranger.handshake("e", to: "s", replyTo: "_INBOX.old.1")
      try await stranger.chunk(0, "1", to: try await stranger.dataSubject())
      let message = try await binding.next()
      #expect(await conduitFailure { _ = try await message.payload(as: Int.self) } == .timeout)
      await conduit.close()
    }
  }

  @Test func gapsAndSendersThatTakeNoHeedOfCreditAreErrors() async throws {
    try await withEmbeddedBroker { broker in
      let conduit = try Conduit("s", on: broker)
      let binding = try await conduit.bind("e")
      let stranger = try await Stranger(broker, listeningTo: "_INBOX.old.*")
      try await stranger.handshake("e", to: "s", replyTo: "_INBOX.old.1", isPeer: true)
      var subject = try await stranger.dataSubject()
      try await stranger.chunk(0, "a", to: subject)
      try await stranger.chunk(2, "c", to: subject)
      var body = try await binding.next().body
      #expect(try await body.next() == ByteBuffer(string: "a"))
      #expect(await conduitFailure { _ = try await body.next() } == .streamGap)
      try await stranger.handshake("e", to: "s", replyTo: "_INBOX.old.2", isPeer: true)
      subject = try await stranger.dataSubject()
      for index in 0..<3 {
        try await stranger.chunk(index, String(repeating: "x", count: 30_000), to: subject)
      }
      body = try await binding.next().body
      _ = try await body.next()
      _ = try await body.next()
      #expect(await conduitFailure { _ = try await body.next() } == .tooLarge)
      await conduit.close()
    }
  }

  @Test func whatWaitsOfASenderWithoutFlowControlIsBounded() async throws {
    try await withEmbeddedBroker { broker in
      var settings = ConduitSettings()
      settings.unreadBytesMax = 1_000
      let conduit = try Conduit("s", on: broker, settings: settings)
      let binding = try await conduit.bind("e")
      let stranger = try await Stranger(broker, listeningTo: "_INBOX.old.*")
      try await stranger.handshake("e", to: "s", replyTo: "_INBOX.old.1")
      let subject = try await stranger.dataSubject()
      for index in 0..<3 {
        try await stranger.chunk(index, String(repeating: "x", count: 400), to: subject)
      }
      let body = try await binding.next().body
      #expect(await conduitFailure { _ = try await body.next() } == .slowConsumer)
      await conduit.close()
    }
  }

  @Test func receiversThatAnswerNonsenseAreNoReceivers() async throws {
    try await withEmbeddedBroker { broker in
      var settings = ConduitSettings()
      settings.acknowledgeTimeout = .milliseconds(100)
      settings.idleTimeout = .milliseconds(100)
      let conduit = try Conduit("s", on: broker, settings: settings)
      let stranger = try await Stranger(broker, listeningTo: "conduit.conduit.fake")
      let client = conduit.service("fake")
      // Nobody answers, though somebody listens.
      #expect(await conduitFailure { try await client.send("e", 1) } == .timeout)
      _ = try await stranger.next()
      // An address that is none.
      async let refused = conduitFailure { try await client.send("e", 1) }
      let inbox = try #require(try await stranger.next().replyTo)
      try await stranger.publish([("dataSubject", .string("a.>"))], to: inbox)
      #expect(await refused == .timeout)
      // One that gives little credit, and then no more.
      async let stalled = conduitFailure {
        try await client.send("e", stream: Parts(size: 1_000, count: 10))
      }
      let other = try #require(try await stranger.next().replyTo)
      try await stranger.publish(
        [
          ("dataSubject", .string("fake.data")), ("v", .integer(1)), ("bound", .bool(true)),
          ("credit", .integer(10)),
        ], to: other)
      #expect(await stalled == .timeout)
      await conduit.close()
    }
  }
}
