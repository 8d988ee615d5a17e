import NIOCore

/// A log that is gone when the process is.
///
/// Records are shared, not copied: a message in a hundred queues is held once, and counted against
/// the budget in each, so that the count is an upper bound.
public final class MemoryLog: Log {
  /// The log's name within its tenant.
  public let name: String
  /// The offset of the oldest record that may still be there.
  public private(set) var firstOffset: UInt64 = 0
  /// Where the log begins; see `Log`.
  public private(set) var startOffset: UInt64 = 0
  /// The offset that the next record will get.
  public var nextOffset: UInt64 { self.firstOffset + UInt64(self.slots.count - self.head) }
  /// In memory a record is committed as soon as it is appended.
  public var committedOffset: UInt64 { self.nextOffset }
  /// How many records there are.
  public private(set) var count = 0
  /// The bytes they hold.
  public private(set) var byteCount = 0
  /// The time of the latest entry that was appended; 0 where none was.
  public private(set) var latestTime: Int64 = 0
  /// How many records were removed to make room.
  public private(set) var droppedCount: UInt64 = 0

  /// A batch, which fills a slot for each of its records.
  private final class Batch {
    let first: UInt64
    let count: Int
    var bytes: ByteBuffer
    let form: UInt8
    let time: Int64
    /// How many of its records are left.
    var left: Int

    init(first: UInt64, count: Int, bytes: ByteBuffer, form: UInt8, time: Int64) {
      self.first = first
      self.count = count
      self.bytes = bytes
      self.form = form
      self.time = time
      self.left = count
    }

    /// What it takes: its bytes, two objects, and its slots.
    var byteCount: Int { Self.byteCount(self.bytes.readableBytes, self.count) }

    static func byteCount(_ bytes: Int, _ count: Int) -> Int { bytes + 192 + 8 * count }
  }

  private enum Slot {
    case empty
    case record(Record)
    case batch(Batch)

    var isEmpty: Bool {
      if case .empty = self { return true }
      return false
    }

    var time: Int64 {
      switch self {
      case .empty: .min
      case .record(let record): record.receivedAt
      case .batch(let batch): batch.time
      }
    }
  }

  private let recordsMax: Int
  private let bytesMax: Int
  private let overflow: LogOverflow
  private let memory: MemoryBudget
  /// From `head` on there is one for each offset from `firstOffset` on.
  private var slots: [Slot] = []
  private var head = 0
  private var waiters: [() -> Void] = []
  private var batchTrimmer: BatchTrimmer?

  /// An empty log.
  ///
  /// - Parameters:
  ///   - memory: what its records are counted against; the whole of `engine` when nothing is said.
  ///   - recordsMax: the most records it holds; 0 means no such limit.
  ///   - bytesMax: the most bytes it holds; 0 means no such limit.
  ///   - overflow: what happens to a record that is one too many.
  public init(
    name: String, engine: Engine, memory: MemoryBudget? = nil, recordsMax: Int, bytesMax: Int,
    overflow: LogOverflow
  ) {
    self.name = name
    self.memory = memory ?? engine.memory
    self.recordsMax = recordsMax
    self.bytesMax = bytesMax
    self.overflow = overflow
  }

  deinit {
    self.memory.release(self.byteCount)
  }

  // MARK: Appending

  /// Appends a record; see `Log`.
  public func append(_ record: Record) throws(EngineError) -> UInt64 {
    let size = record.byteCount
    try self.makeRoom(for: 1, bytes: size)
    let offset = self.nextOffset
    self.slots.append(.record(record))
    self.add(1, bytes: size, at: record.receivedAt)
    return offset
  }

  /// Appends a batch; see `Log`.
  public func append(
    batchOf byteCount: Int, form: UInt8, origin: Origin, count: Int, time: Int64,
    _ write: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(EngineError) -> UInt64 {
    guard count > 0 else { throw EngineError(.notAllowed, "a batch without a record") }
    guard count <= self.memory.limit else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    let size = Batch.byteCount(byteCount, count)
    try self.makeRoom(for: count, bytes: size)
    let offset = self.nextOffset
    var bytes = ByteBuffer()
    bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { free in
      write(UnsafeMutableRawBufferPointer(rebasing: free[..<byteCount]))
      return byteCount
    }
    let batch = Batch(first: offset, count: count, bytes: bytes, form: form, time: time)
    for _ in 0..<count { self.slots.append(.batch(batch)) }
    self.add(count, bytes: size, at: time)
    return offset
  }

  private func makeRoom(for count: Int, bytes size: Int) throws(EngineError) {
    if self.bytesMax > 0, size > self.bytesMax {
      throw EngineError(.logFull, "a record larger than its log may be")
    }
    while self.isFull(for: count, bytes: size) {
      guard self.overflow == .dropOldest, self.count > 0 else {
        throw EngineError(.logFull, "the log holds \(self.count) records")
      }
      self.dropOldest()
    }
    guard self.memory.reserve(size) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
  }

  private func isFull(for count: Int, bytes size: Int) -> Bool {
    (self.recordsMax > 0 && self.count > self.recordsMax - count)
      || (self.bytesMax > 0 && self.byteCount > self.bytesMax - size)
  }

  private func add(_ count: Int, bytes size: Int, at time: Int64) {
    self.count += count
    self.byteCount += size
    self.latestTime = max(self.latestTime, time)
    self.wake()
  }

  private func wake() {
    guard !self.waiters.isEmpty else { return }
    let waiters = self.waiters
    self.waiters.removeAll()
    for waiter in waiters { waiter() }
  }

  /// Calls `body` at once: memory is all the durability there is.
  public func whenCommitted(before offset: UInt64, _ body: @escaping (EngineError?) -> Void) {
    body(nil)
  }

  /// Calls `body` once, at the next append; see `Log`.
  public func whenAppended(_ body: @escaping () -> Void) {
    self.waiters.append(body)
  }

  // MARK: Reading

  private func slot(_ offset: UInt64) -> Slot {
    guard offset >= self.firstOffset, offset < self.nextOffset else { return .empty }
    return self.slots[self.head + Int(offset - self.firstOffset)]
  }

  /// The record at `offset`; see `Log`.
  public func record(at offset: UInt64) -> Record? {
    if case .record(let record) = self.slot(offset) { return record }
    return nil
  }

  /// What stands for `offset`; see `Log`.
  public func entry(at offset: UInt64) -> LogEntry? {
    switch self.slot(offset) {
    case .empty: nil
    case .record(let record): .record(record, offset: offset)
    case .batch(let batch):
      .batch(batch.bytes, form: batch.form, first: batch.first, count: batch.count)
    }
  }

  /// Everything is at hand.
  public func isAtHand(_ offset: UInt64) -> Bool { true }

  /// Everything is at hand.
  public func prepare(_ offset: UInt64, _ body: @escaping () -> Void) -> Bool { true }

  /// Everything is at hand.
  public func prepare(_ offset: UInt64, bytes: Int, _ body: @escaping () -> Void) -> Bool { true }

  /// The next record that is there; see `Log`.
  public func next(from offset: UInt64) -> UInt64 {
    var offset = max(offset, self.firstOffset)
    while offset < self.nextOffset, self.slots[self.head + Int(offset - self.firstOffset)].isEmpty {
      offset += 1
    }
    return min(offset, self.nextOffset)
  }

  /// The next offset that has no record; see `Log`.
  public func nextHole(from offset: UInt64) -> UInt64 {
    var offset = offset
    while offset >= self.firstOffset, offset < self.nextOffset, !self.slot(offset).isEmpty {
      offset += 1
    }
    return min(offset, self.nextOffset)
  }

  /// The first entry that is not older; see `Log`.
  public func offset(forTime time: Int64) -> UInt64? {
    guard
      let place = self.slots[self.head...].firstIndex(where: { !$0.isEmpty && $0.time >= time })
    else { return nil }
    if case .batch(let batch) = self.slots[place] { return max(batch.first, self.firstOffset) }
    return self.firstOffset + UInt64(place - self.head)
  }

  /// What is older; see `Log`.
  public func trimOffset(olderThan time: Int64) -> UInt64 {
    let older = self.slots[self.head...].prefix { $0.time < time }
    return self.firstOffset + UInt64(older.count)
  }

  /// What is too much; see `Log`.
  public func trimOffset(keeping bytes: Int) -> UInt64 {
    var left = self.byteCount
    var offset = self.firstOffset
    while offset < self.nextOffset {
      switch self.slot(offset) {
      case .empty: offset += 1
      case .record(let record):
        left -= record.byteCount
        guard left >= bytes else { return offset }
        offset += 1
      case .batch(let batch):
        left -= batch.byteCount
        guard left >= bytes else { return offset }
        offset = batch.first + UInt64(batch.count)
      }
    }
    return offset
  }

  // MARK: Removing

  /// Removes one record; see `Log`.
  @discardableResult
  public func remove(at offset: UInt64) -> Bool {
    guard offset >= self.firstOffset, offset < self.nextOffset else { return false }
    let index = self.head + Int(offset - self.firstOffset)
    guard !self.slots[index].isEmpty else { return false }
    self.empty(index)
    self.skipRemoved()
    return true
  }

  /// Has batches made smaller; see `Log`.
  public func setBatchTrimmer(_ trim: @escaping BatchTrimmer) { self.batchTrimmer = trim }

  /// Makes a batch smaller, at once; see `Log`.
  public func shrinkBatch(at offset: UInt64) {
    guard let trim = self.batchTrimmer, offset >= self.firstOffset, offset < self.nextOffset,
      case .batch(let batch) = self.slots[self.head + Int(offset - self.firstOffset)],
      batch.left < batch.count
    else { return }
    let smaller = trim(batch.bytes, batch.form, batch.first) { self.next(from: $0) == $0 }
    guard let smaller, smaller.readableBytes < batch.bytes.readableBytes else { return }
    let saved = batch.bytes.readableBytes - smaller.readableBytes
    batch.bytes = smaller
    self.byteCount -= saved
    self.memory.release(saved)
  }

  /// Removes every record before `offset`; see `Log`.
  public func trim(before offset: UInt64) {
    let end = min(offset, self.nextOffset)
    self.startOffset = max(self.startOffset, end)
    while self.firstOffset < end {
      self.empty(self.head)
      self.head += 1
      self.firstOffset += 1
    }
    self.skipRemoved()
  }

  /// The longest gap between records.
  private static var skippedMax: UInt64 { 1 << 20 }

  /// Leaves a gap before `offset`; see `Log`.
  public func skip(to offset: UInt64) {
    self.skipRemoved()
    if self.count == 0, self.slots.isEmpty {
      self.firstOffset = max(self.firstOffset, offset)
    } else if offset > self.nextOffset, offset - self.nextOffset <= Self.skippedMax {
      for _ in self.nextOffset..<offset { self.slots.append(.empty) }
    }
  }

  private func dropOldest() {
    self.skipRemoved()
    guard self.head < self.slots.count else { return }
    self.empty(self.head)
    self.startOffset = self.firstOffset + 1
    self.droppedCount &+= 1
    self.skipRemoved()
  }

  private func empty(_ index: Int) {
    let bytes: Int
    switch self.slots[index] {
    case .empty: return
    case .record(let record): bytes = record.byteCount
    case .batch(let batch):
      batch.left -= 1
      bytes = batch.left == 0 ? batch.byteCount : 0
    }
    self.slots[index] = .empty
    self.count -= 1
    self.byteCount -= bytes
    self.memory.release(bytes)
  }

  private func skipRemoved() {
    while self.head < self.slots.count, self.slots[self.head].isEmpty {
      self.head += 1
      self.firstOffset += 1
    }
    self.compact()
  }

  /// Gives back the removed front when it is the larger part.
  private func compact() {
    if self.head == self.slots.count {
      self.slots.removeAll(keepingCapacity: self.head <= 64)
      self.head = 0
    } else if self.head > 32, self.head * 2 > self.slots.count {
      self.slots.removeFirst(self.head)
      self.head = 0
    }
  }
}
