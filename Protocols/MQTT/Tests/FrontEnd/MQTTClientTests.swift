import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWireTesting
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import MQTTFrontEnd

@Suite struct MQTTClientTests {
  @Test func keepAliveIsOneAndAHalf() throws {
    let broker = try TestBroker()
    let client = try broker.connect("c", keepAliveSeconds: 10)
    broker.pass(14)
    #expect(try client.next() == nil)
    broker.pass(2)
    #expect(try client.take() == .disconnect(MQTTDisconnect(reason: .keepAliveTimeout)))
    #expect(try client.next() == nil)
  }

  @Test func whoIsNotReadFromIsNotSilent() throws {
    let broker = try TestBroker()
    let client = try broker.connect("c", keepAliveSeconds: 10)
    broker.pass(14)
    client.connection.pauseReading()
    broker.pass(30)
    #expect(try client.next() == nil)
    client.connection.resumeReading()
    broker.pass(14)
    #expect(try client.next() == nil)
    broker.pass(20)
    #expect(try client.take() == .disconnect(MQTTDisconnect(reason: .keepAliveTimeout)))
  }

  @Test func silenceBeforeConnectIsEnded() throws {
    let broker = try TestBroker()
    let client = try broker.open()
    broker.pass(11)
    client.send(.connect(MQTTConnect(version: .v5, clientID: ByteBuffer(string: "c"))))
    #expect(try client.next() == nil)
    #expect(broker.frontEnd.sessionCount == 0)
  }

  @Test func aliasesWorkBothWays() throws {
    let broker = try TestBroker()
    let client = try broker.connect("c") { $0.append(.topicAliasMaximum, 1) }
    try client.subscribe("#")
    let publisher = try broker.connect("p")
    publisher.publish("long/topic", "1") { $0.append(.topicAlias, 3) }
    publisher.publish("", "2") { $0.append(.topicAlias, 3) }
    publisher.publish("other", "3")
    let messages = try (0..<3).map { _ in try client.takePublish() }
    #expect(messages.map { String(buffer: $0.topic) } == ["long/topic", "", "other"])
    #expect(messages.map { $0.properties.number(.topicAlias) } == [1, 1, nil])
    publisher.publish("", "4") { $0.append(.topicAlias, 11) }
    guard case .disconnect(let disconnect) = try publisher.take() else {
      Issue.record("no DISCONNECT")
      return
    }
    #expect(disconnect.reason == .topicAliasInvalid)
  }

  @Test func aRefusedMessageGivesItsTopicANumberAllTheSame() throws {
    let broker = try TestBroker()
    let publisher = try broker.connect("p")
    var payload = ByteBuffer()
    payload.writeBytes([0xFF])
    var properties = MQTTProperties()
    properties.append(.payloadFormatIndicator, 1)
    properties.append(.topicAlias, 1)
    publisher.send(
      .publish(
        MQTTPublish(
          topic: ByteBuffer(string: "t"), payload: payload, qos: .atLeastOnce, packetID: 1,
          properties: properties)))
    guard case .puback(let refusal) = try publisher.take() else {
      throw TestFailure("no PUBACK")
    }
    #expect(refusal.reason == .payloadFormatInvalid)
    let client = try broker.connect("c")
    try client.subscribe("t")
    publisher.publish("", "2") { $0.append(.topicAlias, 1) }
    #expect(String(buffer: try client.takePublish().topic) == "t")
  }

  @Test func retainedMessagesMeetNewSubscriptions() throws {
    let broker = try TestBroker()
    let publisher = try broker.connect("p", .v311)
    publisher.publish("a/b", "kept", .atLeastOnce, retain: true)
    publisher.publish("$a/b", "hidden", retain: true)
    let client = try broker.connect("c")
    for filter in ["#", "a/+", "+/b", "a/b/#"] {
      try client.subscribe(filter, .exactlyOnce)
      let message = try client.takePublish()
      #expect(message.retain && message.qos == .atLeastOnce)
      #expect(try client.next() == nil)
    }
    publisher.publish("a/b", "", retain: true)
    _ = try client.takePublish()
    try broker.connect("d").subscribe("a/b")
    #expect(broker.engine.tenant(named: "default").retained.count == 1)
  }

  @Test func permissionsHoldBothWays() throws {
    let broker = try TestBroker()
    broker.access.passwords = ["u": "pw", "admin": "pw"]
    let open = TopicPattern(canonical: Array("open.>".utf8), openTail: .zeroOrMore)
    let secret = TopicPattern(canonical: Array("open.secret".utf8))
    broker.access.permissions["u"] = Permissions(
      publish: .init(allow: [open]), subscribe: .init(allow: [open], deny: [secret]))
    func connect(_ name: String) throws -> TestClient {
      let client = try broker.open()
      client.send(
        .connect(
          MQTTConnect(
            version: .v5, clientID: ByteBuffer(string: name), userName: ByteBuffer(string: name),
            password: ByteBuffer(string: "pw"))))
      _ = try client.take()
      return client
    }
    let client = try connect("u")
    let admin = try connect("admin")
    #expect(try client.subscribe("closed") == .notAuthorized)
    #expect(try client.subscribe("open/secret") == .notAuthorized)
    #expect(try client.subscribe("open/#") == .success)
    admin.publish("open/secret")
    admin.publish("open/x", "seen")
    #expect(String(buffer: try client.takePublish().payload) == "seen")
    client.publish("closed", "x", .atLeastOnce)
    guard case .puback(let puback) = try client.take() else {
      Issue.record("no PUBACK")
      return
    }
    #expect(puback.reason == .notAuthorized)
    #expect(puback.properties.text(.reasonString) != nil)
    client.publish("$SYS/broker/version", "mine", .atLeastOnce)
    guard case .puback(let system) = try client.take() else { return }
    #expect(system.reason == .notAuthorized)
  }

  /// One client with `permissions` in the group `workers`, and what it is granted and delivered.
  private func received(
    _ permissions: Permissions, _ filter: String, _ topics: [String]
  ) throws -> (reason: MQTTReasonCode, topics: [String]) {
    let broker = try TestBroker()
    broker.access.permissions[""] = permissions
    let client = try broker.connect("c")
    let reason = try client.subscribe("$share/workers/\(filter)")
    _ = try client.subscribe("end")
    for topic in topics + ["end"] { client.publish(topic) }
    var got: [String] = []
    while got.last != "end" { got.append(String(buffer: try client.takePublish().topic)) }
    return (reason, got.dropLast())
  }

  @Test func denialsInGroupsHoldForSharedSubscriptions() throws {
    let secret = TopicPattern(canonical: Array("secret.>".utf8), reserved: .nothing)
    let workers = TopicPattern(canonical: Array("workers".utf8), reserved: .nothing)
    let denied = Permissions(denyInGroup: [.init(pattern: secret, group: workers)])
    let wide = try self.received(denied, "#", ["secret/x", "open"])
    #expect(wide.reason == .success && wide.topics == ["open"])
    #expect(try self.received(denied, "secret/+", []).reason == .notAuthorized)
  }

  @Test func whatIsGrantedInAGroupIsDelivered() throws {
    func pattern(_ text: String) -> TopicPattern {
      TopicPattern(canonical: Array(text.utf8), reserved: .nothing)
    }
    let permissions = Permissions(
      subscribe: .init(allow: [pattern("public.>"), pattern("end")], deny: [pattern("public.x")]),
      subscribeInGroup: [.init(pattern: pattern("work.>"), group: pattern("workers"))])
    let work = try self.received(permissions, "work/+", ["work/1"])
    #expect(work.reason == .success && work.topics == ["work/1"])
  }

  @Test func queuedMessagesObeyTodaysPermissions() throws {
    let broker = try TestBroker()
    broker.access.passwords = ["u": "pw"]
    func connect(_ name: String, clean: Bool) throws -> TestClient {
      let client = try broker.open()
      var properties = MQTTProperties()
      properties.append(.sessionExpiryInterval, 100)
      client.send(
        .connect(
          MQTTConnect(
            version: .v5, clientID: ByteBuffer(string: name), cleanStart: clean,
            userName: ByteBuffer(string: "u"), password: ByteBuffer(string: "pw"),
            properties: properties)))
      _ = try client.take()
      return client
    }
    let away = try connect("away", clean: true)
    for filter in ["a/#", "b"] { try away.subscribe(filter, .atLeastOnce) }
    away.abort()
    let publisher = try connect("p", clean: true)
    for topic in ["a/secret", "b", "a/open"] { publisher.publish(topic, topic, .atLeastOnce) }
    broker.access.permissions["u"] = Permissions(
      subscribe: .init(
        allow: [TopicPattern(canonical: Array("a.>".utf8), openTail: .zeroOrMore)],
        deny: [TopicPattern(canonical: Array("a.secret".utf8))]))
    let back = try connect("away", clean: false)
    #expect(String(buffer: try back.takePublish().payload) == "a/open")
    #expect(try back.next() == nil)
    // The subscription that is no longer permitted is gone; the other one is only filtered.
    #expect(broker.frontEnd.sessions.first { $0.clientName == "away" }?.subscriptions.count == 1)
  }

  @Test(arguments: ["", "$delayed/10/"])
  func topicsOfTooManyLevelsAreRefused(prefix: String) throws {
    let broker = try TestBroker()
    let client = try broker.connect("c")
    let most = prefix + String(repeating: "/", count: 255)
    client.publish(most, "x", .atLeastOnce, retain: true)
    #expect(
      try client.take()
        == .puback(
          MQTTAcknowledgement(
            packetID: 7, reason: prefix.isEmpty ? .noMatchingSubscribers : .success)))
    client.publish(most + "/", "x", .atLeastOnce, retain: true)
    guard case .disconnect(let disconnect) = try client.take() else {
      throw TestFailure("no DISCONNECT")
    }
    #expect(disconnect.reason == .topicNameInvalid)
    #expect(!client.isOpen || broker.engine.tenant(named: "default").retained.count <= 1)
  }

  @Test func aWillOfTooManyLevelsIsRefused() throws {
    let client = try TestBroker().open()
    let topic = ByteBuffer(string: String(repeating: "/", count: 256))
    client.send(
      .connect(
        MQTTConnect(
          version: .v5, clientID: ByteBuffer(string: "w"),
          will: MQTTConnect.Will(topic: topic, payload: ByteBuffer(string: "x")))))
    guard case .connack(let connack) = try client.take() else { throw TestFailure("no CONNACK") }
    #expect(connack.code == MQTTReasonCode.topicNameInvalid.rawValue)
  }

  @Test func delayedMessagesWait() throws {
    let broker = try TestBroker()
    let client = try broker.connect("c")
    try client.subscribe("t", .exactlyOnce)
    client.publish("$delayed/10/t", "later", .atLeastOnce) { $0.append(.contentType, "a/b") }
    #expect(try client.take() == .puback(MQTTAcknowledgement(packetID: 7)))
    broker.pass(9)
    #expect(try client.next() == nil)
    broker.pass(2)
    let message = try client.takePublish()
    #expect(String(buffer: message.topic) == "t" && message.qos == .atLeastOnce)
    #expect(message.properties.text(.contentType) == "a/b")
  }

  @Test func exclusiveSubscriptionsAreExclusive() throws {
    let broker = try TestBroker()
    let one = try broker.connect("one")
    let two = try broker.connect("two")
    #expect(try one.subscribe("$exclusive/t", .atLeastOnce) == .grantedQoS1)
    #expect(try two.subscribe("$exclusive/t") == .quotaExceeded)
    #expect(try two.subscribe("t") == .success)
    one.abort()
    #expect(try two.subscribe("$exclusive/t") == .success)
  }

  @Test func automaticSubscriptionsAndRewriting() throws {
    let broker = try TestBroker([
      "automatic_subscriptions": .list([
        .map([.init("filter", .text("cmd/${clientid}")), .init("qos", .integer(1))])
      ]),
      "rewrite": .list([
        .map([
          .init("direction", .text("all")), .init("source", .text("old/#")),
          .init("pattern", .text("^old/(.+)$")), .init("target", .text("new/$1")),
        ])
      ]),
    ])
    let client = try broker.connect("c")
    let publisher = try broker.connect("p")
    publisher.publish("cmd/c", "1", .atLeastOnce)
    #expect(try client.takePublish().qos == .atLeastOnce)
    try client.subscribe("new/x")
    publisher.publish("old/x")
    #expect(String(buffer: try client.takePublish().topic) == "new/x")
  }

  @Test func flappingClientsAreBanned() throws {
    let broker = try TestBroker([
      "flapping": .map([
        .init("enabled", .bool(true)), .init("connects_max", .integer(3)),
        .init("window_seconds", .double(60)), .init("ban_seconds", .double(30)),
      ])
    ])
    for _ in 0..<3 { try broker.connect("c").abort() }
    let banned = try broker.open()
    banned.send(.connect(MQTTConnect(version: .v5, clientID: ByteBuffer(string: "c"))))
    guard case .connack(let connack) = try banned.take() else { return }
    #expect(connack.code == MQTTReasonCode.banned.rawValue)
    _ = try broker.connect("d")
    broker.pass(31)
    _ = try broker.connect("c")
  }

  @Test func nobodyGetsAnotherClientBanned() throws {
    let broker = try TestBroker([
      "flapping": .map([.init("enabled", .bool(true)), .init("connects_max", .integer(2))])
    ])
    broker.access.passwords = ["victim": "v", "evil": "e"]
    func connect(_ user: String, _ password: String) throws -> UInt8 {
      let client = try broker.open()
      client.send(
        .connect(
          MQTTConnect(
            version: .v5, clientID: ByteBuffer(string: "c"), userName: ByteBuffer(string: user),
            password: ByteBuffer(string: password))))
      guard case .connack(let connack) = try client.take() else { throw TestFailure("no CONNACK") }
      client.abort()
      return connack.code
    }
    for _ in 0..<4 {
      #expect(try connect("victim", "x") == MQTTReasonCode.badUserNameOrPassword.rawValue)
    }
    let evil = try (0..<3).map { _ in try connect("evil", "e") }
    #expect(evil == [0, 0, MQTTReasonCode.banned.rawValue])
    #expect(try connect("victim", "v") == 0)
  }

  @Test func systemTopicsAreRetained() throws {
    let broker = try TestBroker(["sys_interval_seconds": .double(10)])
    broker.frontEnd.started(listeners: [:])
    let client = try broker.connect("c")
    try client.subscribe("$SYS/broker/version")
    let message = try client.takePublish()
    #expect(String(buffer: message.payload) == "godwit version 1.2.3" && message.retain)
    try client.subscribe("$SYS/broker/clients/connected")
    _ = try client.takePublish()
    broker.pass(11)
    #expect(String(buffer: try client.takePublish().payload) == "1")
  }

  @Test func otherTenantsSeeTheirOwnFiguresOnly() throws {
    let broker = try TestBroker(["sys_interval_seconds": .double(10)])
    broker.access.passwords = ["home": "pw", "guest": "pw"]
    broker.access.tenants = ["guest": "guests"]
    broker.frontEnd.started(listeners: [:])
    func figures(_ user: String) throws -> [String: String] {
      let client = try broker.open()
      client.send(
        .connect(
          MQTTConnect(
            version: .v5, clientID: ByteBuffer(string: user), userName: ByteBuffer(string: user),
            password: ByteBuffer(string: "pw"))))
      _ = try client.take()
      broker.pass(11)
      _ = try client.subscribe("$SYS/broker/#")
      var figures: [String: String] = [:]
      while case .publish(let message)? = try client.next() {
        figures[String(buffer: message.topic)] = String(buffer: message.payload)
      }
      return figures
    }
    let home = try figures("home")
    let guest = try figures("guest")
    #expect(home["$SYS/broker/clients/connected"] == "1")
    #expect(home["$SYS/broker/bytes/received"] != nil)
    #expect(try figures("home")["$SYS/broker/clients/connected"] == "2")
    #expect(guest["$SYS/broker/clients/connected"] == "1")
    #expect(guest["$SYS/broker/version"] != nil)
    #expect(guest["$SYS/broker/bytes/received"] == nil)
    #expect(!guest.keys.contains { $0.contains("load") })
    // Whose tenant is no longer the default one keeps nothing.
    broker.frontEnd.context.access.defaultTenant = "guests"
    #expect(try figures("home")["$SYS/broker/bytes/received"] == nil)
    #expect(try figures("guest")["$SYS/broker/bytes/received"] != nil)
  }

  @Test(arguments: [(1 as UInt32, false), (4, false), (200, true)])
  func nothingIsSentThatIsTooLargeForTheClient(_ packetSizeMax: UInt32, _ isServed: Bool) throws {
    let broker = try TestBroker()
    let client = try broker.open()
    var properties = MQTTProperties()
    properties.append(.maximumPacketSize, packetSizeMax)
    client.send(
      .connect(
        MQTTConnect(version: .v5, clientID: ByteBuffer(string: "c"), properties: properties)))
    #expect(try (client.next() != nil) == isServed)
    #expect(client.isOpen == isServed)
  }

  @Test func mutatedPacketsHarmNobodyElse() throws {
    let broker = try TestBroker()
    let bystander = try broker.connect("bystander")
    try bystander.subscribe("quiet/please", .atLeastOnce)
    var mutator = ByteMutator(seed: 0x4D51, corpus: Vectors.packets.map(\.bytes))
    var client = try broker.connect("fuzz")
    for round in 0..<8000 {
      if !client.isOpen || !client.connection.isOpen {
        let version = MQTTVersion.allCases[round % 3]
        client = try broker.connect("fuzz\(round % 50)", version)
      }
      client.send(ByteBuffer(bytes: mutator.next()))
      while (try? client.channel.readOutbound(as: ByteBuffer.self)) != nil {}
    }
    try broker.connect("after").publish("quiet/please", "still here", .atLeastOnce)
    var heard = false
    while let packet = try bystander.next() {
      if case .publish(let publish) = packet, String(buffer: publish.payload) == "still here" {
        heard = true
      }
    }
    #expect(heard)
  }
}
