/// An append-only sequence of records with dense offsets: the second of the engine's four nouns.
///
/// One interface, several stores: `MemoryLog` here; a file store and a cluster behind the same
/// calls. Offsets start at 0 and are never given twice. A log belongs to one event loop.
public protocol Log: AnyObject {
  /// The log's name within its tenant.
  var name: String { get }
  /// The offset of the oldest record that may still be there.
  var firstOffset: UInt64 { get }
  /// The offset that the next record will get.
  var nextOffset: UInt64 { get }
  /// How many records there are.
  var count: Int { get }
  /// The bytes they hold.
  var byteCount: Int { get }

  /// Appends a record.
  ///
  /// The record can be read at once. Whether it would survive a crash is a matter of the log's
  /// policy: acknowledge in `whenDurable`.
  ///
  /// - Returns: the record's offset.
  /// - Throws: `EngineError` with `logFull` or `quotaExceeded` when the log's policy refuses it.
  func append(_ record: Record) throws(EngineError) -> UInt64

  /// The record at `offset`, or `nil` when it was removed, or never was.
  func record(at offset: UInt64) -> Record?

  /// Removes one record. Its offset is not given again.
  func remove(at offset: UInt64)

  /// Removes every record before `offset`.
  func trim(before offset: UInt64)

  /// Calls `body` when everything before `offset` is as durable as the log's policy promises: at
  /// once in memory, after the group commit on disk.
  func whenDurable(before offset: UInt64, _ body: @escaping () -> Void)

  /// Calls `body` once, at the next append. How a reader waits without polling.
  func whenAppended(_ body: @escaping () -> Void)
}

/// What a log does with a record that is one too many.
public enum LogOverflow: Hashable, Sendable {
  /// Throw.
  case refuse
  /// Remove the oldest records until it fits.
  case dropOldest
}
