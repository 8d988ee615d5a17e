public import NIOCore

/// An append-only sequence of records with dense offsets: the second of the engine's four nouns.
///
/// One interface, several stores: `MemoryLog` here, the file store in `GodwitStorage`, a cluster
/// behind the same calls. Offsets start at 0; one that a reader has seen is never given again. A
/// log belongs to one event loop.
public protocol Log: AnyObject {
  /// The log's name within its tenant.
  var name: String { get }
  /// The offset of the oldest record that may still be there.
  var firstOffset: UInt64 { get }
  /// Where the log begins: what lies before it was trimmed, or dropped to make room. Not so what
  /// was removed record by record, so the first that is there may lie further on.
  var startOffset: UInt64 { get }
  /// The offset that the next record will get, when everything appended so far is committed.
  var nextOffset: UInt64 { get }
  /// What lies before this offset is as durable as the log's policy promises, and may be read.
  /// Readers see nothing else: what they have seen cannot be taken back by a crash.
  var committedOffset: UInt64 { get }
  /// How many records there are.
  var count: Int { get }
  /// The bytes they hold.
  var byteCount: Int { get }

  /// Appends a record.
  ///
  /// It is not there for readers before it is committed: at once in memory, with the group commit
  /// on disk. Acknowledge in `whenCommitted`.
  ///
  /// - Returns: the offset that the record will have.
  /// - Throws: `EngineError` with `logFull`, `quotaExceeded` or `storageFailed` when the log
  ///   refuses it.
  func append(_ record: Record) throws(EngineError) -> UInt64

  /// Appends a message of which nobody else keeps a record: what is written is the same.
  ///
  /// - Parameter expiresAt: when the record ends its life, in the engine's clock; 0 for never.
  func append(
    _ publication: inout Publication, expiresAt: Int64, _ engine: Engine
  ) throws(EngineError) -> UInt64

  /// Appends records that their sender packed together, as one entry that stands for an offset
  /// each.
  ///
  /// - Parameters:
  ///   - byteCount: how many bytes they are.
  ///   - form: the sender's own number for the form of those bytes.
  ///   - origin: the sender's protocol.
  ///   - count: how many records there are, at least 1. Whoever calls has counted them.
  ///   - time: when the latest of them came in or was made, in nanoseconds since 1970.
  ///   - write: writes the bytes where they are kept, all of them, at once; it is not called where
  ///     this throws. They are never looked into. The first offset will be what `nextOffset` was,
  ///     for senders' forms that have it inside.
  /// - Returns: the offset that the first record will have.
  /// - Throws: as `append`.
  func append(
    batchOf byteCount: Int, form: UInt8, origin: Origin, count: Int, time: Int64,
    _ write: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(EngineError) -> UInt64

  /// Has what is appended until `endUnit` be committed as one, or fail as one: within one turn of
  /// the loop. A crash may take a part of it, the end.
  ///
  /// - Throws: as `append`.
  func beginUnit() throws(EngineError)

  /// Ends what `beginUnit` began.
  func endUnit()

  /// The record at `offset`, or `nil` when it was removed, is not committed, never was, or is part
  /// of a batch.
  ///
  /// May read the disk; `prepare` first, where that must not hold up the loop.
  func record(at offset: UInt64) -> Record?

  /// `isAtHand` and `record(at:)` in one, for who needs the record for a moment: it may share its
  /// memory with others of the log. Who keeps it, keeps what `Record.own` answers.
  func peek(at offset: UInt64) -> LogPeek

  /// What stands at `offset`, or stands for it: a batch is found by each of its offsets that was
  /// not removed, and is whole as long as one of them is left. `nil` as for `record(at:)`.
  func entry(at offset: UInt64) -> LogEntry?

  /// Whether `record(at:)` can answer for `offset` without waiting for the disk. If not, it is read
  /// elsewhere, and `body` is called once when it can, or when the attempt has failed.
  func prepare(_ offset: UInt64, _ body: @escaping () -> Void) -> Bool

  /// Whether what stands for `offset` can be read without waiting for the disk. Nothing is read
  /// because of the question.
  func isAtHand(_ offset: UInt64) -> Bool

  /// As `prepare`, for what stands at `offset` and behind it, up to about so many bytes.
  func prepare(_ offset: UInt64, bytes: Int, _ body: @escaping () -> Void) -> Bool

  /// The first offset from `offset` on whose record has not been removed; `committedOffset` when
  /// there is none. How readers pass over holes without a look at each.
  func next(from offset: UInt64) -> UInt64

  /// The first offset from `offset` on whose record is not there; `committedOffset` when all are.
  func nextHole(from offset: UInt64) -> UInt64

  /// The time of the latest entry that was appended and may still be there; 0 where none was.
  var latestTime: Int64 { get }

  /// The first offset of the first entry that has `time` or is later; `nil` when none is. May read
  /// the disk.
  func offset(forTime time: Int64) -> UInt64?

  /// How far the log may be trimmed for the sake of age: all that lies before the answer is older
  /// than `time`. Reads nothing, and so leaves a little that is older as well.
  func trimOffset(olderThan time: Int64) -> UInt64

  /// How far the log may be trimmed for the sake of its size: what lies from the answer on holds at
  /// least `bytes`, if the log does. Reads nothing, and so leaves a little more.
  func trimOffset(keeping bytes: Int) -> UInt64

  /// What lies before this offset is not written to any more: what compaction may go through.
  var sealedOffset: UInt64 { get }

  /// Has batches some of whose records were removed made smaller, when the log gives room back; see
  /// `BatchKeeper.trim`. A log that cannot keeps them whole.
  func setBatchTrimmer(_ trim: @escaping BatchTrimmer)

  /// Has the batch at `offset` made smaller soon, some of whose records were removed. Until the log
  /// gives room back they are in it still, for whoever reads it whole. A log that cannot does
  /// nothing.
  func shrinkBatch(at offset: UInt64)

  /// Removes one record; of a batch, one of its offsets. It is not given again.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  func remove(at offset: UInt64) -> Bool

  /// Removes every record before `offset`, at most up to `committedOffset`.
  func trim(before offset: UInt64)

  /// Has the next record get `offset`, if that is greater than `nextOffset` and all is committed. A
  /// log in memory that is not empty leaves no gap of more than a million.
  func skip(to offset: UInt64)

  /// Calls `body` when everything before `offset` is committed, at once where it is already; or
  /// with the error, when it never will be: then those records were never there.
  func whenCommitted(before offset: UInt64, _ body: @escaping (EngineError?) -> Void)

  /// Calls `body` once, when more is committed than now. How a reader waits without polling.
  func whenAppended(_ body: @escaping () -> Void)
}

/// What a log holds at an offset.
public enum LogEntry {
  /// One record.
  case record(Record, offset: UInt64)
  /// Records that their sender packed together: its bytes, its number for their form, the first
  /// record's offset, and how many there are.
  case batch(ByteBuffer, form: UInt8, first: UInt64, count: Int)

  /// The offsets that it stands for.
  public var offsets: Range<UInt64> {
    switch self {
    case .record(_, let offset): offset..<offset + 1
    case .batch(_, _, let first, let count): first..<first + UInt64(max(0, count))
    }
  }

  /// How many bytes a reader gets: a batch's own, or a record's topic, properties and payload.
  public var byteCount: Int {
    switch self {
    case .record(let record, _): record.contents.readableBytes
    case .batch(let bytes, _, _, _): bytes.readableBytes
    }
  }
}

/// What a log can say of a record at once.
public enum LogPeek {
  /// It is there.
  case record(Record)
  /// There is none, as `Log.record(at:)` has it.
  case none
  /// The disk must be asked: `Log.prepare` does.
  case later
}

extension Log {
  /// One after the other.
  public func peek(at offset: UInt64) -> LogPeek {
    guard self.isAtHand(offset) else { return .later }
    return self.record(at: offset).map { .record($0) } ?? .none
  }

  /// All that is committed: for logs without segments.
  public var sealedOffset: UInt64 { self.committedOffset }

  /// Keeps batches whole.
  public func setBatchTrimmer(_ trim: @escaping BatchTrimmer) {}

  /// Keeps it whole.
  public func shrinkBatch(at offset: UInt64) {}

  /// Nothing: what commits at once, or all there is, divides nothing.
  public func beginUnit() throws(EngineError) {}

  /// Nothing.
  public func endUnit() {}

  /// Appends a batch that is ready as it stands.
  public func append(
    batch bytes: ByteBuffer, form: UInt8, origin: Origin, count: Int, time: Int64
  ) throws(EngineError) -> UInt64 {
    try self.append(
      batchOf: bytes.readableBytes, form: form, origin: origin, count: count, time: time
    ) { target in
      bytes.withUnsafeReadableBytes { target.copyMemory(from: $0) }
    }
  }

  /// Makes a record and appends that: for logs that hold records.
  public func append(
    _ publication: inout Publication, expiresAt: Int64, _ engine: Engine
  ) throws(EngineError) -> UInt64 {
    try self.append(publication.record(engine, expiresAt: expiresAt))
  }
}

/// What a log does with a record that is one too many.
public enum LogOverflow: Hashable, Sendable {
  /// Throw.
  case refuse
  /// Remove the oldest records until it fits.
  case dropOldest
}
