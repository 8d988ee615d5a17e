import GodwitPrimitives

/// How a stream begins again, and ends.
extension Stream {
  /// Finds out what the log holds, and takes its groups up again.
  ///
  /// It reads what was appended since the last snapshot; all, where there is none that holds. What
  /// cannot be read counts for nothing. The broker does not serve yet.
  func recover() throws(EngineError) {
    let log = self.log
    let idsFrom = self.engine.now - self.settings.duplicateWindow
    var offset = log.next(from: log.firstOffset)
    if let end = try self.restoreSnapshot() {
      offset = log.next(from: end)
    } else {
      // What the file has is true of another log, and must not outlive this moment.
      self.keeping.bytesSince = .max
    }
    // Up to here it is known that no batch is torn.
    var wholeEnd: UInt64 = 0
    while offset < log.committedOffset {
      self.recordsReadAtStart += 1
      if let record = log.record(at: offset) {
        if self.settings.keepsBatches, offset >= wholeEnd,
          let note = self.conditions(of: record)?.batch
        {
          let part = self.batchPart(note, at: offset)
          wholeEnd = part.end
          if part.isTorn {
            for torn in offset..<part.end { log.remove(at: torn) }
            offset = log.next(from: part.end)
            continue
          }
        }
        try self.readmit(record, at: offset, idsFrom: idsFrom)
      } else {
        self.loss.add(offset)
      }
      offset = log.next(from: offset + 1)
    }
    self.reportUnread()
    if self.settings.ageMax > 0 { self.engine.publishing { self.ageLimitChanged() } }
    if self.expiryTimer == nil { self.scheduleExpiry() }
    self.catchUpSchedules()
    try self.restoreGroups()
    self.engine.publishing {
      if self.index.hasPlaces { self.limitPerTopicChanged() }
      self.enforceLimits()
    }
    self.takeSnapshotIfDue()
  }

  private func readmit(
    _ record: Record, at offset: UInt64, idsFrom: Int64
  ) throws(EngineError) {
    let size = record.keptBytes
    let isKnown = record.withTopic { topic in
      self.index.insert(topic, self.index.entry(of: topic), offset: offset, size: size) != nil
    }
    guard isKnown else {
      throw EngineError(.quotaExceeded, "the stream has more topics than memory is left for")
    }
    self.count += 1
    self.byteCount += size
    self.lastReceivedAt = record.receivedAt
    self.noteAppended(size)
    self.noteTimes(record.receivedAt, record.expiresAt, at: offset)
    // Message ids matter as long as a duplicate may come, and that of the very last.
    let hasRecentID =
      (self.settings.duplicateWindow > 0 && record.receivedAt > idsFrom)
      || offset + 1 == self.log.committedOffset
    guard hasRecentID || self.settings.sendsScheduled else { return }
    let conditions = self.conditions(of: record)
    if self.settings.sendsScheduled {
      self.noteSchedule(
        conditions?.schedule, of: record.topic, at: offset, since: record.receivedAt)
    }
    guard hasRecentID else { return }
    self.lastMessageID = conditions?.messageID
    if self.settings.duplicateWindow > 0, let id = conditions?.messageID {
      _ = self.recent.insert(id, offset, at: record.receivedAt)
    }
  }

  /// So many things that a stream has known are let go of before others have a turn.
  private static var turnMax: Int { 1_024 }

  /// Lets go of everything but the groups.
  func end() {
    self.isDeleted = true
    self.stopCapturing()
    self.cancelTimers()
    self.walks = [:]
    self.index.removeAll()
    var recent = self.recent
    self.recent = RecentIDs(memory: self.tenant.memory)
    let effort = self.engine.effort
    self.engine.inSteps {
      effort.pointee &+= UInt64(Self.turnMax)
      return recent.forget(oldest: Self.turnMax)
    }
    self.schedules.removeAll()
    self.pending.removeAll()
    self.pendingBytes = 0
    self.count = 0
    self.byteCount = 0
    self.wake()
  }
}
