import GodwitEngine
import GodwitFrontEndKit
import GodwitWireTesting
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import MQTTFrontEnd

/// Clients that publish and subscribe, and whose connections break at any moment, on either side of
/// any packet: what a publisher was told is safe has reached every session that it was for, QoS 2
/// once, and then nothing is left. A few runs in `make test`, many in `make fuzz`.
@Suite struct MQTTConservationTests {
  @Test func whatIsAcknowledgedArrives() throws {
    var repeated = 0
    for round in 0..<FuzzEffort.rounds(12) {
      let seed = FuzzEffort.seed(0x544F_4B45) &+ UInt64(round)
      var run = try Run(seed: seed)
      try run.happen(steps: 1_200)
      try run.settle()
      run.checkEverythingArrived()
      run.checkNothingIsLeft()
      repeated += run.everyone.reduce(0) { $0 + $1.repeatedCount }
    }
    // Without a break at a bad moment nothing would have been put to the test.
    #expect(repeated > 0)
  }
}

private struct Run {
  let seed: UInt64
  var everyone: [Fickle]
  private let broker: TestBroker
  private var random: SplitMix64
  private var messages: [Said] = []

  init(seed: UInt64) throws {
    self.seed = seed
    random = SplitMix64(seed: seed)
    broker = try TestBroker([
      "max_inflight": .integer(Int.random(in: 1...5, using: &random)),
      "session_expiry_seconds_max": .integer(100_000),
    ])
    let wishes: [[Fickle.Wish]] = [
      [.init("t/+", .exactlyOnce)], [.init("t/1", .atLeastOnce)],
      [.init("t/+", .atLeastOnce), .init("t/2", .exactlyOnce)], [.init("#", .exactlyOnce)],
      [.init("$share/g/t/+", .exactlyOnce)], [.init("$share/g/t/+", .exactlyOnce)],
    ]
    everyone = []
    for (number, wishes) in wishes.enumerated() {
      let version: MQTTVersion = Bool.random(using: &random) ? .v5 : .v311
      let one = Fickle("c\(number)", version, wishes, broker)
      try one.connect(window: nil)
      for wish in wishes { try one.client?.subscribe(wish.filter, wish.qos) }
      everyone.append(one)
    }
  }

  mutating func happen(steps: Int) throws {
    for _ in 0..<steps {
      let one = everyone[Int.random(in: 0..<everyone.count, using: &random)]
      let window = Bool.random(using: &random) ? nil : UInt32.random(in: 1...4, using: &random)
      guard one.client != nil else {
        if Int.random(in: 0..<4, using: &random) == 0 { try one.connect(window: window) }
        continue
      }
      switch Int.random(in: 0..<40, using: &random) {
      case 0: one.loseConnection()
      // The server still believes in the connection before.
      case 1: try one.connect(window: window)
      case 2: broker.pass(0.3)
      case 3..<16: say(one)
      case 16..<28: one.flush(Int.random(in: 1...3, using: &random))
      default: try one.read(Int.random(in: 1...3, using: &random))
      }
    }
  }

  private mutating func say(_ one: Fickle) {
    let qos: MQTTQoS = Bool.random(using: &random) ? .atLeastOnce : .exactlyOnce
    let topic = "t/\(Int.random(in: 0..<4, using: &random))"
    let said = Said(publisher: one.name, number: messages.count, topic: topic, qos: qos)
    if one.say(said) { messages.append(said) }
  }

  /// Everybody comes back and does what is still to be done.
  mutating func settle() throws {
    for one in everyone where one.client == nil { try one.connect(window: nil) }
    var isMoving = true
    while isMoving {
      isMoving = false
      for one in everyone {
        if one.flush(.max) > 0 { isMoving = true }
        if try one.read(.max) > 0 { isMoving = true }
      }
    }
  }

  func checkEverythingArrived() {
    #expect(messages.count > 100)
    for one in everyone {
      #expect(one.underWay.isEmpty, "\(one.name), seed \(seed)")
      #expect(one.unreleased.isEmpty, "\(one.name), seed \(seed)")
      if !one.wishes.contains(where: \.isShared) { checkOrder(of: one) }
    }
    let acknowledged = everyone.reduce(into: Set<Int>()) { $0.formUnion($1.acknowledged) }
    #expect(acknowledged == Set(messages.map(\.number)), "seed \(seed)")
    let members = everyone.filter { $0.wishes.contains(where: \.isShared) }
    for said in messages {
      for one in everyone where !one.wishes.contains(where: \.isShared) {
        guard let granted = one.wishes.filter({ $0.matches(said) }).map(\.qos).max() else {
          #expect(one.count(of: said) == 0, "\(said) at \(one.name), seed \(seed)")
          continue
        }
        check(one.count(of: said), said, min(granted, said.qos), one.name)
      }
      check(members.reduce(0) { $0 + $1.count(of: said) }, said, said.qos, "the group")
    }
    #expect(broker.frontEnd.sessions.allSatisfy { $0.queuedCount == 0 }, "seed \(seed)")
    #expect(broker.frontEnd.sessions.allSatisfy { $0.unreleased.isEmpty }, "seed \(seed)")
  }

  private func check(_ count: Int, _ said: Said, _ qos: MQTTQoS, _ who: String) {
    let what: Comment = "\(said) came \(count) times to \(who), seed \(seed)"
    if qos == .exactlyOnce { #expect(count == 1, what) } else { #expect(count >= 1, what) }
  }

  /// What one publisher says in one QoS comes in order, apart from what comes again (5.0, 4.6).
  private func checkOrder(of one: Fickle) {
    var seen: Set<Int> = []
    var last: [String: Int] = [:]
    for number in one.received where seen.insert(number).inserted {
      let said = messages[number]
      let place = "\(said.publisher) \(said.qos) \(said.topic)"
      #expect(last[place] ?? -1 < number, "\(said) at \(one.name), seed \(seed)")
      last[place] = number
    }
  }

  func checkNothingIsLeft() {
    for one in everyone { one.loseConnection() }
    #expect(broker.engine.memory.used > 0)
    broker.pass(100_001)
    broker.pass(1)
    let run: Comment = "seed \(seed)"
    #expect(broker.frontEnd.sessionCount == 0, run)
    #expect(broker.frontEnd.statistics.subscriptions == 0, run)
    #expect(broker.frontEnd.statistics.clientsConnected == 0, run)
    #expect(broker.engine.memory.used == 0, run)
    #expect(broker.engine.timers.fireDue() == nil, run)
    #expect(broker.loop.connections.count == 0, run)
  }
}

/// A message, known by its number.
private struct Said: CustomStringConvertible {
  var publisher: String
  var number: Int
  var topic: String
  var qos: MQTTQoS

  var description: String { "message \(number) of \(publisher) to \(topic) in \(qos)" }
}

/// A client that does its half of every exchange, on connections that it cannot rely on: what it
/// says waits before it is on its way, what it is told waits before it is read, and both are lost
/// with the connection.
private final class Fickle {
  struct Wish {
    var filter: String
    var qos: MQTTQoS

    init(_ filter: String, _ qos: MQTTQoS) {
      self.filter = filter
      self.qos = qos
    }

    var isShared: Bool { filter.hasPrefix("$share/") }

    func matches(_ said: Said) -> Bool {
      filter.hasSuffix("+") || filter == "#" || filter == said.topic
    }
  }

  let name: String
  let wishes: [Wish]
  private(set) var client: TestClient?
  /// Messages that the server has not yet taken over for good, oldest first.
  private(set) var underWay: [(packetID: UInt16, said: Said, isReleased: Bool)] = []
  /// Messages that the server has said it has.
  private(set) var acknowledged: Set<Int> = []
  /// QoS 2 messages that came and are not yet released.
  private(set) var unreleased: Set<UInt16> = []
  /// Messages by number, as they came.
  private(set) var received: [Int] = []
  /// How many packets came that said they came again.
  private(set) var repeatedCount = 0
  private var counts: [Int: Int] = [:]
  private var waiting: [MQTTPacket] = []
  private var lastPacketID: UInt16 = 0
  private var hasSession = false
  private let version: MQTTVersion
  private let broker: TestBroker

  init(_ name: String, _ version: MQTTVersion, _ wishes: [Wish], _ broker: TestBroker) {
    self.name = name
    self.version = version
    self.wishes = wishes
    self.broker = broker
  }

  func count(of said: Said) -> Int { counts[said.number] ?? 0 }

  func connect(window: UInt32?) throws {
    let isFirst = !hasSession
    let client = try broker.connect(name, version, clean: false) { properties in
      guard version == .v5 else { return }
      properties.append(.sessionExpiryInterval, 100_000)
      if let window { properties.append(.receiveMaximum, window) }
    }
    #expect(client.connack.sessionPresent == !isFirst)
    hasSession = true
    self.client = client
    waiting = underWay.map { message in
      message.isReleased
        ? .pubrel(MQTTAcknowledgement(packetID: message.packetID))
        : publish(message.said, message.packetID, again: true)
    }
  }

  func loseConnection() {
    client?.abort()
    client = nil
    waiting = []
  }

  // MARK: Saying

  /// - Returns: whether there was room for another message under way.
  func say(_ said: Said) -> Bool {
    guard underWay.count < 8 else { return false }
    repeat {
      lastPacketID = lastPacketID % 12 + 1
    } while underWay.contains {
      $0.packetID == lastPacketID
    }
    underWay.append((lastPacketID, said, false))
    waiting.append(publish(said, lastPacketID, again: false))
    return true
  }

  private func publish(_ said: Said, _ packetID: UInt16, again: Bool) -> MQTTPacket {
    .publish(
      MQTTPublish(
        topic: ByteBuffer(string: said.topic), payload: ByteBuffer(string: "\(said.number)"),
        qos: said.qos, packetID: packetID, duplicate: again))
  }

  /// - Returns: how many packets went on their way.
  @discardableResult
  func flush(_ most: Int) -> Int {
    let count = min(most, waiting.count)
    for packet in waiting.prefix(count) { client?.send(packet) }
    waiting.removeFirst(count)
    return count
  }

  // MARK: Being told

  /// - Returns: how many packets were read.
  @discardableResult
  func read(_ most: Int) throws -> Int {
    var count = 0
    while count < most, let packet = try client?.next() {
      count += 1
      take(packet)
    }
    return count
  }

  private func take(_ packet: MQTTPacket) {
    switch packet {
    case .puback(let value): finish(value.packetID, .atLeastOnce)
    case .pubrec(let value):
      if let place = underWay.firstIndex(where: { $0.packetID == value.packetID }) {
        underWay[place].isReleased = true
        acknowledged.insert(underWay[place].said.number)
      }
      waiting.append(.pubrel(MQTTAcknowledgement(packetID: value.packetID)))
    case .pubcomp(let value): finish(value.packetID, .exactlyOnce)
    case .publish(let publish): take(publish)
    case .pubrel(let value):
      unreleased.remove(value.packetID)
      waiting.append(.pubcomp(MQTTAcknowledgement(packetID: value.packetID)))
    default: Issue.record("\(name) was told \(packet)")
    }
  }

  private func finish(_ packetID: UInt16, _ qos: MQTTQoS) {
    guard let place = underWay.firstIndex(where: { $0.packetID == packetID }) else { return }
    #expect(underWay[place].said.qos == qos)
    acknowledged.insert(underWay[place].said.number)
    underWay.remove(at: place)
  }

  private func take(_ publish: MQTTPublish) {
    if publish.duplicate { repeatedCount += 1 }
    guard let number = Int(String(buffer: publish.payload)) else { return }
    if publish.qos == .exactlyOnce {
      waiting.append(.pubrec(MQTTAcknowledgement(packetID: publish.packetID)))
      guard unreleased.insert(publish.packetID).inserted else { return }
    } else {
      waiting.append(.puback(MQTTAcknowledgement(packetID: publish.packetID)))
    }
    received.append(number)
    counts[number, default: 0] += 1
  }
}
