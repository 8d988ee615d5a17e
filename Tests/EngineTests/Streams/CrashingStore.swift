import GodwitEngine
import NIOCore
import Testing

/// A store in memory that behaves as a disk does: what is appended is not there before `commit`, a
/// crash takes back what was not committed, and records must be asked for before they are at hand.
final class CrashingStore: Store {
  /// What survives a crash.
  final class Disk {
    var logs: [String: CrashingLog.Kept] = [:]
    var journals: [String: [ByteBuffer]] = [:]
  }

  let isDurable = true
  let disk: Disk
  let engine: Engine
  private var logs: [String: CrashingLog] = [:]
  private var journals: [String: CrashingJournal] = [:]
  /// Whether every append is committed at once.
  var commitsAtOnce = false
  /// Whether records must be prepared before they are at hand.
  var isSlow = false

  init(engine: Engine, disk: Disk = Disk()) {
    self.engine = engine
    self.disk = disk
  }

  func log(named name: String, isKnown: Bool) -> any Log {
    if let log = self.logs[name] { return log }
    let log = CrashingLog(name: name, store: self, kept: self.disk.logs[name])
    self.logs[name] = log
    return log
  }

  func journal(named name: String, isKnown: Bool) -> any Journal {
    if let journal = self.journals[name] { return journal }
    let journal = CrashingJournal(name: name, store: self)
    self.journals[name] = journal
    return journal
  }

  func remove(named name: String) {
    self.logs[name] = nil
    self.journals[name] = nil
    self.disk.logs[name] = nil
    self.disk.journals[name] = nil
  }

  /// One group commit of everything; or a failure of everything.
  func commit(_ error: EngineError? = nil) {
    for journal in self.journals.values { journal.commit(error) }
    for log in self.logs.values { log.commit(error) }
  }

  /// A group commit that fails for logs and not for journals.
  func failLogs() {
    for journal in self.journals.values { journal.commit(nil) }
    for log in self.logs.values { log.commit(EngineError(.storageFailed, "no room")) }
  }

  /// The next `count` records of each log are committed, and the others fail.
  func commit(only count: Int) {
    for log in self.logs.values { log.commit(only: count) }
  }

  /// From now on nothing is committed any more.
  func failForGood(_ error: EngineError) {
    for log in self.logs.values { log.failForGood(error) }
  }

  /// A group commit that reaches journals, and then the process is gone.
  func commitJournals() {
    for journal in self.journals.values { journal.commit(nil) }
  }

  /// Group commits until nothing waits: changes of definitions are made one after the other.
  func settle() {
    repeat { self.commit() } while self.journals.values.contains { $0.isWaitedFor }
  }

  /// The same, which reach journals only.
  func settleJournals() {
    repeat { self.commitJournals() } while self.journals.values.contains { $0.isWaitedFor }
  }

  /// A group commit that reaches that log, and no other.
  func commit(logNamed name: String) { self.logs[name]?.commit(nil) }

  /// An engine whose tenant keeps what it has on `disk`.
  static func start(on disk: Disk, now: Int64) -> (fixture: StreamFixture, store: CrashingStore) {
    var made: CrashingStore?
    let fixture = StreamFixture(now: now) { engine in
      made = CrashingStore(engine: engine, disk: disk)
      return made
    }
    let store = made ?? CrashingStore(engine: fixture.engine, disk: disk)
    do {
      let failed = try fixture.tenant.streams.restore()
      #expect(failed.isEmpty)
    } catch {
      Issue.record(error)
    }
    return (fixture, store)
  }

  /// Reads what was asked for.
  func read() {
    for log in self.logs.values { log.read() }
  }
}

final class CrashingLog: Log {
  struct Kept {
    var first: UInt64 = 0
    var next: UInt64 = 0
    var records: [UInt64: Record] = [:]
  }

  let name: String
  private let store: CrashingStore
  /// What is committed.
  private(set) var kept: Kept
  private var added: [Record] = []
  private var waiters: [(before: UInt64, body: (EngineError?) -> Void)] = []
  private var appendWaiters: [() -> Void] = []
  private var asked: [(offset: UInt64, body: () -> Void)] = []
  private var atHand: Set<UInt64> = []
  private var failure: EngineError?

  init(name: String, store: CrashingStore, kept: Kept?) {
    self.name = name
    self.store = store
    self.kept = kept ?? Kept()
  }

  var firstOffset: UInt64 { self.kept.first }
  var startOffset: UInt64 { self.kept.first }
  var nextOffset: UInt64 { self.kept.next + UInt64(self.added.count) }
  var committedOffset: UInt64 { self.kept.next }
  var count: Int { self.kept.records.count + self.added.count }
  var byteCount: Int { 0 }

  func append(_ record: Record) throws(EngineError) -> UInt64 {
    if let failure = self.failure { throw failure }
    self.added.append(record)
    let offset = self.nextOffset - 1
    if self.store.commitsAtOnce { self.commit(nil) }
    return offset
  }

  func commit(_ error: EngineError?) {
    if error == nil {
      for record in self.added {
        self.kept.records[self.kept.next] = record
        self.kept.next += 1
      }
    }
    let isNew = error == nil && !self.added.isEmpty
    self.added = []
    self.store.disk.logs[self.name] = self.kept
    let waiters = self.waiters
    self.waiters = []
    for waiter in waiters { waiter.body(error) }
    guard isNew else { return }
    let appendWaiters = self.appendWaiters
    self.appendWaiters = []
    for waiter in appendWaiters { waiter() }
  }

  func commit(only count: Int) {
    for record in self.added.prefix(count) {
      self.kept.records[self.kept.next] = record
      self.kept.next += 1
    }
    self.added = []
    self.store.disk.logs[self.name] = self.kept
    let waiters = self.waiters
    self.waiters = []
    for waiter in waiters {
      let isKept = waiter.before <= self.kept.next
      waiter.body(isKept ? nil : EngineError(.storageFailed, "no room"))
    }
  }

  func failForGood(_ error: EngineError) {
    self.failure = error
    let waiters = self.waiters
    self.waiters = []
    for waiter in waiters { waiter.body(error) }
  }

  /// Streams never do this.
  func append(
    batchOf byteCount: Int, form: UInt8, origin: Origin, count: Int, time: Int64,
    _ write: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(EngineError) -> UInt64 {
    throw EngineError(.notAllowed, "no batches here")
  }

  func record(at offset: UInt64) -> Record? { self.kept.records[offset] }
  func entry(at offset: UInt64) -> LogEntry? {
    self.record(at: offset).map { .record($0, offset: offset) }
  }

  func nextHole(from offset: UInt64) -> UInt64 {
    var offset = offset
    while self.kept.records[offset] != nil { offset += 1 }
    return min(offset, self.kept.next)
  }

  var latestTime: Int64 { self.kept.records.values.map(\.receivedAt).max() ?? 0 }
  func offset(forTime time: Int64) -> UInt64? {
    self.kept.records.filter { $0.value.receivedAt >= time }.keys.min()
  }
  func trimOffset(olderThan time: Int64) -> UInt64 {
    self.offset(forTime: time) ?? self.committedOffset
  }
  func trimOffset(keeping bytes: Int) -> UInt64 { self.firstOffset }
  func isAtHand(_ offset: UInt64) -> Bool {
    !self.store.isSlow || self.kept.records[offset] == nil || self.atHand.contains(offset)
  }
  func prepare(_ offset: UInt64, bytes: Int, _ body: @escaping () -> Void) -> Bool {
    self.prepare(offset, body)
  }

  func prepare(_ offset: UInt64, _ body: @escaping () -> Void) -> Bool {
    guard !self.isAtHand(offset) else { return true }
    self.asked.append((offset, body))
    return false
  }

  func read() {
    let asked = self.asked
    self.asked = []
    self.atHand.formUnion(asked.map(\.offset))
    for one in asked { one.body() }
  }

  func next(from offset: UInt64) -> UInt64 {
    var offset = max(offset, self.kept.first)
    while offset < self.kept.next, self.kept.records[offset] == nil { offset += 1 }
    return min(offset, self.kept.next)
  }

  func remove(at offset: UInt64) -> Bool {
    guard self.kept.records.removeValue(forKey: offset) != nil else { return false }
    self.kept.first = self.next(from: self.kept.first)
    self.store.disk.logs[self.name] = self.kept
    return true
  }

  func trim(before offset: UInt64) {
    let end = min(offset, self.kept.next)
    self.kept.records = self.kept.records.filter { $0.key >= end }
    self.kept.first = self.next(from: max(self.kept.first, end))
    self.store.disk.logs[self.name] = self.kept
  }

  func skip(to offset: UInt64) {
    guard self.count == 0, offset >= self.kept.next else { return }
    self.kept.first = offset
    self.kept.next = offset
    self.store.disk.logs[self.name] = self.kept
  }

  func whenCommitted(before offset: UInt64, _ body: @escaping (EngineError?) -> Void) {
    if offset <= self.kept.next {
      body(nil)
    } else if let failure = self.failure {
      body(failure)
    } else {
      self.waiters.append((offset, body))
    }
  }

  func whenAppended(_ body: @escaping () -> Void) { self.appendWaiters.append(body) }
}

final class CrashingJournal: Journal {
  private let name: String
  private let store: CrashingStore
  private var added: [(entry: ByteBuffer, isProposed: Bool)] = []
  private var waiters: [(EngineError?) -> Void] = []
  var isWaitedFor: Bool { !self.waiters.isEmpty }

  init(name: String, store: CrashingStore) {
    self.name = name
    self.store = store
  }

  func replay(_ body: (ByteBuffer) -> Void) {
    for entry in self.store.disk.journals[self.name] ?? [] { body(entry) }
  }

  func append(_ entry: ByteBuffer) {
    self.added.append((entry, false))
    if self.store.commitsAtOnce { self.commit(nil) }
  }

  func propose(_ entries: [ByteBuffer], _ body: @escaping (EngineError?) -> Void) {
    self.added += entries.map { ($0, true) }
    self.waiters.append(body)
    if self.store.commitsAtOnce { self.commit(nil) }
  }

  /// What is proposed may be refused, and then must not be in a snapshot.
  var wantsSnapshot: Bool {
    !self.added.contains(where: \.isProposed)
      && (self.store.disk.journals[self.name]?.count ?? 0) > 50
  }

  func replace(_ produce: (_ add: (ByteBuffer) -> Void) -> Void) {
    self.added = []
    var entries: [ByteBuffer] = []
    produce { entries.append($0) }
    self.store.disk.journals[self.name] = entries
  }

  func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    if self.added.isEmpty { body(nil) } else { self.waiters.append(body) }
  }

  func commit(_ error: EngineError?) {
    self.store.disk.journals[self.name, default: []] +=
      self.added.filter { error == nil || !$0.isProposed }.map(\.entry)
    self.added = []
    let waiters = self.waiters
    self.waiters = []
    for waiter in waiters { waiter(error) }
  }
}
