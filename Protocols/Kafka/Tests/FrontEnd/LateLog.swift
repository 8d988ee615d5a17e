import GodwitEngine
import NIOCore

/// A log in memory whose records are committed when it is told.
final class LateLog: Log {
  private let log: any Log
  private var end: UInt64?
  private var waiting: [(offset: UInt64, body: (EngineError?) -> Void)] = []

  init(_ log: any Log) { self.log = log }

  /// What comes from now on waits.
  func hold() { end = log.nextOffset }

  /// All is committed.
  func release() {
    end = nil
    let bodies = waiting
    waiting = []
    for (_, body) in bodies { body(nil) }
  }

  var name: String { log.name }
  var firstOffset: UInt64 { log.firstOffset }
  var startOffset: UInt64 { log.startOffset }
  var nextOffset: UInt64 { log.nextOffset }
  var committedOffset: UInt64 { min(log.committedOffset, end ?? .max) }
  var count: Int { log.count }
  var byteCount: Int { log.byteCount }
  var droppedCount: UInt64 { 0 }
  var failure: EngineError? { nil }

  func append(_ record: Record) throws(EngineError) -> UInt64 { try log.append(record) }
  func append(
    batchOf byteCount: Int, form: UInt8, origin: Origin, count: Int, time: Int64,
    _ write: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(EngineError) -> UInt64 {
    try log.append(
      batchOf: byteCount, form: form, origin: origin, count: count, time: time, write)
  }
  func whenCommitted(before offset: UInt64, _ body: @escaping (EngineError?) -> Void) {
    if offset <= committedOffset { body(nil) } else { waiting.append((offset, body)) }
  }
  func whenAppended(_ body: @escaping () -> Void) { log.whenAppended(body) }
  func record(at offset: UInt64) -> Record? {
    offset < committedOffset ? log.record(at: offset) : nil
  }
  func entry(at offset: UInt64) -> LogEntry? {
    offset < committedOffset ? log.entry(at: offset) : nil
  }
  func prepare(_ offset: UInt64, _ body: @escaping () -> Void) -> Bool { true }
  func prepare(_ offset: UInt64, bytes: Int, _ body: @escaping () -> Void) -> Bool { true }
  func isAtHand(_ offset: UInt64) -> Bool { true }
  func next(from offset: UInt64) -> UInt64 { min(log.next(from: offset), committedOffset) }
  func nextHole(from offset: UInt64) -> UInt64 { min(log.nextHole(from: offset), committedOffset) }
  var latestTime: Int64 { log.latestTime }
  func offset(forTime time: Int64) -> UInt64? { log.offset(forTime: time) }
  func trimOffset(olderThan time: Int64) -> UInt64 { log.trimOffset(olderThan: time) }
  func trimOffset(keeping bytes: Int) -> UInt64 { log.trimOffset(keeping: bytes) }
  func setBatchTrimmer(_ trim: @escaping BatchTrimmer) { log.setBatchTrimmer(trim) }
  func shrinkBatch(at offset: UInt64) { log.shrinkBatch(at: offset) }
  func remove(at offset: UInt64) -> Bool { log.remove(at: offset) }
  func trim(before offset: UInt64) { log.trim(before: min(offset, committedOffset)) }
  func skip(to offset: UInt64) { log.skip(to: offset) }
}
