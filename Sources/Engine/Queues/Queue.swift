import GodwitPrimitives

/// Messages for one consumer, in order, each with a note of its own: the offline queue of an MQTT
/// session, the messages that a schedule will send.
///
/// Every item has a sequence number, which is never given to another: what the consumer knows a
/// message by can be derived from it, and so need not be written down when it is sent.
public final class Queue {
  /// One message's place in the queue.
  public struct Item {
    /// Where its record is in the log of all queues.
    let offset: UInt64
    /// When the record came. One that came at another time is another's: its offset went to the
    /// next record when a full disk did not take it.
    let stamp: Int64
    /// What the record takes, in bytes.
    public let size: Int
    /// What the owner wrote with the item.
    public let note: [UInt8]
    /// How far the owner is with the item; 0 at first.
    public internal(set) var phase: UInt8 = 0
    /// Whether it is there for sure.
    var isCommitted = false

    var byteCount: Int { 112 + self.note.count }
  }

  /// What came of looking for an item's record.
  public enum Fetched {
    /// Here it is.
    case record(Record)
    /// It is read from the disk; `whenReady` is called when it is there.
    case loading
    /// It cannot be read, or never was there.
    case gone
  }

  /// The queue's name within its tenant.
  public let name: [UInt8]
  /// What the owner has written beside the items: small facts by key, which last as the queue does.
  public private(set) var facts: [[UInt8]: [UInt8]] = [:]
  /// Numbers that the owner has received messages by and will receive them by again, until they are
  /// released.
  public private(set) var received: Set<UInt16> = []
  /// How many items there are.
  public private(set) var count = 0
  /// The bytes of their records.
  public private(set) var byteCount = 0
  /// The sequence number that the next item gets.
  public private(set) var nextSequence: UInt64 = 0
  /// Items before this one may have been handed to the consumer.
  public private(set) var sentBefore: UInt64 = 0
  /// Called when more can be fetched than before.
  public var whenReady: (() -> Void)?

  /// Numbers received with messages that are not yet committed.
  var undecided: [UInt16: QueueEntry] = [:]
  let number: UInt32
  private unowned let queues: Queues
  /// Items from `head` on, oldest first; those that are done are cleared out when they are many.
  private var items: [(sequence: UInt64, item: Item?)] = []
  private var head = 0

  init(name: [UInt8], number: UInt32, queues: Queues) {
    self.name = name
    self.number = number
    self.queues = queues
  }

  /// What a queue takes of memory, without facts and items.
  static func byteCount(_ name: [UInt8]) -> Int { 384 + 2 * name.count }

  private var memory: MemoryBudget { self.queues.tenant.memory }

  // MARK: Items

  /// Adds a message. It can be fetched when it is committed, and until then the publication's
  /// acknowledgement waits.
  ///
  /// - Throws: `quotaExceeded`; `storageFailed`, which the publication remembers, so that it is not
  ///   acknowledged.
  @discardableResult
  public func append(
    _ publication: inout Publication, note: [UInt8]
  ) throws(EngineError) -> UInt64 {
    let record = publication.record(self.queues.tenant.engine)
    let entry = publication.queueEntry { QueueEntry(self.queues) }
    let offset: UInt64
    do throws(EngineError) {
      offset = try entry.offset(of: record)
    } catch {
      publication.noteRefusal(error)
      throw error
    }
    let item = Item(
      offset: offset, stamp: record.receivedAt, size: record.byteCount, note: note)
    guard self.memory.reserve(item.byteCount) else {
      entry.sealWhenQuiet()
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    let sequence = self.nextSequence
    self.put(item, at: sequence)
    entry.items.append((self, sequence))
    entry.sealWhenQuiet()
    return sequence
  }

  private func put(_ item: Item, at sequence: UInt64) {
    let place = self.place(of: sequence)
    if place < self.items.count, self.items[place].sequence == sequence {
      self.items[place].item = item
    } else {
      self.items.insert((sequence, item), at: place)
    }
    self.nextSequence = max(self.nextSequence, sequence + 1)
    self.count += 1
    self.byteCount += item.size
    self.queues.retain(item.offset)
  }

  /// Where the item of that number is, or the next one.
  private func place(of sequence: UInt64) -> Int {
    guard let last = self.items.last, last.sequence >= sequence else { return self.items.count }
    return self.items[self.head...].partitioningIndex { $0.sequence >= sequence }
  }

  private func index(of sequence: UInt64) -> Int? {
    let place = self.place(of: sequence)
    return place < self.items.count && self.items[place].sequence == sequence ? place : nil
  }

  /// The item of that number, unless it is done.
  public func item(_ sequence: UInt64) -> Item? {
    self.index(of: sequence).flatMap { self.items[$0].item }
  }

  /// The first item from `sequence` on, if it is committed.
  public func next(from sequence: UInt64) -> UInt64? {
    for entry in self.items[self.place(of: sequence)...] {
      if let item = entry.item { return item.isCommitted ? entry.sequence : nil }
    }
    return nil
  }

  /// Calls `body` with every item, oldest first.
  public func forEach(_ body: (UInt64, Item) -> Void) {
    for entry in self.items[self.head...] {
      if let item = entry.item { body(entry.sequence, item) }
    }
  }

  /// Looks for the record of an item.
  public func fetch(_ sequence: UInt64) -> Fetched {
    guard let item = self.item(sequence) else { return .gone }
    if let recent = self.queues.recent(at: item.offset), recent.receivedAt == item.stamp {
      return .record(recent)
    }
    guard self.queues.log.prepare(item.offset, { [weak self] in self?.whenReady?() }) else {
      return .loading
    }
    guard let record = self.queues.log.record(at: item.offset), record.receivedAt == item.stamp
    else { return .gone }
    return .record(record)
  }

  /// The record of an item, if it is there. May read the disk, and hold the loop up; see `fetch`.
  public func record(_ sequence: UInt64) -> Record? {
    guard let item = self.item(sequence) else { return nil }
    let record = self.queues.recent(at: item.offset) ?? self.queues.log.record(at: item.offset)
    return record?.receivedAt == item.stamp ? record : nil
  }

  /// Notes that items before `sequence` may have been handed out. Nobody waits for it.
  public func sent(before sequence: UInt64) {
    guard sequence > self.sentBefore else { return }
    self.sentBefore = sequence
    self.queues.write(.sent, self, sequence)
  }

  /// Notes how far the owner is with an item.
  public func set(phase: UInt8, of sequence: UInt64) {
    guard let index = self.index(of: sequence), self.items[index].item != nil else { return }
    self.items[index].item?.phase = phase
    self.queues.write(.phase(phase), self, sequence)
  }

  /// An item is done with.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  public func finish(_ sequence: UInt64) -> Bool {
    guard self.take(sequence) != nil else { return false }
    self.queues.write(.done, self, sequence)
    return true
  }

  @discardableResult
  private func take(_ sequence: UInt64) -> Item? {
    guard let index = self.index(of: sequence), let item = self.items[index].item else {
      return nil
    }
    self.items[index].item = nil
    self.count -= 1
    self.byteCount -= item.size
    self.memory.release(item.byteCount)
    self.queues.release(item.offset)
    while self.head < self.items.count, self.items[self.head].item == nil { self.head += 1 }
    if self.count == 0 {
      self.items.removeAll(keepingCapacity: self.items.count <= 64)
      self.head = 0
    } else if self.items.count > 64, self.items.count > 2 * self.count {
      self.items.removeAll { $0.item == nil }
      self.head = 0
    }
    return item
  }

  /// An item that was added is committed.
  func commit(_ sequence: UInt64) {
    guard let index = self.index(of: sequence) else { return }
    self.items[index].item?.isCommitted = true
  }

  /// Takes all items out, without a note of each.
  func empty() {
    self.whenReady = nil
    for entry in self.items[self.head...] { self.take(entry.sequence) }
    self.restoreFactsRemoved()
  }

  /// When the oldest message came in that is not done with, in the engine's clock; `nil` where
  /// there is none.
  public var oldestAt: Int64? { self.items[self.head...].first { $0.item != nil }?.item?.stamp }

  // MARK: What the owner has received

  /// Notes, together with the message that `publication` is, that the owner has received a message
  /// by `id`. `Publication.seal` writes both when it is published.
  public func receive(_ id: UInt16, with publication: inout Publication) {
    self.received.insert(id)
    let entry = publication.queueEntry { QueueEntry(self.queues) }
    entry.received = (self, id)
    entry.isHeld = true
  }

  /// Takes back what `receive(_:with:)` has begun: the message goes nowhere.
  public func release(_ id: UInt16, with publication: inout Publication) {
    self.received.remove(id)
    publication.unsealedQueueEntry?.received = nil
    publication.seal()
  }

  /// A message may come by `id` again. `Queues.whenWritten` says when that is sure.
  public func release(_ id: UInt16) {
    guard self.received.remove(id) != nil else { return }
    self.queues.write(.released(id), self, 0)
  }

  // MARK: Facts

  /// Writes a fact down. `Queues.whenDefined` says when it lasts.
  ///
  /// - Throws: `quotaExceeded`.
  public func set(_ key: [UInt8], _ value: [UInt8]) throws(EngineError) {
    let old = self.facts[key]
    guard old != value else { return }
    let growth = Self.size(key, value) - (old.map { Self.size(key, $0) } ?? 0)
    guard growth <= 0 || self.memory.reserve(growth) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    if growth < 0 { self.memory.release(-growth) }
    self.facts[key] = value
    self.queues.write(fact: key, value, of: self)
  }

  /// Forgets a fact.
  public func remove(_ key: [UInt8]) {
    guard let old = self.facts.removeValue(forKey: key) else { return }
    self.memory.release(Self.size(key, old))
    self.queues.write(removed: key, of: self)
  }

  private static func size(_ key: [UInt8], _ value: [UInt8]) -> Int {
    128 + key.count + value.count
  }

  // MARK: Restoring

  func restore(fact key: [UInt8], _ value: [UInt8]?) {
    if let old = self.facts[key] { self.memory.release(Self.size(key, old)) }
    if let value { self.memory.add(Self.size(key, value)) }
    self.facts[key] = value
  }

  func restoreFactsRemoved() {
    for (key, value) in self.facts { self.memory.release(Self.size(key, value)) }
    self.facts = [:]
  }

  /// Puts an item back that was written down.
  func restore(_ item: Item, at sequence: UInt64) {
    self.take(sequence)
    self.memory.add(item.byteCount)
    self.put(item, at: sequence)
  }

  func restore(done sequence: UInt64) { self.take(sequence) }
  func restore(phase: UInt8, of sequence: UInt64) {
    guard let index = self.index(of: sequence) else { return }
    self.items[index].item?.phase = phase
  }
  func restore(sentBefore sequence: UInt64) { self.sentBefore = max(self.sentBefore, sequence) }
  func restore(nextSequence sequence: UInt64) {
    self.nextSequence = max(self.nextSequence, sequence)
  }
  func restore(received id: UInt16) { self.received.insert(id) }
  func restore(released id: UInt16) { self.received.remove(id) }
}
