import GodwitPrimitives
import NIOCore

/// How a group is told what became of its records.
extension StreamGroup {
  /// The record is done with; and all before it, where the group acknowledges so.
  ///
  /// It is written down with the next group commit; `whenCommitted` says when it lasts.
  ///
  /// - Returns: whether it was in flight.
  @discardableResult
  public func acknowledge(_ offset: UInt64) -> Bool {
    guard let stream = self.standing else { return false }
    let engine = stream.engine
    let wasInFlight = engine.publishing {
      switch self.settings.acknowledgement {
      case .none: false
      case .each: self.finish(offset, stream)
      case .all: self.finish(upTo: offset, stream)
      }
    }
    if wasInFlight { self.lastAcknowledgedAt = engine.now }
    return wasInFlight
  }

  /// Since when, by the engine's `uptime`, a record is lent, or since its reader said last that it
  /// is at it; `nil` where it is not lent.
  public func lentAt(_ offset: UInt64) -> Int64? {
    guard let open = self.open[offset], open.isLent else { return nil }
    let (time, overflows) = open.deadline.subtractingReportingOverflow(
      self.settings.wait(open.deliveryCount))
    return overflows ? nil : time
  }

  /// The record is done with although nobody could work with it. Where the group or the settings
  /// name a topic for dead letters, it is done with as soon as its letter lasts.
  ///
  /// - Parameter reason: why, for people.
  /// - Returns: whether it was in flight.
  @discardableResult
  public func terminate(_ offset: UInt64, reason: String = "") -> Bool {
    guard let stream = self.standing, let open = self.open[offset], !open.isDying
    else { return false }
    self.lastAcknowledgedAt = stream.engine.now
    guard self.mayHaveLetters(stream) else {
      return stream.engine.publishing { self.finish(offset, stream) }
    }
    let why = reason.isEmpty ? "rejected" : reason
    stream.engine.publishing {
      self.bury(offset, open, stream, why) { _ in self.finish(offset, stream) }
    }
    return true
  }

  /// Gives a record back, to be handed out again after `delay` nanoseconds.
  ///
  /// - Returns: whether it was lent.
  @discardableResult
  public func release(_ offset: UInt64, delay: Int64 = 0) -> Bool {
    guard let stream = self.standing, var open = self.open[offset], open.isLent
    else { return false }
    guard delay > 0 else {
      stream.engine.publishing { self.giveBack(offset, open, stream) }
      return true
    }
    open.deadline = stream.engine.uptime.addingClamped(delay)
    self.open[offset] = open
    self.watch(offset, open.deadline, stream)
    stream.note(self, .lent(offset, open, self.sequence))
    return true
  }

  /// The reader is still at it: the time for which the record is lent begins anew.
  ///
  /// - Returns: whether it was lent.
  @discardableResult
  public func extend(_ offset: UInt64) -> Bool {
    guard let stream = self.standing, var open = self.open[offset], open.isLent
    else { return false }
    open.deadline = stream.engine.uptime.addingClamped(self.settings.wait(open.deliveryCount))
    self.open[offset] = open
    self.watch(offset, open.deadline, stream)
    return true
  }

  /// Whether the record was handed out, as far as is known: what was handed out shortly before the
  /// process died may not be.
  public func hasHandedOut(_ offset: UInt64) -> Bool {
    offset < self.cursor || self.open[offset] != nil
  }

  /// How often a record in flight has been handed out; `nil` for one that is not.
  public func deliveryCount(of offset: UInt64) -> Int? { self.open[offset]?.deliveryCount }

  /// Calls `body` when all that the group was told so far is as durable as its stream promises; or
  /// with the error, when it never will be.
  public func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    guard let stream = self.stream, self.isJournaled else { return body(nil) }
    stream.flushNotes()
    stream.journal.whenCommitted(body)
  }

  /// Whether the group's state is written down.
  var isJournaled: Bool {
    self.settings.isDurable && (self.stream?.isDurable ?? false) && !self.isDeleted
  }

  // MARK: Inside

  private func finish(upTo offset: UInt64, _ stream: Stream) -> Bool {
    var wasInFlight = false
    while let next = self.open.first?.offset, next <= offset {
      self.finish(next, stream)
      wasInFlight = true
    }
    return wasInFlight
  }

  @discardableResult
  func finish(_ offset: UInt64, _ stream: Stream) -> Bool {
    guard self.open[offset] != nil else { return false }
    let hadRoom = self.hasRoom
    self.close(offset, .done(offset), stream)
    if stream.settings.retention != .limits { stream.groupIsDone(with: offset) }
    if !hadRoom { self.wake() }
    return true
  }

  /// Forgets a record that was handed out.
  func close(_ offset: UInt64) { self.close(offset, .left(offset), self.stream) }

  func close(_ offset: UInt64, _ note: StreamNote, _ stream: Stream?) {
    guard let open = self.open.remove(offset) else { return }
    if open.isReturned { self.returnedCount -= 1 }
    stream?.note(self, note)
  }

  /// Has a record handed out again, unless it was too often.
  func giveBack(_ offset: UInt64, _ open: Open, _ stream: Stream) {
    guard self.settings.deliveriesMax == 0 || open.deliveryCount < self.settings.deliveriesMax
    else { return self.exhaust(offset, open, stream) }
    var open = open
    open.isReturned = true
    open.deadline = 0
    self.open[offset] = open
    self.returned.insert(offset)
    self.returnedCount += 1
    stream.note(self, .lent(offset, open, self.sequence))
    self.wake()
  }

  // MARK: What the stream says

  /// A record that the group wants is there.
  func recordCommitted(at offset: UInt64) {
    guard offset >= self.cursor, offset >= self.chosenEnd else { return }
    self.pendingCount += 1
    self.wake()
  }

  /// A record that the group wants is gone.
  func recordRemoved(at offset: UInt64) {
    if offset < self.cursor || self.isPassed(offset) {
      if self.open[offset] != nil {
        let hadRoom = self.hasRoom
        self.close(offset)
        if !hadRoom { self.wake() }
      }
    } else {
      self.takePending(offset)
    }
  }

  /// All records before `end` are gone.
  func recordsRemoved(before end: UInt64) {
    let hadRoom = self.hasRoom
    while let offset = self.open.first?.offset, offset < end { self.close(offset) }
    self.chosen.removeAll()
    self.stopCounting()
    self.cursor = max(self.cursor, end)
    self.pendingCount = 0
    if let stream = self.stream, self.cursor == end {
      self.pendingCount = stream.countCommitted(self.settings.filters)
      stream.note(self, .cursor(end))
    }
    if !hadRoom { self.wake() }
  }

  /// Whether the group does not want a record before `chosenEnd`.
  private func isPassed(_ offset: UInt64) -> Bool {
    offset < self.chosenEnd && !self.chosen.containsSorted(offset)
  }

  /// Counts a record off that was to be handed out, where it was counted.
  func takePending(_ offset: UInt64) {
    if let count = self.count, offset >= count.position, offset < count.end { return }
    self.pendingCount = max(0, self.pendingCount - 1)
  }

  /// Whether the group will not hand out the record at `offset` again.
  func isDone(with offset: UInt64) -> Bool {
    (offset < self.cursor || self.isPassed(offset)) && self.open[offset] == nil
  }
}

extension CircularBuffer<UInt64> {
  /// Whether an ascending buffer has `element`.
  func containsSorted(_ element: UInt64) -> Bool {
    let index = self.partitioningIndex { $0 >= element }
    return index < self.endIndex && self[index] == element
  }
}
