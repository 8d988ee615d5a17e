/// What becomes of records that a group gives up.
extension StreamGroup {
  /// When a dead letter that could not be kept is tried again, in nanoseconds.
  private static var burialRetry: Int64 { 1_000_000_000 }

  /// Whether there is a place for dead letters, as far as can be said without the record.
  func mayHaveLetters(_ stream: Stream) -> Bool {
    self.settings.deadLetterTopic != nil || !stream.engine.deadLetterRules.isEmpty
  }

  /// A record was handed out as often as it may be. One of a work queue stays where it is, unless
  /// it has a grave: nobody has done its work.
  func exhaust(_ offset: UInt64, _ open: Open, _ stream: Stream) {
    guard self.mayHaveLetters(stream) else {
      return self.leave(offset, open, stream, record: nil, isBuried: false)
    }
    let count = open.deliveryCount
    let reason = "handed out \(count) \(count == 1 ? "time" : "times") in vain"
    self.bury(offset, open, stream, reason) { record in
      self.leave(offset, open, stream, record: record, isBuried: record != nil)
    }
  }

  /// Has a record's dead letter kept, and calls `body` then: with the record, or with `nil` where
  /// it has no grave, or is gone. Until then it is neither handed out nor forgotten, so that a
  /// crash leaves the record, the letter or both.
  func bury(
    _ offset: UInt64, _ open: Open, _ stream: Stream, _ reason: String,
    _ body: @escaping (Record?) -> Void
  ) {
    var dying = open
    if dying.isReturned { self.returnedCount -= 1 }
    dying.isReturned = false
    dying.isDying = true
    self.open[offset] = dying
    stream.withRecord(at: offset) { record in
      guard self.open[offset]?.isDying == true, !self.isDeleted else { return }
      let letters = stream.tenant.deadLetters
      guard let record,
        let topic = letters.destination(
          of: record, log: stream.name, group: self.name, own: self.settings.deadLetterTopic)
      else { return body(nil) }
      let death = Death(
        log: stream.name, offset: offset, group: self.name, deliveries: open.deliveryCount,
        reason: reason)
      letters.bury(record, death, to: topic) { error in
        guard self.open[offset]?.isDying == true, !self.isDeleted else { return }
        guard error != nil else {
          return stream.engine.publishing { body(record) }
        }
        // It stays in flight, and has its turn again.
        var open = open
        open.isReturned = false
        open.deadline = stream.engine.uptime.addingClamped(Self.burialRetry)
        self.open[offset] = open
        self.watch(offset, open.deadline, stream)
      }
    }
  }

  /// A record leaves the group, which has not been done with it.
  private func leave(
    _ offset: UInt64, _ open: Open, _ stream: Stream, record: Record?, isBuried: Bool
  ) {
    let hadRoom = self.hasRoom
    let retention = stream.settings.retention
    let isDone = retention == .interest || (retention == .workQueue && isBuried)
    self.close(offset, isDone ? .done(offset) : .left(offset), stream)
    if !hadRoom { self.wake() }
    guard let tell = self.onExhausted else {
      if isDone { stream.groupIsDone(with: offset) }
      return
    }
    let finish: (Record?) -> Void = { record in
      if let record {
        tell(
          Lease(
            offset: offset, record: record, deliveryCount: open.deliveryCount,
            sequence: open.sequence, pendingCount: self.pendingCount))
      }
      if isDone { stream.groupIsDone(with: offset) }
    }
    if let record { finish(record) } else { stream.withRecord(at: offset, finish) }
  }
}

extension StreamGroup.Open {
  /// Whether a reader has it.
  var isLent: Bool { !self.isReturned && !self.isDying }
}
