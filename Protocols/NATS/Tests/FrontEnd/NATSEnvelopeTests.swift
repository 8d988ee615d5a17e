import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import Testing

@testable import NATSFrontEnd

/// Publishes and receives as another protocol would.
private final class Neighbour: Subscriber, EnvelopeReader {
  var seen: [(topic: String, payload: String, metadata: Metadata, expiresAt: Int64)] = []
  var outgoing = Metadata()

  func metadata(of publication: borrowing Publication) -> Metadata { self.outgoing }

  override func deliver(
    _ publication: inout Publication, to subscription: Subscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    self.seen.append(
      (
        String(decoding: publication.topic, as: UTF8.self),
        String(decoding: publication.payload, as: UTF8.self),
        publication.metadata(self.tenant.engine), publication.expiresAt
      ))
    return true
  }

  func publish(_ topic: String, _ payload: String, _ origin: Origin, expiresAt: Int64 = 0) -> Int {
    Array(topic.utf8).withUnsafeBytes { topic in
      Array(payload.utf8).withUnsafeBytes { payload in
        var publication = Publication(
          topic: topic, payload: payload, origin: origin,
          native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .atMostOnce)
        publication.expiresAt = expiresAt
        var memo: Route?
        return self.tenant.publish(&publication, memo: &memo)
      }
    }
  }
}

@Suite struct NATSEnvelopeTests {
  private func neighbour(_ rig: NATSRig) throws -> (Neighbour, Origin) {
    let neighbour = Neighbour(tenant: rig.engine.tenant(named: "default"))
    let origin = rig.engine.register(origin: "neighbour", reader: neighbour)
    try neighbour.tenant.router.subscribe(
      Subscription(pattern: .init(canonical: Array("up.>".utf8)), subscriber: neighbour))
    return (neighbour, origin)
  }

  private func header(_ name: String, _ value: String) -> Metadata.Header {
    .init(name: Array(name.utf8), value: Array(value.utf8))
  }

  @Test func plainMessagesSayOnlyWhereTheAnswerGoes() throws {
    let rig = try NATSRig()
    let (neighbour, _) = try self.neighbour(rig)
    let client = try rig.client()
    client.send("PUB up.a 2\r\nhi\r\nPUB up.b _INBOX.7 0\r\n\r\npub  up.c  r  1\r\nx\r\n")
    #expect(neighbour.seen.map(\.topic) == ["up.a", "up.b", "up.c"])
    #expect(neighbour.seen.map(\.payload) == ["hi", "", "x"])
    let replies = neighbour.seen.map {
      $0.metadata.replyTopic.map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(replies == [nil, "_INBOX.7", "r"])
    #expect(neighbour.seen.allSatisfy { $0.metadata.headers.isEmpty && $0.expiresAt == 0 })
  }

  @Test func headersBecomeCommonMetadata() throws {
    let rig = try NATSRig()
    let (neighbour, _) = try self.neighbour(rig)
    let client = try rig.client()
    let block =
      "NATS/1.0\r\nb: 1\r\ncontent-type: text/plain\r\nA: 2\r\nb: 3\r\nNats-Msg-Id: id\r\n"
      + "Correlation-Data: c1\r\nPayload-Format-Indicator: 1\r\nNats-TTL: 1m\r\n\r\n"
    client.send("HPUB up.a r \(block.utf8.count) \(block.utf8.count + 2)\r\n\(block)hi\r\n")
    let seen = try #require(neighbour.seen.first)
    var expected = Metadata()
    expected.headers = [self.header("b", "1"), self.header("A", "2"), self.header("b", "3")]
    expected.replyTopic = Array("r".utf8)
    expected.contentType = Array("text/plain".utf8)
    expected.messageID = Array("id".utf8)
    expected.correlation = Array("c1".utf8)
    expected.payloadIsText = true
    #expect(seen.metadata == expected)
    #expect(seen.payload == "hi")
    #expect(abs(seen.expiresAt - rig.engine.now - 60_000_000_000) < 5_000_000_000)
  }

  /// A time to live that cannot be understood, or ends after the last moment that can be counted,
  /// is none: the message passes.
  @Test(
    arguments: [
      ("Nats-TTL: 5", 5_000_000_000), ("nats-ttl:1500ms", 1_500_000_000),
      ("A: b\r\nNATS-TTL: 1h", 3_600_000_000_000),
      ("Nats-TTL: 999999999", 999_999_999_000_000_000),
      ("Nats-TTL: 9999999999", 0), ("Nats-TTL: 2499999h", 0), ("Nats-TTL: -1", 0),
      ("Nats-TTL: -1s", 0), ("Nats-TTL: 0", 0), ("Nats-TTL: never", 0), ("Nats-TTL:", 0),
      ("Nats-TTL: 99999999999999999999999999999999s", 0), ("Nats-TTL: \u{7F}é", 0),
      ("Nats-TTL: x\r\nNats-TTL: 5", 0), ("X-TTL: 5", 0), ("X: Nats-TTL: 5", 0), ("-TTL", 0),
    ] as [(String, Int64)])
  func timesToLive(_ lines: String, _ nanoseconds: Int64) throws {
    let now: Int64 = 1_700_000_000_000_000_000
    let block = Array("NATS/1.0\r\n\(lines)\r\n\r\n".utf8)
    let expiry = block.withUnsafeBytes { NATSEnvelope.expiry($0, now: now) }
    #expect(expiry == (nanoseconds > 0 ? now + nanoseconds : 0))
    let rig = try NATSRig()
    let (neighbour, _) = try self.neighbour(rig)
    let client = try rig.client()
    client.send("SUB up.a 1\r\nHPUB up.a \(block.count) \(block.count)\r\n")
    client.send(block + [0x0D, 0x0A])
    #expect(client.receivedBytes().count > block.count)
    #expect(neighbour.seen.count == 1)
    #expect((neighbour.seen.first?.expiresAt ?? 0 > 0) == (nanoseconds > 0))
  }

  @Test func whatTheCommonFormCannotSayIsCounted() throws {
    let rig = try NATSRig()
    let (neighbour, _) = try self.neighbour(rig)
    let client = try rig.client()
    for block in ["NATS/1.0 503 None\r\nA: b\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n", "garbage"] {
      client.send("HPUB up.a \(block.utf8.count) \(block.utf8.count)\r\n\(block)\r\n")
    }
    #expect(neighbour.seen.map(\.metadata.dropped) == [1, 1, 1])
    #expect(neighbour.seen[0].metadata.headers == [self.header("A", "b")])
    #expect(rig.engine.counters.droppedProperties == 3)
  }

  @Test func foreignMessagesBecomeMessages() throws {
    let rig = try NATSRig()
    let (neighbour, origin) = try self.neighbour(rig)
    let client = try rig.client()
    let old = try rig.client(#"{"verbose":false}"#)
    for reader in [client, old] { reader.send("SUB down.> 1\r\n") }
    #expect(neighbour.publish("down.a", "hi", origin) == 2)
    #expect(client.received() == "MSG down.a 1 2\r\nhi\r\n")
    #expect(old.received() == "MSG down.a 1 2\r\nhi\r\n")
    neighbour.outgoing.replyTopic = Array("answers.1".utf8)
    neighbour.outgoing.contentType = Array("a/b".utf8)
    neighbour.outgoing.messageID = Array("i".utf8)
    neighbour.outgoing.correlation = Array("c".utf8)
    neighbour.outgoing.payloadIsText = false
    neighbour.outgoing.headers = [self.header("x", "1"), self.header("x", "2")]
    _ = neighbour.publish("down.b", "ho", origin, expiresAt: rig.engine.now + 1_500_000_000)
    let block =
      "NATS/1.0\r\nContent-Type: a/b\r\nNats-Msg-Id: i\r\nCorrelation-Data: c\r\n"
      + "Payload-Format-Indicator: 0\r\nNats-TTL: 2\r\nx: 1\r\nx: 2\r\n\r\n"
    #expect(
      client.received()
        == "HMSG down.b 1 answers.1 \(block.utf8.count) \(block.utf8.count + 2)\r\n\(block)ho\r\n")
    #expect(old.received() == "MSG down.b 1 answers.1 2\r\nho\r\n")
  }

  @Test func propertiesThatAHeaderCannotHoldAreLeftOutAndCounted() throws {
    let rig = try NATSRig()
    let (neighbour, origin) = try self.neighbour(rig)
    let client = try rig.client()
    client.send("SUB down.> 1\r\n")
    neighbour.outgoing.headers = [
      self.header("a b", "1"), self.header("ok", "x\r\nEvil: y"), self.header("fine", "1"),
    ]
    _ = neighbour.publish("down.a", "", origin)
    #expect(client.received() == "HMSG down.a 1 21 21\r\nNATS/1.0\r\nfine: 1\r\n\r\n\r\n")
    #expect(rig.engine.counters.droppedProperties == 2)
    neighbour.outgoing.headers = [self.header("", "1")]
    _ = neighbour.publish("down.a", "", origin)
    #expect(client.received() == "MSG down.a 1 0\r\n\r\n")
  }

  @Test(arguments: [
    [UInt8]("plain-7".utf8), [0, 0xFF, 0x0D, 0x0A, 0x3A], [], Array("base64:x".utf8),
    Array("two words".utf8), Array(0...255),
  ])
  func correlationSurvivesBothWays(_ data: [UInt8]) throws {
    let rig = try NATSRig()
    let (neighbour, origin) = try self.neighbour(rig)
    let client = try rig.client()
    client.send("SUB down.> 1\r\n")
    neighbour.outgoing.correlation = data
    _ = neighbour.publish("down.a", "", origin)
    let delivery = client.received()
    let start = try #require(delivery.firstRange(of: "NATS/1.0"))
    let block = String(delivery[start.lowerBound...].dropLast(1))
    client.send("HPUB up.a \(block.utf8.count) \(block.utf8.count)\r\n\(block)\r\n")
    #expect(neighbour.seen.first?.metadata.correlation == data)
  }

  @Test(
    arguments: [
      ([UInt8]("order-7".utf8), 1_600_000_000_123_000_000), ([0, 0xFF], 0), ([], -1),
      (Array("base64:x".utf8), .max), (Array(" blanks ".utf8), .min),
    ] as [([UInt8], Int64)])
  func keyAndTimeSurviveBothWays(_ key: [UInt8], _ time: Int64) throws {
    let rig = try NATSRig()
    let (neighbour, origin) = try self.neighbour(rig)
    let client = try rig.client()
    client.send("SUB down.> 1\r\n")
    neighbour.outgoing.key = key
    neighbour.outgoing.sentAt = time
    neighbour.outgoing.headers = [self.header("Godwit-Key", "later")]
    _ = neighbour.publish("down.a", "", origin)
    let delivery = client.received()
    let start = try #require(delivery.firstRange(of: "NATS/1.0"))
    let block = String(delivery[start.lowerBound...].dropLast(1))
    #expect(block.hasSuffix("Godwit-Time: \(time)\r\nGodwit-Key: later\r\n\r\n"))
    client.send("HPUB up.a \(block.utf8.count) \(block.utf8.count)\r\n\(block)\r\n")
    #expect(neighbour.seen.first?.metadata == neighbour.outgoing)
  }

  @Test(arguments: ["", "soon", "+1", "9223372036854775808"])
  func whatIsNoTimeStaysAHeader(_ text: String) throws {
    let rig = try NATSRig()
    let (neighbour, _) = try self.neighbour(rig)
    let client = try rig.client()
    let block = "NATS/1.0\r\nGodwit-Time: \(text)\r\ngodwit-time: 5\r\nGodwit-Time: 6\r\n\r\n"
    client.send("HPUB up.a \(block.utf8.count) \(block.utf8.count)\r\n\(block)\r\n")
    let metadata = try #require(neighbour.seen.first).metadata
    #expect(metadata.sentAt == 5)
    #expect(
      metadata.headers == [self.header("Godwit-Time", text), self.header("Godwit-Time", "6")])
  }

  @Test func aStoredMessageIsDeliveredLikeAFreshOne() throws {
    let rig = try NATSRig()
    let tenant = rig.engine.tenant(named: "default")
    final class Keeper: Subscriber {
      var records: [Record] = []
      override func deliver(
        _ publication: inout Publication, to subscription: Subscription,
        prefix: UnsafeRawBufferPointer
      ) -> Bool {
        self.records.append(publication.record(self.tenant.engine))
        return true
      }
    }
    let keeper = Keeper(tenant: tenant)
    try tenant.router.subscribe(
      Subscription(pattern: .init(canonical: Array("k".utf8)), subscriber: keeper))
    let client = try rig.client()
    let block = "NATS/1.0\r\nA: b\r\n\r\n"
    client.send("PUB k r 2\r\nhi\r\nHPUB k 18 20\r\n\(block)ho\r\n")
    for record in keeper.records { client.send("SUB k 1\r\n"); tenant.publish(record) }
    #expect(client.received() == "MSG k 1 r 2\r\nhi\r\nHMSG k 1 18 20\r\n\(block)ho\r\n")
    #expect(keeper.records.count == 4)
  }

  @Test func theAnswerToAForeignRequestIsPermitted() throws {
    let permissions = Permissions(
      publish: .init(deny: [.init(canonical: [UInt8(ascii: ">")])]), responses: .init())
    let rig = try NATSRig { $0.add("service", permissions: permissions) }
    let (neighbour, origin) = try self.neighbour(rig)
    let service = try rig.client(#"{"verbose":false,"user":"service","pass":"pw"}"#)
    service.send("SUB req 1\r\n")
    neighbour.outgoing.replyTopic = Array("up.answer".utf8)
    _ = neighbour.publish("req", "", origin)
    #expect(service.received() == "MSG req 1 up.answer 0\r\n\r\n")
    #expect(service.exchange("PUB up.answer 1\r\nx\r\n") == "")
    #expect(neighbour.seen.map(\.payload) == ["x"])
  }
}
