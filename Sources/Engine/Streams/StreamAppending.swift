import GodwitPrimitives
import NIOCore

/// How a message becomes a record.
extension Stream {
  /// Keeps a message, where nothing speaks against it.
  ///
  /// Publishing does this for every stream whose patterns match. To call it is for those who have a
  /// stream and not a topic. The message must be acknowledged in `Capture.whenCommitted` only.
  public func append(_ publication: inout Publication) -> Capture.Result {
    // What a failed commit has left is in the way, if nobody waited for it.
    if let last = self.pending.last, last.offset >= self.log.nextOffset { self.settle() }
    let reader = self.engine.reader(for: publication.origin)
    let conditions = reader?.conditions(of: publication)
    guard let transform = self.settings.transform,
      let topic = transform.apply(to: publication.topic)
    else { return self.append(&publication, conditions) }
    return topic.withUnsafeBytes { topic in
      var copy = publication.copy(to: topic)
      return self.append(&copy, conditions)
    }
  }

  private func append(
    _ publication: inout Publication, _ conditions: AppendConditions?
  ) -> Capture.Result {
    do {
      if let conditions, let original = try self.check(conditions, publication) {
        return .duplicate(of: original)
      }
      return .stored(try self.add(&publication, conditions))
    } catch {
      return .refused(error)
    }
  }

  /// - Returns: the offset of a message of the same id, if there is one.
  private func check(
    _ conditions: AppendConditions, _ publication: borrowing Publication
  ) throws(AppendRefusal) -> UInt64? {
    if let name = conditions.stream, !name.elementsEqual(self.name.utf8) {
      throw .otherStream
    }
    if let id = conditions.messageID, self.settings.duplicateWindow > 0,
      let original = self.recent.offset(
        of: id, now: self.engine.now, window: self.settings.duplicateWindow)
    {
      return original
    }
    if let expected = conditions.topicEnd {
      let end = self.topicEnd(conditions.topicEndPattern, publication.topic)
      guard end == expected else { throw .topicEndIs(end) }
    }
    if let expected = conditions.nextOffset, expected != self.log.nextOffset {
      throw .nextOffsetIs(self.log.nextOffset)
    }
    if let expected = conditions.lastMessageID, expected != self.lastMessageID {
      throw .lastMessageIDIs(self.lastMessageID)
    }
    if conditions.rollup != nil {
      guard self.settings.allowsRollup, !self.settings.deniesPurge else { throw .rollupNotAllowed }
    }
    switch conditions.timeToLive {
    case .invalid: throw .timeToLiveInvalid
    case .after, .never:
      guard self.settings.allowsExpiry else { throw .expiryNotAllowed }
    case nil: break
    }
    return nil
  }

  private func topicEnd(_ pattern: TopicPattern?, _ topic: UnsafeRawBufferPointer) -> UInt64 {
    guard let pattern else { return self.index.entry(of: topic).map { $0.last + 1 } ?? 0 }
    var end: UInt64 = 0
    self.index.search(pattern) { entry in
      end = max(end, entry.last + 1)
      return true
    }
    return end
  }

  private func add(
    _ publication: inout Publication, _ conditions: AppendConditions?
  ) throws(AppendRefusal) -> UInt64 {
    guard !self.settings.isSealed, !self.isDeleted else { throw .isSealed }
    if self.settings.recordBytesMax > 0 {
      let bytes = publication.payload.count + (conditions?.propertyBytes ?? 0)
      guard bytes <= self.settings.recordBytesMax else { throw .recordTooLarge }
    }
    let known = self.index.entry(of: publication.topic)
    let record = self.record(&publication, conditions)
    let size = record.keptBytes
    try self.checkRoom(for: size, known, rollup: conditions?.rollup)
    if known == nil { try self.checkTopic(publication.topic) }
    let offset = self.log.nextOffset
    let previous = known?.last
    let id = conditions?.messageID
    guard let entry = self.index.insert(publication.topic, known, offset: offset, size: size)
    else { throw Self.isSpent }
    if let id, self.settings.duplicateWindow > 0,
      !self.recent.insert(id, offset, at: self.engine.now)
    {
      self.undo(entry, at: offset, previous: previous)
      throw Self.isSpent
    }
    do {
      _ = try self.log.append(record)
    } catch {
      self.undo(entry, at: offset, previous: previous)
      self.recent.forget(from: offset)
      throw .log(error)
    }
    self.pending.append(
      PendingAppend(
        offset: offset, record: record, entry: entry, previous: previous,
        previousID: self.lastMessageID, rollup: conditions?.rollup))
    self.count += 1
    self.byteCount += size
    self.pendingBytes += size
    self.lastMessageID = id
    self.lastReceivedAt = record.receivedAt
    self.settle()
    return offset
  }

  private static var isSpent: AppendRefusal {
    .log(EngineError(.quotaExceeded, "the budget for stored messages is spent"))
  }

  private func checkTopic(_ topic: UnsafeRawBufferPointer) throws(AppendRefusal) {
    guard self.engine.limits.allows(topic: topic) else { throw .topicInvalid }
    var levels = TopicLevels(topic)
    while let level = levels.next() {
      guard level.count != 1 || (level[0] != UInt8(ascii: "*") && level[0] != UInt8(ascii: ">"))
      else { throw .topicInvalid }
    }
  }

  private func checkRoom(
    for size: Int, _ entry: TopicIndex.Entry?, rollup: AppendConditions.Rollup?
  ) throws(AppendRefusal) {
    let settings = self.settings
    if settings.bytesMax > 0, size > settings.bytesMax { throw .bytesMax }
    guard settings.overflow == .refuse, rollup == nil else { return }
    let isTopicFull =
      settings.recordsPerTopicMax > 0 && (entry?.count ?? 0) >= settings.recordsPerTopicMax
    if isTopicFull {
      if settings.refusesPerTopic { throw .recordsPerTopicMax }
      // The topic's oldest record will make room.
      return
    }
    if settings.recordsMax > 0, self.count >= settings.recordsMax { throw .recordsMax }
    if settings.bytesMax > 0, self.byteCount > settings.bytesMax - size { throw .bytesMax }
  }

  private func record(
    _ publication: inout Publication, _ conditions: AppendConditions?
  ) -> Record {
    let expiresAt: Int64
    switch conditions?.timeToLive {
    case .after(let nanoseconds):
      let (time, isTooLate) = self.engine.now.addingReportingOverflow(max(0, nanoseconds))
      expiresAt = isTooLate ? .max : time
    case .never: expiresAt = .max
    case .invalid, nil: expiresAt = publication.expiresAt
    }
    guard expiresAt != publication.expiresAt else { return publication.record(self.engine) }
    return publication.record(self.engine, expiresAt: expiresAt)
  }

  // MARK: Committing

  /// Does what is due for records that are committed now, and waits for the others.
  func settle() {
    // What it wakes runs afterwards.
    self.engine.publishing { self.settleNow() }
  }

  private func settleNow() {
    self.takeBack(from: self.log.nextOffset)
    var isNew = false
    while let append = self.pending.first, append.offset < self.log.committedOffset {
      self.pending.removeFirst()
      self.pendingBytes -= append.record.keptBytes
      self.commit(append)
      isNew = true
    }
    if isNew {
      self.enforceLimits()
      self.wake()
    }
    self.watchCommit()
  }

  private func watchCommit() {
    guard !self.pending.isEmpty, !self.isWatchingCommit else { return }
    self.isWatchingCommit = true
    var isAtOnce = true
    self.log.whenCommitted(before: self.log.nextOffset) { [weak self] error in
      guard let self else { return }
      self.isWatchingCommit = false
      if error != nil, isAtOnce {
        // The log has failed for good: nothing that waits will ever be committed.
        self.takeBack(from: self.log.committedOffset)
      } else {
        self.settle()
      }
    }
    isAtOnce = false
  }

  /// Forgets what the log has not kept after all.
  private func takeBack(from end: UInt64) {
    var wasTaken = false
    while let last = self.pending.last, last.offset >= end {
      self.pending.removeLast()
      self.count -= 1
      self.byteCount -= last.record.keptBytes
      self.undo(last.entry, at: last.offset, previous: last.previous)
      self.lastMessageID = last.previousID
      self.recent.forget(from: last.offset)
      self.pendingBytes -= last.record.keptBytes
      wasTaken = true
    }
    guard wasTaken else { return }
    // Whoever waits for what is new waits for what comes in its place.
    for group in self.groupsByName.values { group.cutBack(to: end) }
  }

  private func undo(_ entry: TopicIndex.Entry, at offset: UInt64, previous: UInt64?) {
    self.index.remove(entry, at: offset) { entry in
      guard let previous else { return nil }
      if previous >= self.log.committedOffset || self.log.record(at: previous) != nil {
        return previous
      }
      return self.lastOffset(of: entry, before: previous)
    }
  }

  private func commit(_ append: PendingAppend) {
    var entry = append.entry
    switch append.rollup {
    case .topic: self.rollUp(entry, before: append.offset)
    case .all: entry = self.clear(before: append.offset, keeping: append) ?? entry
    case nil: break
    }
    self.noteTimes(of: append.record, at: append.offset)
    if self.settings.republish != nil { self.republish(append) }
    var hasInterest = false
    entry.pattern.bytes.withUnsafeBytes { topic in
      self.interests.match(topic) { interest in
        hasInterest = true
        interest.group.recordCommitted(at: append.offset)
      }
    }
    if self.settings.retention == .interest, !hasInterest {
      self.drop(append.offset, append.record)
      return
    }
    let limit = self.settings.recordsPerTopicMax
    if limit > 0, self.index.hasPlaces { self.shorten(entry, to: limit, before: append.offset + 1) }
  }
}

extension Record {
  /// What a record counts for against the limits of a stream.
  var keptBytes: Int { self.contents.readableBytes + 16 }
}
