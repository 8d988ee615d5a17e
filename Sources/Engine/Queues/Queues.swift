import NIOCore

/// A tenant's queues that last: each holds messages for one consumer, who may be away.
///
/// All of them share one log, in which a message stands once however many queues hold it, and two
/// journals: one says which queues there are and what their owners keep with them, the other what
/// is in them. A message is there for its consumer when both log and journal are committed. It is
/// removed from the log when the last queue is done with it.
public final class Queues {
  enum Kind {
    static let made: UInt8 = 1
    static let fact: UInt8 = 2
    static let factRemoved: UInt8 = 3
    static let deleted: UInt8 = 4
  }

  /// Records that were kept a moment ago are mostly asked for as soon as they are committed.
  private struct Recent {
    static var count: Int { 256 }
    static var bytesMax: Int { 16_384 }
    var offsets: [UInt64] = Array(repeating: .max, count: Self.count)
    var records: [Record?] = Array(repeating: nil, count: Self.count)
  }

  unowned let tenant: Tenant
  let log: any Log
  /// What is in the queues.
  let journal: any Journal
  private let definitions: any Journal
  private var byName: [[UInt8]: Queue] = [:]
  var byNumber: [UInt32: Queue] = [:]
  var lastNumber: UInt32 = 0
  /// How many queues hold a record, by its offset.
  var references: [UInt64: Int] = [:]
  private var recent = Recent()
  private var isRestoring = true
  /// Received by numbers with messages that are not there; while it is read back.
  var unfounded: [(queue: Queue, id: UInt16)] = []
  /// What nothing says of that all have it who were to keep it; while it is read back.
  var claims: [QueueClaim.Key: QueueClaim] = [:]

  /// The queues that the tenant's store has kept. Its streams and topics are there already: what
  /// they have decides on messages that a crash left with some.
  ///
  /// - Throws: `storageFailed`.
  init(tenant: Tenant) throws(EngineError) {
    self.tenant = tenant
    self.log = try tenant.store.log(named: "queues")
    self.definitions = try tenant.store.journal(named: "queues")
    self.journal = try tenant.store.journal(named: "queue-items")
    self.journal.goFirst()
    try self.definitions.replay { self.read(definition: $0) }
    try self.restoreItems()
    self.isRestoring = false
    self.removeUnreferenced()
  }

  /// All queues, in no particular order.
  public var all: [Queue] { Array(self.byName.values) }

  /// The queue of that name.
  public subscript(name: [UInt8]) -> Queue? { self.byName[name] }

  /// How many records the queues hold, each counted once.
  public var recordCount: Int { self.references.count }

  /// Makes a queue. `whenDefined` says when it lasts.
  ///
  /// - Throws: `alreadyExists`, `quotaExceeded`.
  public func create(_ name: [UInt8]) throws(EngineError) -> Queue {
    guard self.byName[name] == nil else {
      throw EngineError(.alreadyExists, "a queue of that name exists")
    }
    guard self.tenant.memory.reserve(Queue.byteCount(name)) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    self.lastNumber &+= 1
    let queue = Queue(name: name, number: self.lastNumber, queues: self)
    self.add(queue)
    self.write(Self.entry(Kind.made, queue.number, name))
    return queue
  }

  /// Forgets a queue and all that is in it.
  public func delete(_ queue: Queue) {
    guard self.byNumber[queue.number] === queue else { return }
    self.byNumber[queue.number] = nil
    self.byName[queue.name] = nil
    queue.empty()
    self.tenant.memory.release(Queue.byteCount(queue.name))
    self.write(Self.entry(Kind.deleted, queue.number))
  }

  /// Calls `body` when the queues that were made and deleted, and what their owners wrote, is as
  /// durable as the store promises; or with the error, when it never will be.
  public func whenDefined(_ body: @escaping (EngineError?) -> Void) {
    self.definitions.whenCommitted(body)
  }

  /// Calls `body` when what was done to the items of queues is as durable as the store promises; or
  /// with the error, when it never will be.
  public func whenWritten(_ body: @escaping (EngineError?) -> Void) {
    self.journal.whenCommitted(body)
  }

  private func add(_ queue: Queue) {
    self.byName[queue.name] = queue
    self.byNumber[queue.number] = queue
  }

  // MARK: Definitions

  func write(fact key: [UInt8], _ value: [UInt8], of queue: Queue) {
    self.write(Self.entry(fact: key, value, of: queue))
  }

  func write(removed key: [UInt8], of queue: Queue) {
    self.write(Self.entry(Kind.factRemoved, queue.number, key))
  }

  private func write(_ entry: ByteBuffer) {
    self.definitions.append(entry)
    guard self.definitions.wantsSnapshot else { return }
    self.definitions.replace { add in
      for queue in self.byNumber.values {
        add(Self.entry(Kind.made, queue.number, queue.name))
        for (key, value) in queue.facts { add(Self.entry(fact: key, value, of: queue)) }
      }
    }
  }

  private static func entry(
    _ kind: UInt8, _ number: UInt32, _ bytes: [UInt8] = []
  ) -> ByteBuffer {
    var entry = ByteBuffer(integer: kind)
    entry.writeInteger(number)
    entry.writeBytes(bytes)
    return entry
  }

  private static func entry(fact key: [UInt8], _ value: [UInt8], of queue: Queue) -> ByteBuffer {
    var entry = Self.entry(Kind.fact, queue.number)
    entry.writeInteger(UInt32(truncatingIfNeeded: key.count))
    entry.writeBytes(key)
    entry.writeBytes(value)
    return entry
  }

  private func read(definition: ByteBuffer) {
    var entry = definition
    guard let (kind, number) = entry.readMultipleIntegers(as: (UInt8, UInt32).self) else { return }
    self.lastNumber = max(self.lastNumber, number)
    let queue = self.byNumber[number]
    switch kind {
    case Kind.made:
      let name = Array(entry.readableBytesView)
      guard queue == nil, self.byName[name] == nil else { return }
      self.tenant.memory.add(Queue.byteCount(name))
      self.add(Queue(name: name, number: number, queues: self))
    case Kind.fact:
      guard let queue, let count = entry.readInteger(as: UInt32.self),
        let key = entry.readBytes(length: Int(count))
      else { return }
      queue.restore(fact: key, Array(entry.readableBytesView))
    case Kind.factRemoved: queue?.restore(fact: Array(entry.readableBytesView), nil)
    case Kind.deleted:
      guard let queue else { return }
      self.byNumber[number] = nil
      self.byName[queue.name] = nil
      queue.restoreFactsRemoved()
      self.tenant.memory.release(Queue.byteCount(queue.name))
    default: break
    }
  }

  // MARK: Records

  /// One more queue holds the record at `offset`.
  func retain(_ offset: UInt64) { self.references[offset, default: 0] += 1 }

  /// One queue less holds the record at `offset`.
  func release(_ offset: UInt64) {
    guard let count = self.references[offset] else { return }
    if count > 1 {
      self.references[offset] = count - 1
    } else {
      self.references[offset] = nil
      // What is read back may have been another's record in the meantime.
      if !self.isRestoring { self.log.remove(at: offset) }
    }
  }

  func remember(_ record: Record, at offset: UInt64) {
    let isSmall = record.byteCount <= Recent.bytesMax
    let place = Int(truncatingIfNeeded: offset % UInt64(Recent.count))
    self.recent.offsets[place] = isSmall ? offset : .max
    self.recent.records[place] = isSmall ? record : nil
  }

  func recent(at offset: UInt64) -> Record? {
    let place = Int(truncatingIfNeeded: offset % UInt64(Recent.count))
    return self.recent.offsets[place] == offset ? self.recent.records[place] : nil
  }
}
