/// Messages that are to be published later.
///
/// In memory; the durable form is a log of schedules behind the same calls.
public final class Schedule {
  private final class Entry: TimerTarget {
    let record: Record
    let number: UInt64
    var timer: Timers.Token?
    let fire: (Record) -> Void
    unowned let schedule: Schedule

    init(record: Record, number: UInt64, schedule: Schedule, fire: @escaping (Record) -> Void) {
      self.record = record
      self.number = number
      self.schedule = schedule
      self.fire = fire
    }

    func timerFired(_ kind: Int) {
      self.timer = nil
      guard self.schedule.take(self.number) != nil else { return }
      self.fire(self.record)
    }
  }

  private var entries: [UInt64: Entry] = [:]
  private var last: UInt64 = 0
  private unowned let tenant: Tenant
  /// What a message that waits takes beside its record: its entry, timer and place in the table.
  private static var entryBytes: Int { 224 }

  /// How many messages wait.
  public var count: Int { self.entries.count }

  init(tenant: Tenant) {
    self.tenant = tenant
  }

  /// Calls `fire` with `record` at `time`, in the engine's clock.
  ///
  /// - Returns: a number to cancel it by.
  /// - Throws: `EngineError` when the budget for stored messages is spent.
  @discardableResult
  public func add(
    _ record: Record, at time: Int64, fire: @escaping (Record) -> Void
  ) throws(EngineError) -> UInt64 {
    let engine = self.tenant.engine
    guard self.tenant.memory.reserve(record.byteCount + Self.entryBytes) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    self.last &+= 1
    let entry = Entry(record: record, number: self.last, schedule: self, fire: fire)
    self.entries[self.last] = entry
    entry.timer = engine.timers.schedule(at: time, entry, kind: 0)
    return self.last
  }

  /// Takes a waiting message out.
  ///
  /// - Returns: whether it still waited.
  @discardableResult
  public func cancel(_ number: UInt64) -> Bool {
    guard let entry = self.take(number) else { return false }
    if let timer = entry.timer { self.tenant.engine.timers.cancel(timer) }
    return true
  }

  private func take(_ number: UInt64) -> Entry? {
    guard let entry = self.entries.removeValue(forKey: number) else { return nil }
    self.tenant.memory.release(entry.record.byteCount + Self.entryBytes)
    return entry
  }
}
