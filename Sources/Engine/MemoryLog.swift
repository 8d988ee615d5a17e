/// A log that is gone when the process is.
///
/// Records are shared, not copied: a message in a hundred queues is held once, and counted against
/// the budget in each, so that the count is an upper bound.
public final class MemoryLog: Log {
  /// The log's name within its tenant.
  public let name: String
  /// The offset of the oldest record that may still be there.
  public private(set) var firstOffset: UInt64 = 0
  /// The offset that the next record will get.
  public var nextOffset: UInt64 { self.firstOffset + UInt64(self.records.count - self.head) }
  /// In memory a record is committed as soon as it is appended.
  public var committedOffset: UInt64 { self.nextOffset }
  /// How many records there are.
  public private(set) var count = 0
  /// The bytes they hold.
  public private(set) var byteCount = 0
  /// How many records were removed to make room.
  public private(set) var droppedCount: UInt64 = 0

  private let recordsMax: Int
  private let bytesMax: Int
  private let overflow: LogOverflow
  private let memory: MemoryBudget
  /// Records from `head` on are those from `firstOffset` on; `nil` where one was removed.
  private var records: [Record?] = []
  private var head = 0
  private var waiters: [() -> Void] = []

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

  /// Appends a record; see `Log`.
  public func append(_ record: Record) throws(EngineError) -> UInt64 {
    let size = record.byteCount
    if self.bytesMax > 0, size > self.bytesMax {
      throw EngineError(.logFull, "a record larger than its log may be")
    }
    while self.isFull(for: size) {
      guard self.overflow == .dropOldest, self.count > 0 else {
        throw EngineError(.logFull, "the log holds \(self.count) records")
      }
      self.dropOldest()
    }
    guard self.memory.reserve(size) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    let offset = self.nextOffset
    self.records.append(record)
    self.count += 1
    self.byteCount += size
    self.wake()
    return offset
  }

  /// The record at `offset`; see `Log`.
  public func record(at offset: UInt64) -> Record? {
    guard offset >= self.firstOffset, offset < self.nextOffset else { return nil }
    return self.records[self.head + Int(offset - self.firstOffset)]
  }

  /// Everything is at hand.
  public func prepare(_ offset: UInt64, _ body: @escaping () -> Void) -> Bool { true }

  /// The next record that is there; see `Log`.
  public func next(from offset: UInt64) -> UInt64 {
    var offset = max(offset, self.firstOffset)
    while offset < self.nextOffset, self.records[self.head + Int(offset - self.firstOffset)] == nil
    {
      offset += 1
    }
    return min(offset, self.nextOffset)
  }

  /// Removes one record; see `Log`.
  @discardableResult
  public func remove(at offset: UInt64) -> Bool {
    guard offset >= self.firstOffset, offset < self.nextOffset else { return false }
    let index = self.head + Int(offset - self.firstOffset)
    guard let record = self.records[index] else { return false }
    self.records[index] = nil
    self.forget(record)
    self.skipRemoved()
    return true
  }

  /// Removes every record before `offset`; see `Log`.
  public func trim(before offset: UInt64) {
    let end = min(offset, self.nextOffset)
    while self.firstOffset < end {
      if let record = self.records[self.head] { self.forget(record) }
      self.records[self.head] = nil
      self.head += 1
      self.firstOffset += 1
    }
    self.skipRemoved()
  }

  /// Begins an empty log at `offset`; see `Log`.
  public func skip(to offset: UInt64) {
    self.skipRemoved()
    guard self.count == 0, self.records.isEmpty else { return }
    self.firstOffset = max(self.firstOffset, offset)
  }

  /// Calls `body` at once: memory is all the durability there is.
  public func whenCommitted(before offset: UInt64, _ body: @escaping (EngineError?) -> Void) {
    body(nil)
  }

  /// Calls `body` once, at the next append; see `Log`.
  public func whenAppended(_ body: @escaping () -> Void) {
    self.waiters.append(body)
  }

  private func isFull(for size: Int) -> Bool {
    (self.recordsMax > 0 && self.count >= self.recordsMax)
      || (self.bytesMax > 0 && self.byteCount > self.bytesMax - size)
  }

  private func dropOldest() {
    self.skipRemoved()
    guard self.head < self.records.count, let record = self.records[self.head] else { return }
    self.forget(record)
    self.records[self.head] = nil
    self.droppedCount &+= 1
    self.skipRemoved()
  }

  private func forget(_ record: Record) {
    self.count -= 1
    self.byteCount -= record.byteCount
    self.memory.release(record.byteCount)
  }

  private func skipRemoved() {
    while self.head < self.records.count, self.records[self.head] == nil {
      self.head += 1
      self.firstOffset += 1
    }
    self.compact()
  }

  /// Gives back the removed front when it is the larger part.
  private func compact() {
    if self.head == self.records.count {
      self.records.removeAll(keepingCapacity: self.head <= 64)
      self.head = 0
    } else if self.head > 32, self.head * 2 > self.records.count {
      self.records.removeFirst(self.head)
      self.head = 0
    }
  }

  private func wake() {
    guard !self.waiters.isEmpty else { return }
    let waiters = self.waiters
    self.waiters.removeAll()
    for waiter in waiters { waiter() }
  }
}
