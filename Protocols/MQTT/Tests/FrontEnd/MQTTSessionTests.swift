import GodwitEngine
import GodwitFrontEndKit
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import MQTTFrontEnd

@Suite struct MQTTSessionTests {
  @Test(arguments: MQTTVersion.allCases, MQTTVersion.allCases)
  func handsMessagesOn(_ from: MQTTVersion, _ to: MQTTVersion) throws {
    let broker = try TestBroker()
    let publisher = try broker.connect("p", from)
    let subscriber = try broker.connect("s", to)
    for (filter, qos) in [("a/+", MQTTQoS.atMostOnce), ("b", .atLeastOnce), ("c/#", .exactlyOnce)] {
      #expect(try subscriber.subscribe(filter, qos).rawValue == qos.rawValue)
    }
    publisher.publish("a/b", "zero")
    publisher.publish("b", "one", .atLeastOnce)
    publisher.publish("c", "two", .exactlyOnce)
    let messages = try (0..<3).map { _ in try subscriber.takePublish() }
    #expect(messages.map { String(buffer: $0.topic) } == ["a/b", "b", "c"])
    #expect(messages.map { String(buffer: $0.payload) } == ["zero", "one", "two"])
    #expect(messages.map(\.qos) == [.atMostOnce, .atLeastOnce, .exactlyOnce])
    #expect(try subscriber.next() == nil)
    #expect(try publisher.take() == .puback(MQTTAcknowledgement(packetID: 7)))
    #expect(try publisher.take() == .pubrec(MQTTAcknowledgement(packetID: 7)))
  }

  @Test func sendsAgainWhatWasNotAcknowledged() throws {
    let broker = try TestBroker()
    let keep: (inout MQTTProperties) -> Void = { $0.append(.sessionExpiryInterval, 100) }
    var client = try broker.connect("c", clean: false, properties: keep)
    try client.subscribe("t", .exactlyOnce)
    let publisher = try broker.connect("p")
    for number in 0..<3 {
      publisher.publish("t", "\(number)", .exactlyOnce, packetID: UInt16(number + 1))
    }
    let sent = try (0..<3).map { _ in try client.takePublish() }
    client.send(.pubrec(MQTTAcknowledgement(packetID: sent[0].packetID)))
    #expect(try client.take() == .pubrel(MQTTAcknowledgement(packetID: sent[0].packetID)))
    client.abort()
    publisher.publish("t", "3", .atLeastOnce)
    client = try broker.connect("c", clean: false, properties: keep)
    #expect(client.connack.sessionPresent)
    #expect(try client.take() == .pubrel(MQTTAcknowledgement(packetID: sent[0].packetID)))
    for number in 1..<3 {
      let again = try client.takePublish()
      #expect(again.packetID == sent[number].packetID && again.duplicate)
    }
    let waiting = try client.takePublish()
    #expect(String(buffer: waiting.payload) == "3" && !waiting.duplicate)
    #expect(try client.next() == nil)
  }

  @Test func windowIsTheClientsReceiveMaximum() throws {
    let broker = try TestBroker()
    let client = try broker.connect("c") { $0.append(.receiveMaximum, 2) }
    try client.subscribe("t", .atLeastOnce)
    let publisher = try broker.connect("p")
    for number in 0..<5 { publisher.publish("t", "\(number)", .atLeastOnce) }
    var window = [try client.takePublish(), try client.takePublish()]
    #expect(try client.next() == nil)
    for number in 2..<5 {
      client.send(.puback(MQTTAcknowledgement(packetID: window.removeLast().packetID)))
      let message = try client.takePublish()
      #expect(String(buffer: message.payload) == "\(number)")
      window.append(message)
      #expect(try client.next() == nil)
    }
  }

  @Test func aSecondConnectionTakesOver() throws {
    let broker = try TestBroker()
    let first = try broker.connect("c") { $0.append(.sessionExpiryInterval, 100) }
    try first.subscribe("t")
    let second = try broker.connect("c", clean: false)
    #expect(second.connack.sessionPresent)
    #expect(try first.take() == .disconnect(MQTTDisconnect(reason: .sessionTakenOver)))
    try broker.connect("p").publish("t", "x")
    #expect(String(buffer: try second.takePublish().payload) == "x")
  }

  @Test func sessionsEndWithTheirExpiry() throws {
    let broker = try TestBroker()
    let client = try broker.connect("c") { $0.append(.sessionExpiryInterval, 10) }
    try client.subscribe("t", .atLeastOnce)
    client.abort()
    #expect(broker.frontEnd.sessionCount == 1)
    broker.pass(9)
    #expect(broker.frontEnd.sessionCount == 1)
    broker.pass(2)
    #expect(broker.frontEnd.sessionCount == 0)
    #expect(broker.frontEnd.statistics.subscriptions == 0)
    #expect(broker.engine.tenant(named: "default").router.subscriptionCount == 0)
  }

  @Test func willWaitsForItsDelay() throws {
    let broker = try TestBroker()
    let watcher = try broker.connect("w")
    try watcher.subscribe("will")
    var will = MQTTConnect.Will(topic: ByteBuffer(string: "will"), payload: ByteBuffer(string: "!"))
    will.properties.append(.willDelayInterval, 5)
    let keep: (inout MQTTProperties) -> Void = { $0.append(.sessionExpiryInterval, 100) }
    var client = try broker.connect("c", will: will, properties: keep)
    client.abort()
    broker.pass(3)
    client = try broker.connect("c", clean: false, will: will, properties: keep)
    broker.pass(10)
    #expect(try watcher.next() == nil)
    client.abort()
    broker.pass(4)
    #expect(try watcher.next() == nil)
    broker.pass(2)
    let message = try watcher.takePublish()
    #expect(String(buffer: message.payload) == "!" && message.properties.isEmpty)
  }

  @Test func oneCopyCarriesEveryIdentifier() throws {
    let broker = try TestBroker()
    let client = try broker.connect("c")
    try client.subscribe("a/b", .atMostOnce, identifier: 1)
    try client.subscribe("a/+", .exactlyOnce, noLocal: true, identifier: 300)
    try client.subscribe("a/#", .atLeastOnce)
    let other = try broker.connect("o")
    other.publish("a/b", "theirs", .exactlyOnce)
    let theirs = try client.takePublish()
    #expect(theirs.qos == .exactlyOnce)
    #expect(Set(theirs.properties.numbers(.subscriptionIdentifier)) == [1, 300])
    client.publish("a/b", "mine", .exactlyOnce)
    let mine = try client.takePublish()
    #expect(mine.qos == .atLeastOnce)
    #expect(mine.properties.numbers(.subscriptionIdentifier) == [1])
  }

  @Test func remainingExpiryIsForwarded() throws {
    let broker = try TestBroker()
    let keep: (inout MQTTProperties) -> Void = { $0.append(.sessionExpiryInterval, 1000) }
    let client = try broker.connect("c", properties: keep)
    try client.subscribe("t", .atLeastOnce)
    client.abort()
    let publisher = try broker.connect("p")
    publisher.publish("t", "short", .atLeastOnce) { $0.append(.messageExpiryInterval, 5) }
    publisher.publish("t", "long", .atLeastOnce) { $0.append(.messageExpiryInterval, 100) }
    broker.pass(30)
    let back = try broker.connect("c", clean: false, properties: keep)
    let message = try back.takePublish()
    #expect(String(buffer: message.payload) == "long")
    #expect(message.properties.number(.messageExpiryInterval) == 70)
    #expect(try back.next() == nil)
  }

  @Test func queueIsBounded() throws {
    let broker = try TestBroker(["max_queued": .integer(3)])
    let keep: (inout MQTTProperties) -> Void = { $0.append(.sessionExpiryInterval, 1000) }
    let client = try broker.connect("c", properties: keep)
    try client.subscribe("t", .atLeastOnce)
    client.abort()
    let publisher = try broker.connect("p")
    for number in 0..<5 { publisher.publish("t", "\(number)", .atLeastOnce) }
    let back = try broker.connect("c", clean: false, properties: keep)
    let payloads = try (0..<3).map { _ in String(buffer: try back.takePublish().payload) }
    #expect(payloads == ["0", "1", "2"])
    #expect(try back.next() == nil)
    #expect(broker.frontEnd.statistics.publishesDropped == 2)
    let full = broker.engine.memory.used
    for number: UInt16 in 1...3 { back.send(.puback(MQTTAcknowledgement(packetID: number))) }
    #expect(broker.engine.memory.used < full - 3 * 336)
    // The session and its subscription still count, until it ends.
    #expect(broker.engine.memory.used > 0)
    back.abort()
    _ = try broker.connect("c")
    #expect(broker.engine.memory.used == 0)
  }

  @Test func lastingSessionsAreCharged() throws {
    let broker = try TestBroker(limits: { $0.storedBytesMax = 300_000 })
    let keep: (inout MQTTProperties) -> Void = { $0.append(.sessionExpiryInterval, 1000) }
    let long = String(repeating: "x", count: 60_000)
    try broker.connect("1" + long, properties: keep).abort()
    let charged = broker.engine.memory.used
    #expect(charged > 60_000)
    // Coming back costs nothing more, a clean session nothing at all.
    try broker.connect("1" + long, clean: false, properties: keep).abort()
    _ = try broker.connect("2" + long)
    #expect(broker.engine.memory.used == charged)
    try broker.connect("2" + long, properties: keep).abort()
    let refused = try broker.open()
    var properties = MQTTProperties()
    keep(&properties)
    refused.send(
      .connect(
        MQTTConnect(
          version: .v5, clientID: ByteBuffer(string: "3" + long), cleanStart: true,
          properties: properties)))
    guard case .connack(let connack) = try refused.take() else { throw TestFailure("no CONNACK") }
    #expect(connack.code == MQTTReasonCode.quotaExceeded.rawValue)
    broker.pass(1001)
    #expect(broker.engine.memory.used == 0)
  }

  @Test func retainedMessagesComeInSlices() throws {
    let broker = try TestBroker()
    let tenant = broker.engine.tenant(named: "default")
    let count = 3_000
    for index in 0..<count {
      try tenant.retained.set(
        tenant.record(topic: Array("r.\(index)".utf8), payload: Array("\(index)".utf8)))
    }
    let client = try broker.connect("c")
    try client.subscribe("#")
    var found: Set<String> = []
    while case .publish(let publish)? = try client.next() {
      #expect(found.insert(String(buffer: publish.payload)).inserted)
    }
    #expect(found.count > 1_000 && found.count < count, "\(found.count)")
    // In later turns the rest comes, once each.
    for _ in 0..<10 {
      broker.eventLoop.advanceTime(by: .milliseconds(1))
      while case .publish(let publish)? = try client.next() {
        #expect(found.insert(String(buffer: publish.payload)).inserted)
      }
    }
    #expect(found.count == count)
  }

  @Test func aRepeatedFilterIsAnsweredOnce() throws {
    let broker = try TestBroker()
    let tenant = broker.engine.tenant(named: "default")
    try tenant.retained.set(tenant.record(topic: Array("t".utf8), payload: [1]))
    let client = try broker.connect("c")
    let requests = (0..<50).map { _ in
      MQTTSubscribe.Request(filter: ByteBuffer(string: "t"), qos: .atMostOnce)
    }
    client.send(.subscribe(MQTTSubscribe(packetID: 1, requests: requests)))
    guard case .suback(let suback) = try client.take() else { throw TestFailure("no SUBACK") }
    #expect(suback.reasons.count == 50)
    _ = try client.takePublish()
    #expect(try client.next() == nil)
  }

  @Test func slowReadersLoseQoS0() throws {
    let broker = try TestBroker(["pending_bytes_max": .integer(65_536)])
    let slow = try broker.connect("s")
    try slow.subscribe("t")
    slow.channel.isWritable = false
    let publisher = try broker.connect("p")
    let payload = String(repeating: "x", count: 10_000)
    for _ in 0..<10 { publisher.publish("t", payload) }
    #expect(broker.frontEnd.statistics.publishesDropped == 3)
    #expect(slow.connection.counters.dropped == 3)
    #expect(slow.isOpen)
  }

  @Test func tooLargeForTheClientIsDropped() throws {
    let broker = try TestBroker()
    let small = try broker.connect("s") { $0.append(.maximumPacketSize, 50) }
    let large = try broker.connect("l")
    for client in [small, large] {
      for filter in ["0", "1"] { try client.subscribe(filter, .atLeastOnce) }
    }
    let publisher = try broker.connect("p")
    for qos in [MQTTQoS.atMostOnce, .atLeastOnce] {
      publisher.publish("\(qos.rawValue)", String(repeating: "x", count: 60), qos)
      #expect(try large.takePublish().payload.readableBytes == 60)
      #expect(try small.next() == nil)
      publisher.publish("\(qos.rawValue)", "ok", qos)
      #expect(try small.takePublish().payload.readableBytes == 2)
      _ = try large.takePublish()
    }
  }

  /// What a member has not worked off when its session ends is another member's (MQTT 5.0, 4.8.2),
  /// except for QoS 2 that was sent.
  @Test(arguments: [MQTTQoS.atLeastOnce, .exactlyOnce], [0, 5])
  func whatAMemberLeavesGoesToAnother(qos: MQTTQoS, expiry: UInt32) throws {
    let broker = try TestBroker()
    let leaver = try broker.connect("leaver") {
      $0.append(.receiveMaximum, 2)
      $0.append(.sessionExpiryInterval, expiry)
    }
    try leaver.subscribe("$share/g/t", qos)
    let publisher = try broker.connect("p")
    for number in 0..<6 {
      publisher.publish("t", "\(number)", qos, packetID: UInt16(number + 1))
    }
    let other = try broker.connect("other")
    try other.subscribe("$share/g/t", qos)
    let stranger = try broker.connect("stranger")
    try stranger.subscribe("$share/h/t", qos)
    leaver.abort()
    if expiry > 0 {
      #expect(try other.next() == nil)
      broker.pass(6)
    }
    var got: [String] = []
    while let packet = try other.next() {
      guard case .publish(let publish) = packet else { continue }
      got.append(String(buffer: publish.payload))
      other.send(.puback(MQTTAcknowledgement(packetID: publish.packetID)))
    }
    #expect(got == (qos == .atLeastOnce ? 0..<6 : 2..<6).map(String.init))
    #expect(try stranger.next() == nil)
  }

  @Test func whatNobodyCanTakeIsCounted() throws {
    let broker = try TestBroker()
    let leaver = try broker.connect("leaver")
    try leaver.subscribe("$share/g/t", .atLeastOnce)
    let publisher = try broker.connect("p")
    for number in 1...3 as ClosedRange<UInt16> {
      publisher.publish("t", "x", .atLeastOnce, packetID: number)
    }
    leaver.abort()
    #expect(broker.frontEnd.statistics.publishesDropped == 3)
  }

  @Test func sharedSubscriptionsTakeTurns() throws {
    let broker = try TestBroker()
    let members = try (0..<3).map { try broker.connect("m\($0)") }
    for member in members { try member.subscribe("$share/g/t/#", .atLeastOnce) }
    let publisher = try broker.connect("p")
    for _ in 0..<60 { publisher.publish("t/x", "x", .atLeastOnce) }
    var counts: [Int] = []
    for member in members {
      var count = 0
      while let packet = try member.next() {
        if case .publish(let publish) = packet {
          count += 1
          member.send(.puback(MQTTAcknowledgement(packetID: publish.packetID)))
        }
      }
      counts.append(count)
    }
    #expect(counts.reduce(0, +) == 60)
    #expect(counts.allSatisfy { $0 > 0 })
  }
}
