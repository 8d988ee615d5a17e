public import NIOCore

/// One of a topic's logs: dense offsets, records of any protocol, and batches as their sender
/// packed them.
///
/// An append returns at once; what it added is there for readers when it is committed.
public final class Partition {
  /// Names someone who waits for records.
  public struct Wait: Hashable {
    fileprivate let number: UInt64
  }

  /// The topic that it is a part of.
  public let topic: PartitionedTopic
  /// Its number within the topic, from 0 on.
  public let index: Int
  /// What holds the records. Its name is the topic's, `-`, and `index`.
  public let log: any Log
  /// How often the partition has been given to another process to write. There is one, so 0.
  public var leaderEpoch: Int32 { 0 }

  private var waiters: [UInt64: () -> Void] = [:]
  private var waits: UInt64 = 0
  private var isWatching = false
  /// Up to where the log is looked at for what is too much.
  private var isCheckingSize = false
  private var compaction: PartitionCompaction?

  /// The most records that one batch may stand for.
  public static var batchRecordsMax: Int { 1 << 20 }

  init(topic: PartitionedTopic, index: Int, log: any Log) {
    self.topic = topic
    self.index = index
    self.log = log
    log.setBatchTrimmer { [weak tenant = topic.tenant] bytes, form, first, isLeft in
      tenant?.partitionedTopics.keeper?.trim(bytes, form: form, first: first, isLeft)
    }
  }

  /// The log's name, by which `Tenant.cursors` knows it as well.
  public var name: String { self.log.name }
  /// The offset of the oldest record that is there; `nextOffset` where there is none.
  public var firstOffset: UInt64 { self.log.next(from: self.log.firstOffset) }
  /// Where the partition begins: what lies before it has gone because of its age or of the room it
  /// took, or somebody has trimmed it. Compaction and the removal of single records leave it where
  /// it is, so the oldest record that is there may lie further on.
  public var startOffset: UInt64 { self.log.startOffset }
  /// The offset that the next record will get.
  public var nextOffset: UInt64 { self.log.nextOffset }
  /// What lies before this offset may be read.
  public var committedOffset: UInt64 { self.log.committedOffset }

  private var engine: Engine { self.topic.tenant.engine }
  private var loop: Int { self.topic.firstLoop &+ self.index }

  /// Does `work`, which takes time, on the partition's event loop, and then `done`; see
  /// `Engine.elsewhere`.
  public func elsewhere<Result: Sendable>(
    _ work: @escaping @Sendable () -> Result, _ done: @escaping (Result) -> Void
  ) {
    self.engine.elsewhere(on: self.loop, work, done)
  }

  // MARK: Appending

  /// Appends a record.
  ///
  /// - Returns: the offset that it will have.
  /// - Throws: as `Log.append`.
  @discardableResult
  public func append(_ record: Record) throws(EngineError) -> UInt64 {
    try self.checkIsThere()
    let offset = try self.log.append(record)
    self.wasAppended()
    return offset
  }

  /// Appends a batch; see `Log.append(batchOf:form:origin:count:time:_:)`. Nobody else hears of it:
  /// who appends publishes to others, where the topic `hasOtherListeners`.
  ///
  /// - Returns: the offset that its first record will have: what `nextOffset` was.
  /// - Throws: as `Log.append`; `notAllowed` for a batch of no record, or of too many.
  @discardableResult
  public func append(
    batchOf byteCount: Int, form: UInt8 = 0, origin: Origin, count: Int, time: Int64,
    _ write: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(EngineError) -> UInt64 {
    try self.checkIsThere()
    guard (1...Self.batchRecordsMax).contains(count) else {
      throw EngineError(.notAllowed, "a batch has 1 to \(Self.batchRecordsMax) records")
    }
    let offset = try self.log.append(
      batchOf: byteCount, form: form, origin: origin, count: count, time: time, write)
    self.wasAppended()
    return offset
  }

  /// Appends a batch that is ready as it stands.
  @discardableResult
  public func append(
    batch bytes: ByteBuffer, form: UInt8 = 0, origin: Origin, count: Int, time: Int64
  ) throws(EngineError) -> UInt64 {
    try self.append(
      batchOf: bytes.readableBytes, form: form, origin: origin, count: count, time: time
    ) { target in
      bytes.withUnsafeReadableBytes { target.copyMemory(from: $0) }
    }
  }

  private func checkIsThere() throws(EngineError) {
    guard !self.topic.isDeleted else { throw EngineError(.notFound, "the topic was deleted") }
  }

  private func wasAppended() {
    guard !self.isCheckingSize, self.isTooLarge else { return }
    // Nothing goes for the sake of a record that a crash might take back.
    self.isCheckingSize = true
    self.log.whenCommitted(before: self.log.nextOffset) { [weak self] error in
      guard let self else { return }
      self.isCheckingSize = false
      if error == nil { self.enforceSize() }
    }
  }

  /// Calls `body` when everything before `offset` is as durable as the store promises, at once
  /// where it is already; or with the error, when it never will be.
  public func whenCommitted(before offset: UInt64, _ body: @escaping (EngineError?) -> Void) {
    self.log.whenCommitted(before: offset, body)
  }

  // MARK: Reading

  /// What stands at `offset` and behind it, oldest first: only what is committed, and what is at
  /// hand; so `prepare` first. What was removed is passed over, so the first entry may lie further
  /// on; a batch in whose middle `offset` lies comes whole.
  ///
  /// - Parameter bytesMax: the most bytes; one entry comes in any case.
  public func entries(from offset: UInt64, maxBytes bytesMax: Int) -> [LogEntry] {
    var entries: [LogEntry] = []
    var left = bytesMax
    var offset = self.log.next(from: offset)
    while offset < self.log.committedOffset {
      // Beyond the first entry nobody waits for the disk. Nor is it asked for the next block: then
      // that would be all that is at hand when the reader comes again, and all that it gets.
      guard entries.isEmpty || self.log.isAtHand(offset) else { break }
      if let entry = self.log.entry(at: offset) {
        guard entries.isEmpty || entry.byteCount <= left else { break }
        left -= entry.byteCount
        entries.append(entry)
        offset = max(offset + 1, entry.offsets.upperBound)
      } else {
        offset += 1
      }
      guard left > 0 else { break }
      offset = self.log.next(from: offset)
    }
    return entries
  }

  /// Whether `entries` can answer without waiting for the disk. If not, what it would answer with
  /// is read elsewhere, and `body` is called once when it can, or when the attempt has failed.
  public func prepare(
    _ offset: UInt64, maxBytes bytesMax: Int, _ body: @escaping () -> Void
  ) -> Bool {
    self.log.prepare(self.log.next(from: offset), bytes: bytesMax, body)
  }

  /// The first offset of the first entry that has `time` or is later, in nanoseconds since 1970:
  /// where a batch is meant, the record lies in it. Never before `startOffset`. `nil` where all is
  /// older.
  public func offset(forTime time: Int64) -> UInt64? {
    self.log.offset(forTime: time).map { max($0, self.startOffset) }
  }

  /// The time of the latest entry; 0 where none was ever appended.
  public var latestTime: Int64 { self.log.latestTime }

  /// Calls `body` once, when there is more to read than now, or when the topic is deleted; never
  /// within a publish.
  ///
  /// - Returns: what `cancel` takes, so that who waited long enough leaves nothing behind.
  @discardableResult
  public func whenAppended(_ body: @escaping () -> Void) -> Wait {
    self.waits &+= 1
    self.waiters[self.waits] = body
    self.watch()
    return Wait(number: self.waits)
  }

  /// Has `whenAppended` forget somebody; one that was called is left alone.
  public func cancel(_ wait: Wait) { self.waiters[wait.number] = nil }

  private func watch() {
    guard !self.isWatching else { return }
    self.isWatching = true
    self.log.whenAppended { [weak self] in
      guard let self else { return }
      self.engine.whenQuiet {
        self.isWatching = false
        self.wake()
      }
    }
  }

  /// Calls everybody who waits in `whenAppended`: there is more for them to read, though nothing
  /// was appended.
  public func wake() {
    let waiters = self.waiters
    self.waiters = [:]
    for (_, body) in waiters.sorted(by: { $0.key < $1.key }) { body() }
  }

  // MARK: Removing

  /// Removes every record before `offset`, at most up to `committedOffset`.
  public func trim(before offset: UInt64) { self.log.trim(before: offset) }

  /// Removes what is too old.
  func enforceAge() {
    let settings = self.topic.settings
    guard settings.ageMax > 0, settings.cleanup.contains(.delete) else { return }
    let end = self.log.trimOffset(olderThan: self.engine.now - settings.ageMax)
    if end > self.log.firstOffset { self.log.trim(before: end) }
  }

  /// Begins to remove what a later record of its key has taken the place of, if enough was added.
  func compact() {
    guard self.topic.settings.cleanup.contains(.compact), !self.topic.isDeleted else { return }
    let compaction =
      self.compaction
      ?? PartitionCompaction(self.topic, index: self.index, self.log, loop: self.loop)
    self.compaction = compaction
    compaction.beginIfDue()
  }

  private var isTooLarge: Bool {
    let settings = self.topic.settings
    return settings.bytesMax > 0 && settings.cleanup.contains(.delete)
      && self.log.byteCount > settings.bytesMax
  }

  /// Removes what is too much.
  func enforceSize() {
    guard self.isTooLarge, !self.topic.isDeleted else { return }
    let end = self.log.trimOffset(keeping: self.topic.settings.bytesMax)
    if end > self.log.firstOffset { self.log.trim(before: end) }
  }
}
