import GodwitEngine
import MQTTWire

/// QoS 1 and 2 messages to one client: those under way, each with its packet identifier, and those
/// that wait, in a log with a window group over it.
///
/// Pure bookkeeping: what is sent, and when, is the session's business.
final class MQTTOutbox {
  /// How a message is delivered, apart from what the message says.
  struct Facts {
    var qos: MQTTQoS
    var retain: Bool
    /// Encoded subscription identifiers.
    var identifiers: [UInt8]
    /// The share name of the subscription; `nil` for an ordinary one.
    var share: [UInt8]?
    /// The router's name of that subscription's group.
    var group: [UInt8]?
  }

  /// What the client owes us for a message.
  enum Awaited { case puback, pubrec, pubcomp }

  /// A message under way.
  struct InFlight {
    var awaited: Awaited
    var facts: Facts
    /// The message; `nil` when it is never sent again because the session ends with its connection.
    var record: Record?
    /// Its place in the log; `nil` when it never was there.
    var offset: UInt64?
    /// Its place in the order of sending.
    var sequence: UInt64
    /// Whether it was sent on an earlier connection only; such a one is not outstanding.
    var awaitsResend = false
  }

  /// A waiting message that is now to be sent.
  struct Next {
    var packetID: UInt16
    var record: Record
    var facts: Facts
    var offset: UInt64
  }

  private(set) var inFlight: [UInt16: InFlight] = [:]
  /// Messages of an earlier connection that are to be sent again, in order.
  private(set) var resends: [UInt16] = []
  private var resendsHead = 0
  /// How many messages this connection has under way: what the window limits.
  private(set) var outstanding = 0
  /// Publishers that wait for room.
  var holds: [MQTTHold] = []
  /// Whether publishers have waited long enough: nobody waits again before the queue is short.
  var isSlow = false

  private let log: MemoryLog
  private let group: WindowGroup
  private var facts: [UInt64: Facts] = [:]
  private var leasedCount = 0
  private var lastPacketID: UInt16 = 0
  private var sequence: UInt64 = 0

  init(name: String, engine: Engine, memory: MemoryBudget? = nil, bytesMax: Int) {
    log = MemoryLog(
      name: name, engine: engine, memory: memory, recordsMax: 0, bytesMax: bytesMax,
      overflow: .refuse)
    group = WindowGroup(
      name: name, log: log, engine: engine, inFlightMax: Int(UInt16.max),
      removesAcknowledged: true)
  }

  /// Messages that wait and were never sent.
  var waitingCount: Int { log.count - leasedCount }

  /// Messages that wait or are under way.
  var count: Int { waitingCount + inFlight.count }

  /// Whether nothing must be sent before a new message.
  var isClear: Bool { waitingCount == 0 && resendsHead == resends.count }

  /// Appends a message to those that wait.
  ///
  /// - Returns: whether there was room.
  func append(_ record: Record, _ facts: Facts) -> Bool {
    guard let offset = try? log.append(record) else { return false }
    self.facts[offset] = facts
    return true
  }

  /// Begins with a message that need not wait and is never sent again.
  ///
  /// - Returns: its packet identifier, or `nil` when all are taken.
  func begin(_ facts: Facts) -> UInt16? {
    guard let packetID = freePacketID() else { return nil }
    add(packetID, facts, record: nil, offset: nil)
    return packetID
  }

  /// Takes the next waiting message, which is then under way.
  func next() -> Next? {
    guard waitingCount > 0, let packetID = freePacketID(), let lease = group.lease() else {
      return nil
    }
    leasedCount += 1
    let facts = facts.removeValue(forKey: lease.offset) ?? lostFacts()
    add(packetID, facts, record: lease.record, offset: lease.offset)
    return Next(packetID: packetID, record: lease.record, facts: facts, offset: lease.offset)
  }

  /// The next message of an earlier connection, which is then under way again.
  func nextResend() -> (packetID: UInt16, message: InFlight)? {
    while resendsHead < resends.count {
      let packetID = resends[resendsHead]
      resendsHead += 1
      if resendsHead == resends.count {
        resends = []
        resendsHead = 0
      }
      guard let message = inFlight[packetID], message.awaitsResend else { continue }
      inFlight[packetID]?.awaitsResend = false
      outstanding += 1
      return (packetID, message)
    }
    return nil
  }

  /// The connection is gone: all that was under way is to be sent again, oldest first.
  func connectionLost() {
    outstanding = 0
    endHolds()
    resends = inFlight.sorted { $0.value.sequence < $1.value.sequence }.map(\.key)
    resendsHead = 0
    for packetID in resends { inFlight[packetID]?.awaitsResend = true }
  }

  /// What other members of a shared subscription can still get when this client never comes back,
  /// oldest first: all that was not sent, and of what was sent QoS 1 alone, as QoS 2 must not go to
  /// anybody else then (MQTT 5.0, 4.8.2).
  var orphans: [(record: Record, group: [UInt8])] {
    let sent = inFlight.values.filter { $0.facts.group != nil && $0.facts.qos == .atLeastOnce }
      .sorted { $0.sequence < $1.sequence }
      .map { ($0.record, $0.facts.group) }
    let waiting = facts.filter { $0.value.group != nil }.sorted { $0.key < $1.key }
      .map { (log.record(at: $0.key), $0.value.group) }
    return (sent + waiting).compactMap { record, group in
      guard let record, let group else { return nil }
      return (record, group)
    }
  }

  /// Whoever waits for room goes on.
  func endHolds() {
    guard !holds.isEmpty else { return }
    let ended = holds
    holds = []
    for hold in ended { hold.end() }
  }

  /// The client has received a QoS 2 message; it owes PUBCOMP from now on.
  ///
  /// - Returns: whether the packet identifier was known.
  func received(_ packetID: UInt16) -> Bool {
    guard let message = inFlight[packetID], message.facts.qos == .exactlyOnce else { return false }
    inFlight[packetID]?.awaited = .pubcomp
    return true
  }

  /// A message is done with: acknowledged, refused by the client, or not deliverable.
  ///
  /// - Returns: the message, or `nil` when the packet identifier was not known.
  @discardableResult
  func finish(_ packetID: UInt16, if awaited: Awaited? = nil) -> InFlight? {
    guard let message = inFlight[packetID], awaited == nil || message.awaited == awaited else {
      return nil
    }
    inFlight[packetID] = nil
    // `nextResend` passes over an identifier that is no longer in flight.
    if !message.awaitsResend { outstanding -= 1 }
    if let offset = message.offset {
      leasedCount -= 1
      group.acknowledge(offset)
    }
    return message
  }

  /// Every waiting record has its facts from `append`. Should they be missing all the same, the
  /// message goes out so that the client acknowledges it: a message twice rather than none.
  private func lostFacts() -> Facts {
    assertionFailure("a waiting message without its facts")
    return Facts(qos: .atLeastOnce, retain: false, identifiers: [])
  }

  private func add(_ packetID: UInt16, _ facts: Facts, record: Record?, offset: UInt64?) {
    sequence &+= 1
    outstanding += 1
    inFlight[packetID] = InFlight(
      awaited: facts.qos == .exactlyOnce ? .pubrec : .puback, facts: facts, record: record,
      offset: offset, sequence: sequence)
  }

  private func freePacketID() -> UInt16? {
    guard inFlight.count < Int(UInt16.max) else { return nil }
    repeat {
      lastPacketID = lastPacketID == .max ? 1 : lastPacketID + 1
    } while inFlight[lastPacketID] != nil
    return lastPacketID
  }
}
