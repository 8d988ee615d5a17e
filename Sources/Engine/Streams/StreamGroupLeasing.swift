import GodwitPrimitives
import NIOCore

/// How records are handed out.
extension StreamGroup {
  /// So many records that the group does not want are passed over before others have a turn.
  private static var turnMax: Int { 2_048 }

  private enum Alarm {
    static let deadline = 0
    static let inactive = 1
    static let again = 2
  }

  /// Hands out the next record: those that came back before those never seen, oldest first.
  ///
  /// - Returns: `nil` when there is none now, as many are in flight as may be, the group is paused,
  ///   or the disk must be asked first. `whenAvailable` tells when to try again.
  public func lease() -> Lease? {
    guard let stream = self.standing, !self.isStarting else { return nil }
    if self.settings.pausedUntil > stream.engine.now {
      self.again(at: self.settings.pausedUntil)
      return nil
    }
    if self.returnedCount > 0 {
      if let lease = self.leaseReturned(stream) { return lease }
      if self.returnedCount > 0 { return nil }
    }
    guard self.hasRoom else { return nil }
    return self.leaseNew(stream)
  }

  var hasRoom: Bool {
    self.settings.inFlightMax == 0 || self.open.count < self.settings.inFlightMax
  }

  private func leaseReturned(_ stream: Stream) -> Lease? {
    while let offset = self.returned.min {
      guard var open = self.open[offset], open.isReturned else {
        self.returned.removeMin()
        continue
      }
      let record: Record
      switch stream.log.peek(at: offset) {
      case .record(let found): record = found
      case .none:
        self.returned.removeMin()
        self.close(offset)
        continue
      case .later:
        self.read(offset, stream.log)
        return nil
      }
      self.returned.removeMin()
      self.returnedCount -= 1
      self.sequence += 1
      open.isReturned = false
      open.deliveryCount += 1
      self.lend(offset, open, stream)
      return Lease(
        offset: offset, record: record, deliveryCount: open.deliveryCount,
        sequence: self.sequence, pendingCount: self.pendingCount)
    }
    return nil
  }

  private func leaseNew(_ stream: Stream) -> Lease? {
    let log = stream.log
    let now = stream.engine.now
    for _ in 0..<Self.turnMax {
      let offset = self.candidate(log)
      guard offset < log.committedOffset else {
        self.cursor = max(self.cursor, log.committedOffset)
        return nil
      }
      let record: Record
      switch log.peek(at: offset) {
      case .record(let found) where self.wants(found): record = found
      case .record, .none:
        self.pass(offset)
        continue
      case .later:
        self.read(offset, log)
        return nil
      }
      if record.expiresAt > 0, record.expiresAt <= now, stream.settings.allowsExpiry {
        // It is about to go.
        self.pass(offset)
        self.takePending(offset)
        continue
      }
      if let time = self.pace(record, offset), time > now {
        self.again(at: time)
        return nil
      }
      self.pass(offset)
      self.takePending(offset)
      self.sequence += 1
      self.lend(
        offset,
        Open(sequence: self.sequence, deliveryCount: 1, deadline: 0, isReturned: false), stream)
      return Lease(
        offset: offset, record: record, deliveryCount: 1, sequence: self.sequence,
        pendingCount: self.pendingCount)
    }
    self.again(at: now)
    return nil
  }

  private func read(_ offset: UInt64, _ log: any Log) {
    if log.prepare(offset, { self.wake() }) { self.wake() }
  }

  /// The first offset that may have something for the group.
  private func candidate(_ log: any Log) -> UInt64 {
    if let first = self.chosen.first { return first }
    if self.pendingCount == 0, self.count == nil, !self.settings.filters.isEmpty {
      return log.committedOffset
    }
    return log.next(from: max(self.cursor, self.chosenEnd))
  }

  private func pass(_ offset: UInt64) {
    if self.chosen.first == offset { self.chosen.removeFirst() }
    self.cursor = offset + 1
  }

  func wants(_ record: Record) -> Bool {
    guard !self.settings.filters.isEmpty else { return true }
    return record.withTopic { topic in self.settings.filters.contains { $0.matches(topic) } }
  }

  /// When a record may be handed out, where the group keeps the pace.
  private func pace(_ record: Record, _ offset: UInt64) -> Int64? {
    guard self.settings.keepsPace, offset < self.paceEnd else { return nil }
    guard self.paceOf > 0 else {
      self.paceOf = record.receivedAt
      return nil
    }
    let time = self.lastDeliveredAt + max(0, record.receivedAt - self.paceOf)
    if let now = self.stream?.engine.now, time <= now { self.paceOf = record.receivedAt }
    return time
  }

  private func lend(_ offset: UInt64, _ open: Open, _ stream: Stream) {
    let now = stream.engine.now
    self.lastDeliveredAt = now
    guard self.settings.acknowledgement != .none else {
      stream.note(self, .passed(offset, self.sequence))
      if stream.settings.retention != .limits { stream.groupIsDone(with: offset) }
      return
    }
    var open = open
    open.deadline = stream.engine.uptime.addingClamped(self.settings.wait(open.deliveryCount))
    self.open[offset] = open
    self.watch(offset, open.deadline, stream)
    stream.note(self, .lent(offset, open, self.sequence))
  }

  // MARK: Time

  /// Has the group look at `offset` when its time has come.
  func watch(_ offset: UInt64, _ deadline: Int64, _ stream: Stream) {
    if self.deadlines.count > 2 * self.open.count + 64 {
      // Most are of records that are done with.
      self.deadlines = MinHeap(
        self.open.all.filter { $0.open.isLent }
          .map { Deadline(at: $0.open.deadline, offset: $0.offset) })
    }
    self.deadlines.insert(Deadline(at: deadline, offset: offset))
    self.schedule(stream)
  }

  private func schedule(_ stream: Stream) {
    guard let next = self.deadlines.min else { return }
    if let timer = self.deadlineTimer {
      guard next.at < timer.at else { return }
      stream.engine.timers.cancel(timer.token)
    }
    let token = stream.engine.timers.schedule(atUptime: next.at, self, kind: Alarm.deadline)
    self.deadlineTimer = (token, next.at)
  }

  /// Has readers try again at that time.
  private func again(at time: Int64) {
    guard let engine = self.stream?.engine else { return }
    _ = engine.timers.schedule(at: time, self, kind: Alarm.again)
  }

  private func returnOverdue(_ stream: Stream) {
    self.deadlineTimer = nil
    let now = stream.engine.uptime
    while let next = self.deadlines.min, next.at <= now {
      self.deadlines.removeMin()
      guard let open = self.open[next.offset], open.isLent, open.deadline == next.at
      else { continue }
      self.giveBack(next.offset, open, stream)
    }
    self.schedule(stream)
  }

  // MARK: Readers

  /// Says that somebody reads, until `detach`. While somebody does, the group is not deleted for
  /// want of readers.
  public func attach() {
    self.readers += 1
    guard let timer = self.inactiveTimer else { return }
    self.stream?.engine.timers.cancel(timer)
    self.inactiveTimer = nil
  }

  /// The opposite of `attach`.
  public func detach() {
    self.readers = max(0, self.readers - 1)
    self.touch()
  }

  /// Says that somebody has asked something of the group: its time without readers begins anew.
  public func touch() {
    guard let engine = self.stream?.engine else { return }
    if let timer = self.inactiveTimer { engine.timers.cancel(timer) }
    self.inactiveTimer = nil
    guard self.readers == 0, self.settings.inactiveMax > 0, !self.isDeleted else { return }
    self.inactiveTimer = engine.timers.schedule(
      atUptime: engine.uptime.addingClamped(self.settings.inactiveMax), self,
      kind: Alarm.inactive)
  }
}

extension StreamGroup: TimerTarget {
  /// The time of an alarm has come.
  public func timerFired(_ kind: Int) {
    guard let stream = self.standing else { return }
    stream.engine.publishing {
      switch kind {
      case Alarm.deadline: self.returnOverdue(stream)
      case Alarm.inactive:
        self.inactiveTimer = nil
        if self.readers == 0 { stream.deleteGroup(self.name) }
      default: self.wake()
      }
    }
  }
}

extension Int64 {
  /// The sum, or the largest number where that is larger still.
  func addingClamped(_ other: Int64) -> Int64 {
    let (sum, isTooLarge) = self.addingReportingOverflow(other)
    return isTooLarge ? .max : sum
  }
}
