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

  /// The record at `offset`, or `nil` when it was removed, is not committed, or never was.
  ///
  /// May read the disk; `prepare` first, where that must not hold up the loop.
  func record(at offset: UInt64) -> Record?

  /// Whether `record(at:)` can answer for `offset` without waiting for the disk. If not, it is read
  /// elsewhere, and `body` is called once when it can, or when the attempt has failed.
  func prepare(_ offset: UInt64, _ body: @escaping () -> Void) -> Bool

  /// The first offset from `offset` on whose record has not been removed; `committedOffset` when
  /// there is none. How readers pass over holes without a look at each.
  func next(from offset: UInt64) -> UInt64

  /// Removes one record. Its offset is not given again.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  func remove(at offset: UInt64) -> Bool

  /// Removes every record before `offset`, at most up to `committedOffset`.
  func trim(before offset: UInt64)

  /// Has the next record get `offset`, if that is greater than `nextOffset` and all is committed. A
  /// log in memory does so only while it is empty.
  func skip(to offset: UInt64)

  /// Calls `body` when everything before `offset` is committed, at once where it is already; or
  /// with the error, when it never will be: then those records were never there.
  func whenCommitted(before offset: UInt64, _ body: @escaping (EngineError?) -> Void)

  /// Calls `body` once, when more is committed than now. How a reader waits without polling.
  func whenAppended(_ body: @escaping () -> Void)
}

/// What a log does with a record that is one too many.
public enum LogOverflow: Hashable, Sendable {
  /// Throw.
  case refuse
  /// Remove the oldest records until it fits.
  case dropOldest
}
