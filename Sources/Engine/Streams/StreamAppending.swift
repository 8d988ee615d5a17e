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
    if self.pendingEnd > self.log.nextOffset { self.settle() }
    let reader = self.engine.reader(for: publication.origin)
    guard let conditions = reader?.conditions(of: publication) else {
      return self.isPlain
        ? self.append(&publication, asking: nil)
        : self.append(transforming: &publication, nil)
    }
    return self.append(transforming: &publication, conditions)
  }

  /// The offset after the last of `pending`; 0 where there is none.
  private var pendingEnd: UInt64 {
    self.pending.isEmpty
      ? 0 : self.pending[self.pending.index(before: self.pending.endIndex)].offset + 1
  }

  /// Has the protocol that prepares the stream's messages look at this one.
  private func append(
    preparing publication: inout Publication, _ conditions: AppendConditions?
  ) -> Capture.Result {
    guard self.settings.isPrepared, let voice = self.tenant.streams.voice else {
      return self.append(&publication, asking: conditions)
    }
    // Whether the stream does what the message asks for is the protocol's to say.
    if conditions?.stream?.isEmpty == true { conditions?.stream = nil }
    return voice.keep(&publication, in: self) { self.append(&$0, asking: conditions) }
  }

  func append(
    transforming publication: inout Publication, _ conditions: AppendConditions?
  ) -> Capture.Result {
    guard let transform = self.settings.transform,
      let topic = transform.apply(to: publication.topic)
    else { return self.append(preparing: &publication, conditions) }
    return topic.withUnsafeBytes { topic in
      var copy = publication.copy(to: topic)
      return self.append(preparing: &copy, conditions)
    }
  }

  func append(
    _ publication: inout Publication, asking conditions: AppendConditions?
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
  func check(
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

  func add(
    _ publication: inout Publication, _ conditions: AppendConditions?
  ) throws(AppendRefusal) -> UInt64 {
    let known = self.index.entry(of: publication.topic)
    let expiresAt = self.expiry(publication, conditions)
    let size = publication.contentBytes + Record.keptBytesMore
    try self.check(publication, conditions, size: size, known)
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
    var receivedAt = self.engine.now
    do {
      if let record = publication.keptRecord(expiresAt: expiresAt) {
        receivedAt = record.receivedAt
        _ = try self.log.append(record)
      } else {
        _ = try self.log.append(&publication, expiresAt: expiresAt, self.engine)
      }
    } catch {
      self.undo(entry, at: offset, previous: previous)
      self.recent.forget(from: offset)
      throw .log(error)
    }
    self.pending.append(
      PendingAppend(
        offset: offset, size: size, receivedAt: receivedAt, expiresAt: expiresAt, entry: entry,
        previous: previous, more: self.more(conditions)))
    entry.pending += 1
    self.count += 1
    self.byteCount += size
    self.pendingBytes += size
    self.lastMessageID = id
    // Who waits for the commit already does what is due then.
    if !self.isWatchingCommit || self.log.committedOffset > offset { self.settle() }
    return offset
  }

  /// What few records have; most have nothing of it.
  private func more(_ conditions: AppendConditions?) -> PendingAppend.More? {
    let count = self.engine.republications
    let hasAny =
      self.lastMessageID != nil || count > 0 || conditions?.rollup != nil
      || conditions?.schedule != nil
    guard hasAny else { return nil }
    return PendingAppend.More(conditions, republications: count, previousID: self.lastMessageID)
  }

  static var isSpent: AppendRefusal {
    .log(EngineError(.quotaExceeded, "the budget for stored messages is spent"))
  }

  /// So many bytes of properties a message may have, where its protocol counts them.
  private static var propertyBytesMax: Int { 65_535 }

  /// Whether the stream takes a message: it is open, and has room for it.
  ///
  /// - Parameters:
  ///   - size: what it counts for.
  ///   - known: what is known of its topic.
  ///   - ahead: what will be kept before it: how many messages, what they count for, and how many
  ///     are of its topic.
  func check(
    _ publication: borrowing Publication, _ conditions: AppendConditions?, size: Int,
    _ known: TopicIndex.Entry?, ahead: (count: Int, bytes: Int, ofTopic: Int) = (0, 0, 0)
  ) throws(AppendRefusal) {
    guard !self.settings.isSealed, !self.isDeleted else { throw .isSealed }
    if let conditions, !conditions.hasGrown, conditions.propertyBytes > Self.propertyBytesMax {
      throw .propertiesTooLarge
    }
    if self.settings.recordBytesMax > 0 {
      let bytes = publication.payload.count + (conditions?.propertyBytes ?? 0)
      guard bytes <= self.settings.recordBytesMax else { throw .recordTooLarge }
    }
    if known == nil { try self.checkTopic(publication.topic) }
    let bytesMax = self.settings.bytesMax
    if bytesMax > 0, size > bytesMax { throw .bytesMax }
    guard self.settings.overflow == .refuse, conditions?.rollup == nil else { return }
    let perTopic = self.settings.recordsPerTopicMax
    if perTopic > 0, (known?.count ?? 0) + ahead.ofTopic >= perTopic {
      if self.settings.refusesPerTopic { throw .recordsPerTopicMax }
      // The topic's oldest record will make room.
      return
    }
    if self.settings.recordsMax > 0, self.count + ahead.count >= self.settings.recordsMax {
      throw .recordsMax
    }
    if bytesMax > 0, self.byteCount + ahead.bytes > bytesMax - size { throw .bytesMax }
  }

  private func checkTopic(_ topic: UnsafeRawBufferPointer) throws(AppendRefusal) {
    guard self.engine.limits.allows(topic: topic) else { throw .topicInvalid }
    var levels = TopicLevels(topic)
    while let level = levels.next() {
      guard level.count != 1 || (level[0] != UInt8(ascii: "*") && level[0] != UInt8(ascii: ">"))
      else { throw .topicInvalid }
    }
  }

  private func expiry(
    _ publication: borrowing Publication, _ conditions: AppendConditions?
  ) -> Int64 {
    switch conditions?.timeToLive {
    case .after(let nanoseconds): self.engine.now.addingClamped(max(0, nanoseconds))
    case .never: .max
    case .invalid, nil: publication.expiresAt
    }
  }

  // MARK: Committing

  /// Does what is due for records that are committed now, and waits for the others.
  func settle() {
    guard !self.isKeepingBatch else { return }
    // What it wakes runs afterwards.
    self.engine.publishing { self.settleNow() }
  }

  private func settleNow() {
    self.takeBack(from: self.log.nextOffset)
    var isNew = false
    while let append = self.takeCommitted() {
      append.entry.pending -= 1
      self.pendingBytes -= append.size
      self.lastReceivedAt = append.receivedAt
      self.noteAppended(append.size)
      self.commit(append)
      isNew = true
    }
    if isNew {
      self.enforceLimits()
      self.wake()
      self.takeSnapshotIfDue()
    }
    self.watchCommit()
  }

  /// Takes out the first that is pending, where it is committed.
  private func takeCommitted() -> PendingAppend? {
    guard let append = self.pending.popFirst() else { return nil }
    if append.offset < self.log.committedOffset { return append }
    // To look before would copy each: only the last goes back.
    self.pending.prepend(append)
    return nil
  }

  private func watchCommit() {
    guard !self.isWatchingCommit, let first = self.pending.first else { return }
    self.isWatchingCommit = true
    var isAtOnce = true
    // The oldest, and not all: nothing that is committed may go before the stream has heard of it.
    self.log.whenCommitted(before: first.offset + 1) { error in
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
    guard self.pendingEnd > end else { return }
    var wasTaken = false
    while let last = self.pending.last, last.offset >= end {
      self.pending.removeLast()
      last.entry.pending -= 1
      self.count -= 1
      self.byteCount -= last.size
      self.undo(last.entry, at: last.offset, previous: last.previous)
      self.lastMessageID = last.previousID
      self.recent.forget(from: last.offset)
      self.pendingBytes -= last.size
      if last.schedule != nil { self.sendAgain(last.schedule) }
      wasTaken = true
    }
    guard wasTaken else { return }
    // Whoever waits for what is new waits for what comes in its place.
    for group in self.groupsByName.values { group.cutBack(to: end) }
  }

  private func undo(_ entry: TopicIndex.Entry, at offset: UInt64, previous: UInt64?) {
    self.index.remove(entry, at: offset) { entry in
      guard let previous else { return nil }
      if previous >= self.log.committedOffset || self.log.next(from: previous) == previous {
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
    self.noteTimes(append.receivedAt, append.expiresAt, at: append.offset)
    if self.settings.sendsScheduled, append.schedule != nil || !self.schedules.isEmpty {
      self.noteSchedule(
        append.schedule, of: entry.pattern.bytes, at: append.offset, since: append.receivedAt)
    }
    if self.settings.republish != nil { self.republish(append) }
    var hasInterest = false
    entry.pattern.bytes.withUnsafeBytes { topic in
      self.interests.match(topic) { interest in
        hasInterest = true
        interest.group.recordCommitted(at: append.offset)
      }
    }
    if self.settings.retention == .interest, !hasInterest {
      let size = UInt32(truncatingIfNeeded: append.size)
      self.drop(TopicIndex.Place(offset: append.offset, size: size), entry)
      return
    }
    let limit = self.settings.recordsPerTopicMax
    if limit > 0, self.index.hasPlaces { self.shorten(entry, to: limit, before: append.offset + 1) }
  }
}

extension Record {
  /// What a record counts for against the limits of a stream.
  var keptBytes: Int { self.contents.readableBytes + Self.keptBytesMore }
  /// What counts beside topic, properties and payload.
  static var keptBytesMore: Int { 16 }
}
