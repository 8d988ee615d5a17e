import GodwitEngine
import MQTTWire
import NIOCore

/// QoS 1 and 2 messages to one client: those under way, each with its packet identifier, and those
/// that wait, in a log with a window group over it, or in a queue that outlives the process.
///
/// In the queue a message has a sequence number for good, from which its packet identifier follows.
/// So nothing needs to be written before it is sent, and after a restart it has the same.
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
    /// Its place in the queue; `nil` when there is none.
    var item: UInt64?
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
  }

  /// How far the client is with an item of the queue: it owes PUBCOMP.
  private static let releasedPhase: UInt8 = 1

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

  /// Where messages are that outlive the process.
  let queue: Queue?
  /// Items of the queue before this one are under way or done.
  private var cursor: UInt64 = 0
  private let bytesMax: Int
  private let log: MemoryLog
  private let group: WindowGroup
  private var facts: [UInt64: Facts] = [:]
  private var leasedCount = 0
  private var lastPacketID: UInt16 = 0
  private var sequence: UInt64 = 0

  init(
    name: String, engine: Engine, memory: MemoryBudget? = nil, bytesMax: Int, queue: Queue? = nil
  ) {
    self.queue = queue
    self.bytesMax = bytesMax
    log = MemoryLog(
      name: name, engine: engine, memory: memory, recordsMax: 0, bytesMax: bytesMax,
      overflow: .refuse)
    group = WindowGroup(
      name: name, log: log, engine: engine, inFlightMax: Int(UInt16.max),
      removesAcknowledged: true)
    if let queue { takeUp(queue) }
  }

  /// Messages that wait and were never sent.
  var waitingCount: Int { (queue?.count ?? log.count) - leasedCount }

  /// Messages that wait or are under way.
  var count: Int { waitingCount + inFlight.count }

  /// When the oldest message came in that is not done with, in the engine's clock; `nil` where
  /// there is none.
  var oldestAt: Int64? {
    if let queue { return queue.oldestAt }
    return log.record(at: log.next(from: log.firstOffset))?.receivedAt
  }

  /// Whether nothing must be sent before a new message.
  var isClear: Bool { waitingCount == 0 && resendsHead == resends.count }

  /// Appends a message to those that wait. In a queue it can be sent once it is committed.
  ///
  /// - Returns: whether there was room.
  func append(
    _ publication: inout Publication, _ facts: Facts, _ engine: Engine
  ) -> Bool {
    let record = publication.record(engine)
    guard let queue else { return append(record, facts) }
    guard queue.byteCount <= bytesMax - record.byteCount else { return false }
    return (try? queue.append(&publication, note: facts.note)) != nil
  }

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
    sequence &+= 1
    add(packetID, facts, record: nil, offset: nil, item: nil, sequence)
    return packetID
  }

  /// Takes the next waiting message, which is then under way.
  func next() -> Next? {
    if let queue { return next(in: queue) }
    guard waitingCount > 0, let packetID = freePacketID(), let lease = group.lease() else {
      return nil
    }
    leasedCount += 1
    let facts = facts.removeValue(forKey: lease.offset) ?? lostFacts()
    sequence &+= 1
    add(packetID, facts, record: lease.record, offset: lease.offset, item: nil, sequence)
    return Next(packetID: packetID, record: lease.record, facts: facts)
  }

  /// The next message of an earlier connection, which is then under way again.
  func nextResend() -> (packetID: UInt16, message: InFlight)? {
    while resendsHead < resends.count {
      let packetID = resends[resendsHead]
      guard var message = inFlight[packetID], message.awaitsResend else {
        passResend()
        continue
      }
      if let item = message.item, message.awaited != .pubcomp, let queue {
        switch queue.fetch(item) {
        case .loading: return nil
        case .gone:
          passResend()
          finish(packetID)
          continue
        case .record(let record): message.record = record
        }
      }
      passResend()
      inFlight[packetID]?.awaitsResend = false
      outstanding += 1
      return (packetID, message)
    }
    return nil
  }

  private func passResend() {
    resendsHead += 1
    guard resendsHead == resends.count else { return }
    resends = []
    resendsHead = 0
  }

  /// The connection is gone: all that was under way is to be sent again, oldest first.
  func connectionLost() {
    outstanding = 0
    endHolds()
    resendAll()
  }

  private func resendAll() {
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
      .map { (record(of: $0), $0.facts.group) }
    if let queue { return Self.pairs(sent + waiting(in: queue)) }
    let waiting = facts.filter { $0.value.group != nil }.sorted { $0.key < $1.key }
      .map { (log.record(at: $0.key), $0.value.group) }
    return Self.pairs(sent + waiting)
  }

  private static func pairs(_ list: [(Record?, [UInt8]?)]) -> [(record: Record, group: [UInt8])] {
    list.compactMap { record, group in
      guard let record, let group else { return nil }
      return (record, group)
    }
  }

  /// A message under way; `nil` when it is not kept.
  func record(of message: InFlight) -> Record? {
    message.record ?? message.item.flatMap { queue?.record($0) }
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
    if let item = message.item { queue?.set(phase: Self.releasedPhase, of: item) }
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
    } else if let item = message.item {
      leasedCount -= 1
      queue?.finish(item)
    }
    return message
  }

  /// Every waiting record has its facts from `append`. Should they be missing all the same, the
  /// message goes out so that the client acknowledges it: a message twice rather than none.
  private func lostFacts() -> Facts {
    assertionFailure("a waiting message without its facts")
    return Facts(qos: .atLeastOnce, retain: false, identifiers: [])
  }

  private func add(
    _ packetID: UInt16, _ facts: Facts, record: Record?, offset: UInt64?, item: UInt64?,
    _ sequence: UInt64
  ) {
    outstanding += 1
    inFlight[packetID] = InFlight(
      awaited: facts.qos == .exactlyOnce ? .pubrec : .puback, facts: facts, record: record,
      offset: offset, item: item, sequence: sequence)
  }

  private func freePacketID() -> UInt16? {
    guard inFlight.count < Int(UInt16.max) else { return nil }
    repeat {
      lastPacketID = lastPacketID == .max ? 1 : lastPacketID + 1
    } while inFlight[lastPacketID] != nil
    return lastPacketID
  }

  // MARK: The queue

  private static func packetID(_ sequence: UInt64) -> UInt16 {
    UInt16(truncatingIfNeeded: sequence % 65_535) + 1
  }

  /// What an earlier life of the process may have sent is under way.
  private func takeUp(_ queue: Queue) {
    cursor = queue.sentBefore
    queue.forEach { sequence, item in
      guard sequence < cursor else { return }
      let facts = Facts(item.note)
      add(Self.packetID(sequence), facts, record: nil, offset: nil, item: sequence, sequence)
      if item.phase == Self.releasedPhase {
        inFlight[Self.packetID(sequence)]?.awaited = .pubcomp
      }
      leasedCount += 1
    }
    outstanding = 0
    resendAll()
  }

  private func next(in queue: Queue) -> Next? {
    // Nothing overtakes what is to be sent again.
    guard resendsHead == resends.count else { return nil }
    while let sequence = queue.next(from: cursor) {
      let packetID = Self.packetID(sequence)
      // The client has 65,535 messages, and has not said a word of the first.
      guard inFlight[packetID] == nil else { return nil }
      switch queue.fetch(sequence) {
      case .loading: return nil
      case .gone:
        cursor = sequence + 1
        queue.finish(sequence)
      case .record(let record):
        cursor = sequence + 1
        queue.sent(before: cursor)
        leasedCount += 1
        let facts = Facts(queue.item(sequence)?.note ?? [])
        add(packetID, facts, record: nil, offset: nil, item: sequence, sequence)
        return Next(packetID: packetID, record: record, facts: facts)
      }
    }
    return nil
  }

  private func waiting(in queue: Queue) -> [(Record?, [UInt8]?)] {
    var waiting: [(UInt64, [UInt8])] = []
    queue.forEach { sequence, item in
      guard sequence >= cursor, let group = Facts(item.note).group else { return }
      waiting.append((sequence, group))
    }
    return waiting.map { (queue.record($0.0), $0.1) }
  }
}

/// The facts as a queue keeps them: flags, and what is there of identifiers, share name and group.
extension MQTTOutbox.Facts {
  private static var retains: UInt8 { 0x04 }
  private static var isShared: UInt8 { 0x08 }

  var note: [UInt8] {
    var flags = qos.rawValue
    if retain { flags |= Self.retains }
    if group != nil { flags |= Self.isShared }
    guard flags & Self.isShared != 0 || !identifiers.isEmpty else { return [flags] }
    var note = [flags]
    for part in [identifiers, share ?? [], group ?? []] {
      withUnsafeBytes(of: UInt32(truncatingIfNeeded: part.count).bigEndian) { note += $0 }
      note += part
    }
    return note
  }

  init(_ note: [UInt8]) {
    let flags = note.first ?? 1
    self.init(
      qos: MQTTQoS(rawValue: flags & 0x03) ?? .atLeastOnce, retain: flags & Self.retains != 0,
      identifiers: [])
    var rest = ByteBuffer(bytes: note.dropFirst())
    var parts: [[UInt8]] = []
    while let count = rest.readInteger(as: UInt32.self),
      let part = rest.readBytes(length: Int(count))
    {
      parts.append(part)
    }
    guard parts.count == 3 else { return }
    identifiers = parts[0]
    if flags & Self.isShared != 0 {
      share = parts[1]
      group = parts[2]
    }
  }
}
