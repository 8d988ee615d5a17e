import NIOCore

/// Messages that are to be published later.
///
/// In memory, or, where the tenant has queues that last, in one of them.
public final class Schedule {
  private final class Entry: TimerTarget {
    /// The message; `nil` when it is in the queue.
    let record: Record?
    let number: UInt64
    var timer: Timers.Token?
    let fire: (Record) -> Void
    unowned let schedule: Schedule

    init(
      record: Record?, number: UInt64, schedule: Schedule, fire: @escaping (Record) -> Void
    ) {
      self.record = record
      self.number = number
      self.schedule = schedule
      self.fire = fire
    }

    func timerFired(_ kind: Int) {
      self.timer = nil
      self.schedule.isDue(self)
    }
  }

  /// Who sends what was scheduled before the process began.
  public typealias Sender = (_ record: Record, _ note: [UInt8]) -> Void

  /// The first byte of a note: which sender it is for.
  private static var headBytes: Int { 9 }
  private static var name: [UInt8] { Array("schedule".utf8) }
  /// What a message that waits takes beside its record: its entry, timer and place in the table.
  private static var entryBytes: Int { 224 }

  private var entries: [UInt64: Entry] = [:]
  private var last: UInt64 = 0
  private unowned let tenant: Tenant
  private var queue: Queue?
  private var senders: [UInt8: Sender] = [:]
  /// Messages whose time has come and whose records are read, or whose sender is not there yet.
  private var late: [Entry] = []

  /// How many messages wait.
  public var count: Int { self.entries.count }

  init(tenant: Tenant) {
    self.tenant = tenant
  }

  /// Calls `fire` with `record` at `time`, in the engine's clock, unless the process ends before.
  ///
  /// - Returns: a number to cancel it by.
  /// - Throws: `EngineError` when the budget for stored messages is spent.
  @discardableResult
  public func add(
    _ record: Record, at time: Int64, fire: @escaping (Record) -> Void
  ) throws(EngineError) -> UInt64 {
    try self.reserve(record.byteCount + Self.entryBytes)
    self.last &+= 1
    self.begin(Entry(record: record, number: self.last, schedule: self, fire: fire), at: time)
    return self.last
  }

  /// Has a message sent at `time`, in the engine's clock: where the tenant keeps things that last,
  /// also after a restart. The message's acknowledgement waits for that.
  ///
  /// - Parameters:
  ///   - sender: whose message it is, as in `send(for:by:)`.
  ///   - note: what the sender wants to know when the time has come.
  /// - Returns: a number to cancel it by.
  /// - Throws: `EngineError` when the budget for stored messages is spent, or the disk refuses.
  @discardableResult
  public func add(
    _ publication: inout Publication, at time: Int64, sender: UInt8, note: [UInt8]
  ) throws(EngineError) -> UInt64 {
    guard let queue = self.queue else {
      return try self.add(publication.record(self.tenant.engine), at: time) { [unowned self] in
        self.senders[sender]?($0, note)
      }
    }
    try self.reserve(Self.entryBytes)
    var written = ByteBuffer(integer: time)
    written.writeInteger(sender)
    written.writeBytes(note)
    let number: UInt64
    do throws(EngineError) {
      number = try queue.append(&publication, note: Array(written.readableBytesView))
    } catch {
      self.tenant.memory.release(Self.entryBytes)
      throw error
    }
    self.begin(self.entry(number, sender, note), at: time)
    return number
  }

  /// Says who sends messages of `sender`: those from before the process began, too.
  public func send(for sender: UInt8, by body: @escaping Sender) {
    self.senders[sender] = body
    self.sendLate()
  }

  /// Takes a waiting message out.
  ///
  /// - Returns: whether it still waited.
  @discardableResult
  public func cancel(_ number: UInt64) -> Bool {
    guard let entry = self.entries[number] else { return false }
    if let timer = entry.timer { self.tenant.engine.timers.cancel(timer) }
    self.late.removeAll { $0 === entry }
    self.take(entry)
    return true
  }

  private func reserve(_ count: Int) throws(EngineError) {
    guard self.tenant.memory.reserve(count) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
  }

  private func begin(_ entry: Entry, at time: Int64) {
    self.entries[entry.number] = entry
    entry.timer = self.tenant.engine.timers.schedule(at: time, entry, kind: 0)
  }

  private func entry(_ number: UInt64, _ sender: UInt8, _ note: [UInt8]) -> Entry {
    Entry(record: nil, number: number, schedule: self) { [unowned self] record in
      self.senders[sender]?(record, note)
    }
  }

  private func take(_ entry: Entry) {
    self.entries[entry.number] = nil
    self.queue?.finish(entry.number)
    self.tenant.memory.release((entry.record?.byteCount ?? 0) + Self.entryBytes)
  }

  // MARK: When the time has come

  private func isDue(_ entry: Entry) {
    if !self.send(entry) { self.late.append(entry) }
  }

  /// - Returns: whether the message is done with.
  private func send(_ entry: Entry) -> Bool {
    if let record = entry.record {
      self.take(entry)
      entry.fire(record)
      return true
    }
    guard let queue = self.queue, let item = queue.item(entry.number) else {
      self.take(entry)
      return true
    }
    guard item.isCommitted, self.senders[item.note[Self.headBytes - 1]] != nil else {
      return false
    }
    switch queue.fetch(entry.number) {
    case .loading: return false
    case .gone: self.take(entry)
    case .record(let record):
      // Sent first: after a crash it rather comes twice than never.
      entry.fire(record)
      self.take(entry)
    }
    return true
  }

  private func sendLate() {
    guard !self.late.isEmpty else { return }
    let late = self.late
    self.late = []
    self.late += late.filter { !self.send($0) }
  }

  // MARK: Restoring

  /// Takes up what was scheduled before, and keeps messages in `queues` from now on.
  ///
  /// - Throws: `quotaExceeded`.
  func restore(from queues: Queues) throws(EngineError) {
    let queue: Queue
    if let known = queues[Self.name] { queue = known } else { queue = try queues.create(Self.name) }
    self.queue = queue
    queue.whenReady = { [unowned self] in self.sendLate() }
    var broken: [UInt64] = []
    queue.forEach { number, item in
      var note = ByteBuffer(bytes: item.note)
      guard let (time, sender) = note.readMultipleIntegers(as: (Int64, UInt8).self) else {
        broken.append(number)
        return
      }
      self.tenant.memory.add(Self.entryBytes)
      self.begin(self.entry(number, sender, Array(note.readableBytesView)), at: time)
    }
    for number in broken { queue.finish(number) }
  }
}
