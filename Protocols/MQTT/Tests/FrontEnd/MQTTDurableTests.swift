import GodwitSimulator
import MQTTWire
import NIOCore
import Testing

@testable import GodwitEngine
@testable import MQTTFrontEnd

/// What outlives the process, with a disk that answers when it is told.
@Suite struct MQTTDurableTests {
  private let disk = SimulatedDisk(seed: 1)

  private func start() throws -> TestBroker { try TestBroker(disk: disk) }

  private func lasting(
    _ broker: TestBroker, _ name: String = "c", seconds: UInt32 = 600,
    will: MQTTConnect.Will? = nil
  ) throws -> TestClient {
    try broker.connect(name, clean: false, will: will, expirySeconds: seconds)
  }

  private func acknowledge(_ type: MQTTPacketType, _ packetID: UInt16) -> MQTTPacket {
    let value = MQTTAcknowledgement(packetID: packetID)
    return type == .puback
      ? .puback(value)
      : type == .pubrec ? .pubrec(value) : type == .pubrel ? .pubrel(value) : .pubcomp(value)
  }

  private func reason(_ packet: MQTTPacket?) -> MQTTReasonCode? {
    switch packet {
    case .puback(let value), .pubrec(let value), .pubrel(let value), .pubcomp(let value):
      value.reason
    default: nil
    }
  }

  @Test func nothingIsAcknowledgedOrDeliveredBeforeItIsCommitted() throws {
    let broker = try start()
    let reader = try lasting(broker, "r")
    try reader.subscribe("t", .atLeastOnce)
    let publisher = try broker.connect("p")
    publisher.publish("t", "x", .atLeastOnce, packetID: 5)
    #expect(try publisher.next() == nil)
    #expect(try reader.next() == nil)
    broker.commit()
    #expect(try publisher.take() == acknowledge(.puback, 5))
    #expect(try reader.takePublish().payload == ByteBuffer(string: "x"))
  }

  @Test func connackAndSubackWaitForTheDisk() throws {
    let broker = try start()
    let client = try broker.open()
    var properties = MQTTProperties()
    properties.append(.sessionExpiryInterval, 600)
    client.send(
      .connect(
        MQTTConnect(
          version: .v5, clientID: ByteBuffer(string: "c"), cleanStart: false,
          keepAliveSeconds: 0, properties: properties)))
    client.send(.pingreq)
    #expect(try client.next() == nil)
    broker.commit()
    guard case .connack(let connack) = try client.take() else {
      Issue.record("no CONNACK")
      return
    }
    #expect(connack.code == 0)
    #expect(try client.take() == .pingresp)
    client.send(
      .subscribe(
        MQTTSubscribe(
          packetID: 1, requests: [.init(filter: ByteBuffer(string: "t"), qos: .atLeastOnce)])))
    client.send(.pingreq)
    #expect(try client.take() == .pingresp)
    #expect(try client.next() == nil)
    broker.commit()
    guard case .suback = try client.take() else {
      Issue.record("no SUBACK")
      return
    }
  }

  /// A message of QoS 2 comes again by another connection while the disk still has the first.
  @Test func whatComesAgainWaitsForTheFirst() throws {
    let broker = try start()
    let reader = try lasting(broker, "r")
    try reader.subscribe("t", .exactlyOnce)
    let publisher = try lasting(broker, "p")
    publisher.publish("t", "x", .exactlyOnce, packetID: 5)
    publisher.abort()
    let again = try broker.open()
    var properties = MQTTProperties()
    properties.append(.sessionExpiryInterval, 600)
    again.send(
      .connect(
        MQTTConnect(
          version: .v5, clientID: ByteBuffer(string: "p"), cleanStart: false,
          keepAliveSeconds: 0, properties: properties)))
    guard case .connack(let connack) = try again.take() else {
      Issue.record("no CONNACK")
      return
    }
    #expect(connack.sessionPresent)
    again.publish("t", "x", .exactlyOnce, packetID: 5)
    #expect(try again.next() == nil)
    broker.commit()
    #expect(try again.take() == acknowledge(.pubrec, 5))
    #expect(try again.next() == nil)
    #expect(try reader.takePublish().qos == .exactlyOnce)
    #expect(try reader.next() == nil)
  }

  /// The same, and the disk does not take it.
  @Test func whatComesAgainIsRefusedWithTheFirst() throws {
    let broker = try start()
    let reader = try lasting(broker, "r")
    try reader.subscribe("t", .exactlyOnce)
    let publisher = try lasting(broker, "p")
    disk.faults.capacity = disk.usedBytes
    publisher.publish("t", "x", .exactlyOnce, packetID: 5)
    publisher.publish("t", "x", .exactlyOnce, packetID: 5)
    broker.commit()
    #expect(reason(try publisher.next()) == .quotaExceeded)
    #expect(reason(try publisher.next()) == .quotaExceeded)
    disk.faults.capacity = .max
    publisher.publish("t", "y", .exactlyOnce, packetID: 5)
    broker.commit()
    #expect(reason(try publisher.next()) == .success)
    #expect(try reader.takePublish().payload == ByteBuffer(string: "y"))
    #expect(try reader.next() == nil)
  }

  @Test func aMessageIsUnderWayAgainByItsIdentifier() throws {
    var broker = try start()
    var reader = try lasting(broker, "r")
    try reader.subscribe("t", .exactlyOnce, identifier: 9)
    let publisher = try broker.connect("p")
    for number in 0..<3 {
      publisher.publish("t", "\(number)", .exactlyOnce, packetID: UInt16(number + 1))
    }
    broker.commit()
    let sent = try (0..<3).map { _ in try reader.takePublish() }
    reader.send(acknowledge(.pubrec, sent[0].packetID))
    #expect(try reader.next() == nil)
    broker.commit()
    #expect(try reader.take() == acknowledge(.pubrel, sent[0].packetID))
    reader.send(acknowledge(.pubrec, sent[1].packetID))
    broker = try broker.restarted()
    reader = try lasting(broker, "r")
    #expect(reader.connack.sessionPresent)
    // The second PUBREC was written down, and not yet answered.
    #expect(try reader.take() == acknowledge(.pubrel, sent[0].packetID))
    #expect(try reader.take() == acknowledge(.pubrel, sent[1].packetID))
    let again = try reader.takePublish()
    #expect(again.packetID == sent[2].packetID)
    #expect(again.duplicate)
    #expect(again.payload == sent[2].payload)
    #expect(again.properties.number(.subscriptionIdentifier) == 9)
    #expect(try reader.next() == nil)
  }

  @Test func aReceivedIdentifierIsKnownUntilItIsReleased() throws {
    var broker = try start()
    let reader = try lasting(broker, "r")
    try reader.subscribe("t", .atLeastOnce)
    var publisher = try lasting(broker, "p")
    publisher.publish("t", "1", .exactlyOnce, packetID: 1)
    publisher.publish("t", "2", .exactlyOnce, packetID: 2)
    broker.commit()
    publisher.send(acknowledge(.pubrel, 2))
    broker.commit()
    #expect(try publisher.take() == acknowledge(.pubrec, 1))
    #expect(try publisher.take() == acknowledge(.pubrec, 2))
    #expect(try publisher.take() == acknowledge(.pubcomp, 2))
    broker = try broker.restarted()
    publisher = try lasting(broker, "p")
    publisher.publish("t", "1", .exactlyOnce, packetID: 1)
    publisher.publish("t", "new", .exactlyOnce, packetID: 2)
    broker.commit()
    #expect(try publisher.take() == acknowledge(.pubrec, 1))
    #expect(try publisher.take() == acknowledge(.pubrec, 2))
    let after = try lasting(broker, "r")
    let texts = try (0..<3).map { _ in String(buffer: try after.takePublish().payload) }
    #expect(texts == ["1", "2", "new"])
    #expect(try after.next() == nil)
  }

  @Test func timeGoesOnWhileTheProcessIsAway() throws {
    var broker = try start()
    var properties = MQTTProperties()
    properties.append(.willDelayInterval, 50)
    let will = MQTTConnect.Will(
      topic: ByteBuffer(string: "will"), payload: ByteBuffer(string: "gone"), qos: .atLeastOnce,
      properties: properties)
    let watcher = try lasting(broker, "w", seconds: 100_000)
    try watcher.subscribe("will", .atLeastOnce)
    let short = try lasting(broker, "short", seconds: 100)
    short.abort()
    let left = try lasting(broker, "left", seconds: 1_000, will: will)
    left.abort()
    broker.commit()
    broker = try broker.restarted(afterSeconds: 40)
    #expect(broker.frontEnd.sessions.count == 3)
    broker.pass(20)
    broker.commit()
    let again = try lasting(broker, "w", seconds: 100_000)
    #expect(try again.takePublish().payload == ByteBuffer(string: "gone"))
    again.send(acknowledge(.puback, 1))
    broker.commit()
    broker.pass(60)
    #expect(broker.frontEnd.sessions.map(\.clientName).sorted() == ["left", "w"])
    broker.commit()
    broker = try broker.restarted(afterSeconds: 2_000)
    broker.pass(1)
    #expect(broker.frontEnd.sessions.map(\.clientName) == ["w"])
    // The will went out once.
    #expect(try lasting(broker, "w").next() == nil)
  }

  @Test func aSessionWhoseUserIsGoneIsNotThereAgain() throws {
    var broker = try TestBroker(disk: disk, passwords: ["a": "x", "b": "y"])
    for user in ["a", "b"] {
      let client = try broker.connect(user, clean: false, expirySeconds: 600, user: user)
      try client.subscribe("t", .atLeastOnce)
    }
    broker = try broker.restarted(passwords: ["b": "new"])
    #expect(broker.frontEnd.sessions.map(\.clientName) == ["b"])
    broker.commit()
    broker = try broker.restarted(passwords: ["a": "x", "b": "new"])
    #expect(broker.frontEnd.sessions.map(\.clientName) == ["b"])
    #expect(broker.frontEnd.statistics.subscriptions == 1)
  }

  @Test func delayedMessagesAreJudgedWhenTheyGoOut() throws {
    var broker = try TestBroker(disk: disk, passwords: ["a": "x", "b": "y"])
    let reader = try broker.connect("r", clean: false, expirySeconds: 600, user: "b")
    try reader.subscribe("t/#", .atLeastOnce)
    for user in ["a", "b"] {
      let publisher = try broker.connect(user, user: user)
      publisher.publish("$delayed/30/t/\(user)", user, .atLeastOnce)
      #expect(try publisher.next() == nil)
      broker.commit()
      #expect(reason(try publisher.next()) == .success)
    }
    broker = try broker.restarted(passwords: ["b": "y"])
    broker.pass(31)
    broker.commit()
    let after = try broker.connect("r", clean: false, expirySeconds: 600, user: "b")
    #expect(try after.takePublish().payload == ByteBuffer(string: "b"))
    #expect(try after.next() == nil)
  }

  @Test func whatASharedSubscriptionHasGivenGoesToOthersAfterARestart() throws {
    var broker = try start()
    let one = try lasting(broker, "one", seconds: 100)
    try one.subscribe("$share/g/t", .atLeastOnce)
    one.abort()
    let publisher = try broker.connect("p")
    for number in 0..<3 {
      publisher.publish("t", "\(number)", .atLeastOnce, packetID: UInt16(number + 1))
    }
    broker.commit()
    broker = try broker.restarted()
    let two = try lasting(broker, "two")
    try two.subscribe("$share/g/t", .atLeastOnce)
    broker.pass(101)
    broker.commit()
    #expect(broker.frontEnd.sessions.map(\.clientName) == ["two"])
    let texts = try (0..<3).map { _ in String(buffer: try two.takePublish().payload) }
    #expect(texts == ["0", "1", "2"])
    #expect(broker.engine.tenant(named: "default").queues?.recordCount == 3)
  }

  @Test func aCleanStartLeavesNothing() throws {
    var broker = try start()
    let first = try lasting(broker)
    try first.subscribe("t", .atLeastOnce)
    let publisher = try broker.connect("p")
    publisher.publish("t", "x", .atLeastOnce)
    broker.commit()
    _ = try broker.connect("c", clean: true)
    broker.commit()
    #expect(broker.engine.tenant(named: "default").queues?.recordCount == 0)
    broker = try broker.restarted()
    #expect(broker.frontEnd.sessions.isEmpty)
  }

  /// 65,535 messages later an identifier is used again, and never while the client has it.
  @Test func identifiersWrap() throws {
    let broker = try start()
    let reader = try lasting(broker, "r")
    try reader.subscribe("t", .atLeastOnce)
    let queue = try #require(broker.frontEnd.sessions.first?.queue)
    queue.restore(nextSequence: 65_530)
    let publisher = try broker.connect("p")
    for number in 0..<10 {
      publisher.publish("t", "\(number)", .atLeastOnce, packetID: UInt16(number + 1))
    }
    broker.commit()
    let packetIDs = try (0..<10).map { _ in try reader.takePublish().packetID }
    #expect(packetIDs == [65_531, 65_532, 65_533, 65_534, 65_535, 1, 2, 3, 4, 5])
  }
}
