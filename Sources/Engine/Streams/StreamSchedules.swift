import GodwitPrimitives
import NIOCore

/// Which records of a stream are sent on, and when. The record is what lasts: a start finds it in
/// the log, and what was sent on says when it is due again.
struct StreamSchedules {
  struct Entry {
    /// The record: the last one of its topic.
    let offset: UInt64
    let sending: SendingTime
    /// When it is due; `nil` while it is being sent on.
    var due: Int64?
    /// Whether `due` is what was said when it was sent on last, and no guess.
    var isCertain = false
  }

  /// A place in the order of times; it means something as long as the topic's entry says the same.
  struct Due: Comparable {
    let at: Int64
    let offset: UInt64
    let topic: [UInt8]

    static func < (left: Self, right: Self) -> Bool {
      (left.at, left.offset) < (right.at, right.offset)
    }

    static func == (left: Self, right: Self) -> Bool {
      (left.at, left.offset) == (right.at, right.offset)
    }
  }

  /// What an entry takes, beside its topic: in the table, and twice in the order of times.
  private static var entryBytes: Int { 192 }

  private(set) var byTopic: [[UInt8]: Entry] = [:]
  private var order = MinHeap<Due>()
  private let memory: MemoryBudget
  /// What was taken of the budget.
  private var charged = 0

  init(memory: MemoryBudget) { self.memory = memory }

  var isEmpty: Bool { self.byTopic.isEmpty }
  var count: Int { self.byTopic.count }

  /// The next time that anything is due.
  var next: Due? {
    mutating get {
      while let first = self.order.min, !self.isTrue(first) { self.order.removeMin() }
      return self.order.min
    }
  }

  private func isTrue(_ due: Due) -> Bool {
    self.byTopic[due.topic].map { $0.offset == due.offset && $0.due == due.at } ?? false
  }

  mutating func set(_ entry: Entry, of topic: [UInt8]) {
    if self.byTopic.updateValue(entry, forKey: topic) == nil {
      let charge = Self.entryBytes + 2 * topic.count
      self.memory.add(charge)
      self.charged += charge
    }
    guard let at = entry.due else { return }
    self.order.insert(Due(at: at, offset: entry.offset, topic: topic))
    // What is not true any more goes when it is the larger part.
    guard self.order.count > 2 * self.byTopic.count + 64 else { return }
    self.order = MinHeap(
      self.byTopic.compactMap { topic, entry in
        entry.due.map { Due(at: $0, offset: entry.offset, topic: topic) }
      })
  }

  /// Says when the record of a topic is due; `nil` while it is being sent on.
  mutating func set(due: Int64?, of topic: [UInt8]) {
    guard var entry = self.byTopic[topic] else { return }
    entry.due = due
    entry.isCertain = true
    self.set(entry, of: topic)
  }

  /// When each is due, for a snapshot. What is on its way is due at once: if it arrived, the log
  /// says so behind the snapshot.
  var times: [(at: Int64, offset: UInt64)] {
    self.byTopic.values.map { ($0.due ?? 0, $0.offset) }
  }

  /// - Parameter offset: only if that is the record's; `nil` for any.
  mutating func remove(_ topic: [UInt8], at offset: UInt64? = nil) {
    guard let entry = self.byTopic[topic], offset == nil || offset == entry.offset else { return }
    self.byTopic[topic] = nil
    let charge = Self.entryBytes + 2 * topic.count
    self.memory.release(charge)
    self.charged -= charge
  }

  mutating func remove(before end: UInt64) {
    for (topic, entry) in self.byTopic where entry.offset < end { self.remove(topic) }
  }

  /// Forgets everything.
  mutating func removeAll() {
    self.memory.release(self.charged)
    self = Self(memory: self.memory)
  }
}

/// Sending on what a stream keeps for later.
extension Stream {
  /// So many are sent on before others have a turn.
  private static var turnMax: Int { 256 }
  /// After so long it is tried again, in nanoseconds, where the stream did not take what was sent.
  private static var retryAfter: Int64 { 1_000_000_000 }

  /// How many records are to be sent on.
  public var scheduledCount: Int { self.schedules.count }

  /// Whether the last record of a topic, committed or not, is one that is sent on; `nil` where the
  /// topic has no record.
  public func isScheduled(_ topic: [UInt8]) -> Bool? {
    guard let last = topic.withUnsafeBytes({ self.index.entry(of: $0)?.last }) else { return nil }
    if let append = self.pending.first(where: { $0.offset == last }) {
      return append.schedule?.begins != nil
    }
    return self.schedules.byTopic[topic]?.offset == last
  }

  /// Keeps what a record that was due has become.
  ///
  /// - Parameters:
  ///   - topic: the topic of that record.
  ///   - next: when it is due again; `nil` for never, and then it goes.
  public func append(
    _ publication: inout Publication, sentOnFrom topic: [UInt8], next: Int64?
  ) -> Capture.Result {
    let conditions =
      self.engine.reader(for: publication.origin)?.conditions(of: publication) ?? AppendConditions()
    conditions.stream = nil
    conditions.hasGrown = true
    conditions.schedule = .note(begins: nil, from: topic, next: next)
    return self.append(&publication, asking: conditions)
  }

  // MARK: Noting

  /// Does what a record that is committed says about schedules.
  func noteSchedule(_ note: ScheduleNote?, of topic: [UInt8], at offset: UInt64, since: Int64) {
    guard self.settings.sendsScheduled else { return }
    if let from = note?.from, from != topic {
      if let next = note?.next {
        self.schedules.set(due: next, of: from)
      } else {
        self.schedules.remove(from)
        self.dropAll(of: from, before: offset)
      }
    }
    if let sending = note?.begins, let due = sending.first(after: since) {
      self.schedules.set(.init(offset: offset, sending: sending, due: due), of: topic)
    } else if note?.from == nil {
      self.schedules.remove(topic)
    }
    self.scheduleSending()
  }

  /// Takes up what a snapshot knew, if the record is there.
  func restoreSchedule(_ offset: UInt64, due: Int64) {
    guard let record = self.examine(offset),
      let sending = self.conditions(of: record)?.schedule?.begins
    else { return }
    let entry = StreamSchedules.Entry(
      offset: offset, sending: sending, due: due, isCertain: true)
    self.schedules.set(entry, of: record.topic)
  }

  /// What was certainly missed while nobody looked is made up for once. What may have been sent on,
  /// and is gone since, waits for its next time.
  func catchUpSchedules() {
    guard self.settings.sendsScheduled else { return }
    for (topic, entry) in self.schedules.byTopic {
      guard case .again = entry.sending, !entry.isCertain, let due = entry.due,
        due < self.engine.now
      else { continue }
      self.schedules.set(due: entry.sending.next(after: self.engine.now), of: topic)
    }
    self.scheduleSending()
  }

  private func dropAll(of topic: [UInt8], before end: UInt64) {
    guard let entry = topic.withUnsafeBytes({ self.index.entry(of: $0) }), entry.first < end else {
      return
    }
    if self.index.hasPlaces {
      while entry.count > 0, let place = entry.places.first, place.offset < end {
        self.drop(place, entry)
      }
    } else if entry.count == 1, let record = self.log.record(at: entry.last) {
      self.drop(entry.last, record)
    } else {
      let pattern = entry.pattern
      self.walk(from: entry.first, to: end) { offset, record in
        if record.has(topic: pattern) { self.drop(offset, record) }
      }
    }
  }

  // MARK: Sending

  func scheduleSending() {
    let next = self.schedules.next?.at
    guard next != self.sendingTime else { return }
    if let timer = self.sendingTimer { self.engine.timers.cancel(timer) }
    self.sendingTime = next
    self.sendingTimer = next.map {
      self.engine.timers.schedule(at: $0, self, kind: Alarm.sending)
    }
  }

  func sendDue() {
    self.sendingTimer = nil
    self.sendingTime = nil
    var budget = Self.turnMax
    while let due = self.schedules.next, due.at <= self.engine.now, budget > 0, !self.isDeleted {
      budget -= 1
      let isReady = self.log.prepare(due.offset) { [weak self] in
        guard let self, !self.isDeleted else { return }
        self.engine.publishing { self.sendDue() }
      }
      guard isReady else { return }
      if let record = self.examine(due.offset),
        let entry = self.schedules.byTopic[due.topic]
      {
        self.send(record, entry, due)
      } else {
        self.schedules.remove(due.topic)
      }
    }
    self.scheduleSending()
  }

  private func send(_ record: Record, _ entry: StreamSchedules.Entry, _ due: StreamSchedules.Due) {
    let now = self.engine.now
    var next = entry.sending.next(after: due.at)
    if let time = next, time < now { next = entry.sending.next(after: now) }
    self.schedules.set(due: nil, of: due.topic)
    let result = self.tenant.streams.voice?.send(
      DueRecord(record: record, offset: due.offset, next: next), in: self)
    switch result {
    case .stored, .duplicate: break
    case .refused, nil:
      self.schedules.set(due: next ?? now.addingClamped(Self.retryAfter), of: due.topic)
    }
  }

  /// What was sent on is not kept after all.
  func sendAgain(_ note: ScheduleNote?) {
    guard let from = note?.from, self.schedules.byTopic[from]?.due == nil else { return }
    self.schedules.set(due: self.engine.now.addingClamped(Self.retryAfter), of: from)
    self.scheduleSending()
  }
}
