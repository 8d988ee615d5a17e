import MQTTWire
import NATSWire
import NIOCore
import Testing

@testable import GodwitCLI

/// One end of a conversation, with what it said and reported.
private struct Dialogue {
  var session: any ClientSession
  var said = ByteBuffer()
  var events: [SessionEvent] = []
  var messages: [IncomingMessage] = []
  private var input = ByteBuffer()

  init(_ url: String, _ change: (inout ClientConfiguration) -> Void = { _ in }) throws {
    var configuration = ClientConfiguration(address: try ServerAddress(url))
    configuration.name = "me"
    change(&configuration)
    self.session = configuration.makeSession()
    self.session.begin(into: &self.said)
  }

  /// Hears `bytes`, in pieces of `step` bytes.
  mutating func hear(_ bytes: [UInt8], step: Int = .max) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      self.input.writeBytes(rest.prefix(step))
      rest = rest.dropFirst(step)
      var messages: [IncomingMessage] = []
      defer { self.messages += messages }
      try self.session.receive(&self.input, into: &self.said, events: &self.events) {
        messages.append(IncomingMessage($0))
      }
    }
  }

  mutating func hear(_ text: String, step: Int = .max) throws {
    try self.hear(Array(text.utf8), step: step)
  }

  mutating func hear(_ packet: MQTTPacket, _ version: MQTTVersion = .v5, step: Int = .max) throws {
    var buffer = ByteBuffer()
    MQTTEncoder.encode(packet, version, into: &buffer)
    try self.hear(Array(buffer.readableBytesView), step: step)
  }

  mutating func takeText() -> String {
    defer { self.said.clear() }
    return String(buffer: self.said)
  }

  mutating func takePackets(_ version: MQTTVersion = .v5) throws -> [MQTTPacket] {
    var decoder = MQTTDecoder(version: version)
    var packets: [MQTTPacket] = []
    while let packet = try decoder.decode(&self.said) { packets.append(packet) }
    return packets
  }

  mutating func takeEvents() -> [SessionEvent] {
    defer { self.events.removeAll() }
    return self.events
  }
}

@Suite struct NATSClientSessionTests {
  private static let info = "INFO {\"max_payload\":100,\"headers\":true}\r\n"

  private static func connected() throws -> Dialogue {
    var dialogue = try Dialogue("nats://host")
    try dialogue.hear(Self.info)
    try dialogue.hear("PONG\r\n")
    _ = dialogue.takeText()
    _ = dialogue.takeEvents()
    return dialogue
  }

  @Test(arguments: [1, 2, 3, 1_000])
  func logsInWhateverThePieces(step: Int) throws {
    var dialogue = try Dialogue("nats://host") {
      $0.user = "u"
      $0.password = "p"
    }
    #expect(dialogue.takeText() == "")
    try dialogue.hear(Self.info, step: step)
    let said = dialogue.takeText()
    #expect(said.hasPrefix("CONNECT {"))
    #expect(said.contains(#""user":"u","pass":"p""#))
    #expect(said.hasSuffix("}\r\nPING\r\n"))
    #expect(dialogue.takeEvents() == [])
    try dialogue.hear("PONG\r\nPING\r\n", step: step)
    #expect(dialogue.takeEvents() == [.ready])
    #expect(dialogue.takeText() == "PONG\r\n")
  }

  @Test func tlsComesFirstWhenWanted() throws {
    var dialogue = try Dialogue("tls://host") { $0.tls = ClientConfiguration.TLS() }
    try dialogue.hear("INFO {\"tls_required\":true}\r\n")
    #expect(dialogue.takeEvents() == [.secure])
    #expect(dialogue.takeText() == "")
    try dialogue.session.secured(into: &dialogue.said)
    #expect(dialogue.takeText().contains(#""tls_required":true"#))
  }

  @Test func tlsThatDoesNotFitIsRefused() throws {
    var plain = try Dialogue("nats://host")
    #expect(throws: ClientError.self) { try plain.hear("INFO {\"tls_required\":true}\r\n") }
    var secure = try Dialogue("tls://host") { $0.tls = ClientConfiguration.TLS() }
    #expect(throws: ClientError.self) { try secure.hear(Self.info) }
  }

  @Test func nkeySigns() throws {
    // The seed and its public key are a pair of the NATS documentation's tools.
    let seed = try NkeySeed("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY")
    #expect(
      seed.publicKey == "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4")
    var dialogue = try Dialogue("nats://host") { $0.nkey = seed }
    try dialogue.hear("INFO {\"nonce\":\"abc\"}\r\n")
    #expect(dialogue.takeText().contains("\"nkey\":\"\(seed.publicKey)\",\"sig\":\""))
    #expect(throws: ClientError.self) { try NkeySeed("SUNOPE") }
    var silent = try Dialogue("nats://host") { $0.nkey = seed }
    #expect(throws: ClientError.self) { try silent.hear(Self.info) }
  }

  @Test func refusedCredentialsEndIt() throws {
    var dialogue = try Dialogue("nats://host")
    try dialogue.hear(Self.info)
    #expect(throws: ClientError("the server refused the credentials: Authorization Violation")) {
      try dialogue.hear("-ERR 'Authorization Violation'\r\n")
    }
  }

  @Test(arguments: [1, 7, 1_000])
  func messagesAndAnswersInTheirOrder(step: Int) throws {
    var dialogue = try Self.connected()
    let first = try dialogue.session.subscribe(
      SubscriptionRequest(pattern: "a.*"), into: &dialogue.said)
    let second = try dialogue.session.subscribe(
      SubscriptionRequest(pattern: "b", group: "g"), into: &dialogue.said)
    dialogue.session.flush(into: &dialogue.said)
    #expect(dialogue.takeText() == "SUB a.* 1\r\nPING\r\nSUB b g 2\r\nPING\r\nPING\r\n")
    try dialogue.hear("PONG\r\nMSG a.x 1 r 2\r\nhi\r\nPONG\r\n", step: step)
    try dialogue.hear(
      "HMSG b 2 78 80\r\nNATS/1.0\r\nA: 1\r\nContent-Type: t\r\nnats-ttl: 2m\r\n"
        + "Correlation-Data: c\r\nA:  2 \r\n\r\nyo\r\nPONG\r\n", step: step)
    #expect(dialogue.takeEvents() == [.subscribed(first), .subscribed(second), .flushed])
    #expect(dialogue.messages.map(\.topic) == ["a.x", "b"])
    #expect(dialogue.messages.map { String(buffer: $0.payload) } == ["hi", "yo"])
    #expect(dialogue.messages[0].reply == "r")
    let rich = dialogue.messages[1]
    #expect(rich.subscription == second)
    #expect(rich.headers == [MessageHeader("A", "1"), MessageHeader("A", "2")])
    #expect(rich.contentType == "t")
    #expect(rich.expirySeconds == 120)
    #expect(rich.correlation.map { String(buffer: $0) } == "c")
  }

  @Test func refusedSubscriptionsAreNamed() throws {
    var dialogue = try Self.connected()
    let number = try dialogue.session.subscribe(
      SubscriptionRequest(pattern: "secret"), into: &dialogue.said)
    try dialogue.hear("-ERR 'Permissions Violation for Subscription to \"secret\"'\r\nPONG\r\n")
    let refusal = ClientError("the server does not let us subscribe to \"secret\"")
    #expect(dialogue.takeEvents() == [.refused(number, refusal)])
  }

  @Test func publishes() throws {
    var dialogue = try Self.connected()
    var message = OutgoingMessage(topic: "a.b", payload: ByteBuffer(string: "hi"))
    #expect(try dialogue.session.publish(message, into: &dialogue.said))
    message.reply = ByteBuffer(string: "r")
    message.headers = [MessageHeader("k", "v")]
    message.contentType = "t"
    message.expirySeconds = 5
    #expect(try dialogue.session.publish(message, into: &dialogue.said))
    #expect(
      dialogue.takeText()
        == "PUB a.b 2\r\nhi\r\nHPUB a.b r 48 50\r\nNATS/1.0\r\nk: v\r\nContent-Type: t\r\n"
        + "Nats-TTL: 5\r\n\r\nhi\r\n")
  }

  @Test(arguments: ["", "a b", "a..b", "a.*", ">", "a\r\nPUB x 0"])
  func refusesSubjects(subject: String) throws {
    var dialogue = try Self.connected()
    #expect(throws: ClientError.self) {
      try dialogue.session.publish(
        OutgoingMessage(topic: subject, payload: ByteBuffer()), into: &dialogue.said)
    }
    #expect(dialogue.takeText() == "")
  }

  @Test func refusesWhatNATSOrTheServerCannotTake() throws {
    var dialogue = try Self.connected()
    var big = OutgoingMessage(topic: "a", payload: ByteBuffer(repeating: 0, count: 101))
    #expect(throws: ClientError.self) { try dialogue.session.publish(big, into: &dialogue.said) }
    big.payload = ByteBuffer()
    big.qos = .atLeastOnce
    #expect(throws: ClientError.self) { try dialogue.session.publish(big, into: &dialogue.said) }
    big.qos = .atMostOnce
    big.headers = [MessageHeader("a", "x\r\ny")]
    #expect(throws: ClientError.self) { try dialogue.session.publish(big, into: &dialogue.said) }
    #expect(throws: ClientError.self) {
      try dialogue.session.subscribe(
        SubscriptionRequest(pattern: "a", group: "b c"), into: &dialogue.said)
    }
    #expect(dialogue.takeText() == "")
  }

  @Test func garbageEndsIt() throws {
    var dialogue = try Dialogue("nats://host")
    #expect(throws: ClientError.self) { try dialogue.hear("HTTP/1.1 400 Bad Request\r\n") }
  }
}

@Suite struct MQTTClientSessionTests {
  private static func connected(
    _ properties: MQTTProperties = MQTTProperties(), version: MQTTVersion = .v5
  ) throws -> Dialogue {
    var dialogue = try Dialogue("mqtt://host") { $0.mqttVersion = version }
    dialogue.said.clear()
    try dialogue.hear(.connack(MQTTConnack(code: 0, properties: properties)), version)
    #expect(dialogue.takeEvents() == [.ready])
    return dialogue
  }

  private static func message(_ qos: MQTTQoS = .atMostOnce) -> OutgoingMessage {
    var message = OutgoingMessage(topic: "a/b", payload: ByteBuffer(string: "hi"))
    message.qos = qos
    return message
  }

  @Test(arguments: [MQTTVersion.v31, .v311, .v5])
  func connects(version: MQTTVersion) throws {
    var dialogue = try Dialogue("mqtt://host") {
      $0.user = "u"
      $0.password = "p"
      $0.mqttVersion = version
    }
    var decoder = MQTTDecoder()
    guard case .connect(let connect)? = try decoder.decode(&dialogue.said) else {
      Issue.record("no CONNECT")
      return
    }
    #expect(connect.version == version)
    #expect(connect.clientID == ByteBuffer(string: "me"))
    #expect(connect.userName == ByteBuffer(string: "u"))
    #expect(connect.password == ByteBuffer(string: "p"))
    #expect(connect.cleanStart)
  }

  @Test func refusalsAreSaidInWords() throws {
    var reason = MQTTProperties()
    reason.append(.reasonString, "go away")
    var five = try Dialogue("mqtt://host")
    #expect(throws: ClientError("the server refused the connection: banned (go away)")) {
      try five.hear(.connack(MQTTConnack(code: 0x8A, properties: reason)))
    }
    var three = try Dialogue("mqtt://host") { $0.mqttVersion = .v311 }
    #expect(throws: ClientError("the server refused the connection: not authorized")) {
      try three.hear(.connack(MQTTConnack(code: 5)), .v311)
    }
  }

  @Test(arguments: [1, 2, 5, 1_000])
  func messagesOfEveryQoSAreAcknowledged(step: Int) throws {
    var dialogue = try Self.connected()
    var properties = MQTTProperties()
    properties.append(.contentType, "t")
    properties.append(userProperty: "k", "v")
    properties.append(.responseTopic, "r/s")
    properties.append(.correlationData, ByteBuffer(bytes: [0, 255]))
    properties.append(.messageExpiryInterval, 9)
    for (qos, packetID) in [(MQTTQoS.atMostOnce, 0), (.atLeastOnce, 7), (.exactlyOnce, 8)] {
      try dialogue.hear(
        .publish(
          MQTTPublish(
            topic: ByteBuffer(string: "a/b"), payload: ByteBuffer(string: "hi"), qos: qos,
            packetID: UInt16(packetID), retain: true, properties: properties)), step: step)
    }
    #expect(
      try dialogue.takePackets() == [
        .puback(MQTTAcknowledgement(packetID: 7)), .pubrec(MQTTAcknowledgement(packetID: 8)),
      ])
    // The same again, until it is released.
    let again = MQTTPublish(
      topic: ByteBuffer(string: "a/b"), payload: ByteBuffer(), qos: .exactlyOnce, packetID: 8,
      duplicate: true)
    try dialogue.hear(.publish(again))
    #expect(dialogue.messages.count == 3)
    try dialogue.hear(.pubrel(MQTTAcknowledgement(packetID: 8)))
    try dialogue.hear(.publish(again))
    #expect(dialogue.messages.count == 4)
    let message = dialogue.messages[1]
    #expect(message.topic == "a/b")
    #expect(message.qos == .atLeastOnce)
    #expect(message.retain)
    #expect(message.contentType == "t")
    #expect(message.reply == "r/s")
    #expect(message.correlation == ByteBuffer(bytes: [0, 255]))
    #expect(message.expirySeconds == 9)
    #expect(message.headers == [MessageHeader("k", "v")])
  }

  @Test func qos1IsSettledByPuback() throws {
    var dialogue = try Self.connected()
    for _ in 0..<3 {
      #expect(try dialogue.session.publish(Self.message(.atLeastOnce), into: &dialogue.said))
    }
    #expect(try dialogue.takePackets().count == 3)
    try dialogue.hear(.puback(MQTTAcknowledgement(packetID: 2)))
    try dialogue.hear(.puback(MQTTAcknowledgement(packetID: 1, reason: .noMatchingSubscribers)))
    try dialogue.hear(.puback(MQTTAcknowledgement(packetID: 3, reason: .quotaExceeded)))
    try dialogue.hear(.puback(MQTTAcknowledgement(packetID: 3)))
    #expect(
      dialogue.takeEvents() == [
        .settled(.accepted), .settled(.withoutReceiver),
        .settled(.refused(ClientError("the server refused the message: quota exceeded"))),
      ])
  }

  @Test func qos2IsSettledByPubcomp() throws {
    var dialogue = try Self.connected()
    #expect(try dialogue.session.publish(Self.message(.exactlyOnce), into: &dialogue.said))
    _ = try dialogue.takePackets()
    try dialogue.hear(.pubrec(MQTTAcknowledgement(packetID: 1)))
    #expect(try dialogue.takePackets() == [.pubrel(MQTTAcknowledgement(packetID: 1))])
    #expect(dialogue.takeEvents() == [])
    try dialogue.hear(.pubcomp(MQTTAcknowledgement(packetID: 1)))
    #expect(dialogue.takeEvents() == [.settled(.accepted)])
  }

  @Test func theServersWindowIsKept() throws {
    var properties = MQTTProperties()
    properties.append(.receiveMaximum, 2)
    var dialogue = try Self.connected(properties)
    #expect(try dialogue.session.publish(Self.message(.atLeastOnce), into: &dialogue.said))
    #expect(try dialogue.session.publish(Self.message(.exactlyOnce), into: &dialogue.said))
    let before = dialogue.said
    #expect(try !dialogue.session.publish(Self.message(.atLeastOnce), into: &dialogue.said))
    #expect(dialogue.said == before)
    #expect(try dialogue.session.publish(Self.message(), into: &dialogue.said))
    try dialogue.hear(.puback(MQTTAcknowledgement(packetID: 1)))
    #expect(try dialogue.session.publish(Self.message(.atLeastOnce), into: &dialogue.said))
  }

  @Test func theServersLimitsAreKept() throws {
    var properties = MQTTProperties()
    properties.append(.maximumQoS, 0)
    properties.append(.retainAvailable, 0)
    properties.append(.maximumPacketSize, 100)
    var dialogue = try Self.connected(properties)
    var retained = Self.message()
    retained.retain = true
    var big = Self.message()
    big.payload = ByteBuffer(repeating: 0, count: 100)
    for message in [Self.message(.atLeastOnce), retained, big] {
      #expect(throws: ClientError.self) {
        try dialogue.session.publish(message, into: &dialogue.said)
      }
    }
    #expect(dialogue.said.readableBytes == 0)
  }

  @Test func subscribesAndIsRefused() throws {
    var dialogue = try Self.connected()
    let first = try dialogue.session.subscribe(
      SubscriptionRequest(pattern: "a/#", group: "g", qos: .exactlyOnce), into: &dialogue.said)
    let second = try dialogue.session.subscribe(
      SubscriptionRequest(pattern: "b"), into: &dialogue.said)
    #expect(
      try dialogue.takePackets() == [
        .subscribe(
          MQTTSubscribe(
            packetID: 1,
            requests: [.init(filter: ByteBuffer(string: "$share/g/a/#"), qos: .exactlyOnce)])),
        .subscribe(
          MQTTSubscribe(
            packetID: 2, requests: [.init(filter: ByteBuffer(string: "b"), qos: .atMostOnce)])),
      ])
    try dialogue.hear(.suback(MQTTSuback(packetID: 2, reasons: [.notAuthorized])))
    try dialogue.hear(.suback(MQTTSuback(packetID: 1, reasons: [.grantedQoS2])))
    let refusal = ClientError("the server refused the subscription: not authorized")
    #expect(dialogue.takeEvents() == [.refused(second, refusal), .subscribed(first)])
    for filter in ["", "a/#/b", "a+", "#a"] {
      #expect(throws: ClientError.self) {
        try dialogue.session.subscribe(
          SubscriptionRequest(pattern: filter), into: &dialogue.said)
      }
    }
  }

  @Test func flushAndFarewell() throws {
    var dialogue = try Self.connected()
    dialogue.session.flush(into: &dialogue.said)
    try dialogue.hear(.pingresp)
    try dialogue.hear(.pingresp)
    #expect(dialogue.takeEvents() == [.flushed])
    #expect(try dialogue.takePackets() == [.pingreq])
    dialogue.session.end(into: &dialogue.said)
    #expect(try dialogue.takePackets() == [.disconnect(MQTTDisconnect())])
    #expect(throws: ClientError("the server closed the connection: server shutting down")) {
      try dialogue.hear(.disconnect(MQTTDisconnect(reason: .serverShuttingDown)))
    }
  }

  @Test func mqtt3SaysNoMetadata() throws {
    var dialogue = try Self.connected(version: .v311)
    var message = Self.message()
    #expect(try dialogue.session.publish(message, into: &dialogue.said))
    message.reply = ByteBuffer(string: "r")
    #expect(throws: ClientError.self) {
      try dialogue.session.publish(message, into: &dialogue.said)
    }
  }

  @Test(arguments: ["", "a/+", "#"])
  func refusesTopics(topic: String) throws {
    var dialogue = try Self.connected()
    #expect(throws: ClientError.self) {
      try dialogue.session.publish(
        OutgoingMessage(topic: topic, payload: ByteBuffer()), into: &dialogue.said)
    }
  }

  @Test func packetIdentifiersGoRound() throws {
    var dialogue = try Self.connected()
    for _ in 0..<2 {
      for _ in 0..<33_000 {
        guard try dialogue.session.publish(Self.message(.atLeastOnce), into: &dialogue.said) else {
          Issue.record("the window is full")
          return
        }
      }
      let packetIDs = try dialogue.takePackets().map { packet -> UInt16 in
        guard case .publish(let publish) = packet else { return 0 }
        return publish.packetID
      }
      #expect(Set(packetIDs).count == 33_000)
      #expect(!packetIDs.contains(0))
      var answers = ByteBuffer()
      for packetID in packetIDs {
        MQTTEncoder.encode(.puback(MQTTAcknowledgement(packetID: packetID)), .v5, into: &answers)
      }
      try dialogue.hear(Array(answers.readableBytesView))
    }
    #expect(dialogue.takeEvents().count == 66_000)
  }
}
