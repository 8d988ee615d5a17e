import GodwitPrimitives
import NIOCore

/// How records go.
extension Stream: TimerTarget {
  enum Alarm {
    static let age = 0
    static let expiry = 1
    static let notes = 2
    static let sending = 3
  }

  /// So many records go before others have a turn.
  private static var turnMax: Int { 1_024 }

  // MARK: One record

  /// Removes a record and tells everybody who counts.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  func drop(_ offset: UInt64, _ record: Record) -> Bool {
    guard self.log.remove(at: offset) else { return false }
    let hasCounted = !self.loss.remove(offset)
    if hasCounted {
      self.count -= 1
      self.byteCount -= record.keptBytes
    }
    record.contents.withUnsafeReadableBytes { bytes in
      let topic = UnsafeRawBufferPointer(rebasing: bytes[0..<record.topicCount])
      self.noteRemoval(of: topic, at: offset, size: record.keptBytes)
      if hasCounted {
        if !self.schedules.isEmpty { self.schedules.remove(Array(topic), at: offset) }
        if let entry = self.index.entry(of: topic) { self.unindex(entry, offset) }
      }
      self.interests.match(topic) { $0.group.recordRemoved(at: offset) }
    }
    return true
  }

  /// Removes a record whose place and size are known without reading it.
  func drop(_ place: TopicIndex.Place, _ entry: TopicIndex.Entry) {
    if self.log.remove(at: place.offset) {
      self.count -= 1
      self.byteCount -= Int(place.size)
      if !self.schedules.isEmpty {
        self.schedules.remove(entry.pattern.bytes, at: place.offset)
      }
      entry.pattern.bytes.withUnsafeBytes { topic in
        self.noteRemoval(of: topic, at: place.offset, size: Int(place.size))
        self.interests.match(topic) { $0.group.recordRemoved(at: place.offset) }
      }
    }
    self.unindex(entry, place.offset)
  }

  private func unindex(_ entry: TopicIndex.Entry, _ offset: UInt64) {
    self.index.remove(entry, at: offset) { self.lastOffset(of: $0, before: offset) }
  }

  /// Searches the log backwards: only where the last record of a topic is taken away, that is not
  /// its only one, and the index has no places.
  func lastOffset(of entry: TopicIndex.Entry, before offset: UInt64) -> UInt64? {
    var previous = offset
    while previous > max(entry.first, self.log.firstOffset) {
      previous -= 1
      if let record = self.examine(previous), record.has(topic: entry.pattern),
        !self.loss.contains(previous)
      {
        return previous
      }
    }
    return nil
  }

  // MARK: Limits on topics

  /// Removes a topic's oldest records until no more than `limit` of those before `end` are left.
  func shorten(_ entry: TopicIndex.Entry, to limit: Int, before end: UInt64) {
    while entry.position(of: end) > limit, let place = entry.places.first {
      self.drop(place, entry)
    }
  }

  /// Removes the records of a topic that lie before `offset`.
  func rollUp(_ entry: TopicIndex.Entry, before offset: UInt64) {
    if self.index.hasPlaces {
      while entry.count > 1, let place = entry.places.first, place.offset < offset {
        self.drop(place, entry)
      }
    } else if entry.count > 1 {
      let pattern = entry.pattern
      self.walk(from: entry.first, to: offset) { offset, record in
        if record.has(topic: pattern) { self.drop(offset, record) }
      }
    }
  }

  /// Gives the index what a limit per topic needs, or takes it away.
  func limitPerTopicChanged() {
    let isLimited = self.settings.recordsPerTopicMax > 0
    if isLimited, self.index.hasPlaces { return self.shortenAll() }
    self.placeSearch &+= 1
    self.index.removePlaces()
    if isLimited { self.findPlaces(from: self.log.firstOffset, self.placeSearch) }
  }

  /// - Parameter search: another number than the stream's where the limit has changed again.
  private func findPlaces(from start: UInt64, _ search: UInt32) {
    let end = self.log.nextOffset
    self.whenCommitted(before: end) { _ in
      guard !self.isDeleted, search == self.placeSearch else { return }
      self.walk(from: start, to: end) { offset, record in
        guard search == self.placeSearch, !self.loss.contains(offset) else { return }
        let place = TopicIndex.Place(
          offset: offset, size: UInt32(truncatingIfNeeded: record.keptBytes))
        record.withTopic { self.index.addPlace($0, place) }
      } done: {
        guard search == self.placeSearch else { return }
        if end < self.log.nextOffset {
          self.findPlaces(from: end, search)
        } else {
          self.index.hasPlaces = true
          self.checkPlaces()
          self.shortenAll()
        }
      }
    }
  }

  /// A walk passes over what cannot be read.
  private func checkPlaces() {
    self.index.forEach { entry in
      if entry.places.count != entry.count { self.noteInexact(entry.last) }
      return !self.loss.isInexact
    }
  }

  private func shortenAll() {
    let limit = self.settings.recordsPerTopicMax
    var long: [TopicIndex.Entry] = []
    self.index.forEach { entry in
      if entry.count > limit { long.append(entry) }
      return true
    }
    for entry in long { self.shorten(entry, to: limit, before: self.log.committedOffset) }
  }

  // MARK: Limits on the stream

  private var isTooLarge: Bool {
    let recordsMax = self.settings.recordsMax
    let bytesMax = self.settings.bytesMax
    return (recordsMax > 0 && self.count - self.pending.count > recordsMax)
      || (bytesMax > 0 && self.byteCount - self.pendingBytes > bytesMax)
  }

  /// Removes the oldest records until the limits hold. Where the disk must be asked first, it goes
  /// on when the answer is there.
  func enforceLimits() {
    guard !self.isTrimming else { return }
    while self.isTooLarge, !self.isDeleted {
      let first = self.log.next(from: self.log.firstOffset)
      guard first < self.log.committedOffset else { return }
      guard self.isAtHand(first, { $0.enforceLimits() }) else { return }
      self.dropOldest(at: first)
    }
  }

  private func isAtHand(_ offset: UInt64, _ goOn: @escaping (Stream) -> Void) -> Bool {
    let isReady = self.log.prepare(offset) {
      self.isTrimming = false
      self.engine.publishing {
        goOn(self)
        self.enforceLimits()
      }
    }
    if !isReady { self.isTrimming = true }
    return isReady
  }

  private func dropOldest(at offset: UInt64) {
    if let record = self.log.record(at: offset) {
      self.drop(offset, record)
    } else {
      self.log.trim(before: offset + 1)
      self.keeping.isStale = true
      guard !self.loss.remove(offset) else { return }
      // It counted when it was kept. Of what topic it was, and how large, nobody can say.
      self.count -= 1
      self.noteInexact(offset)
    }
  }

  // MARK: Time

  /// The time of an alarm has come.
  public func timerFired(_ kind: Int) {
    guard !self.isDeleted else { return }
    self.engine.publishing {
      switch kind {
      case Alarm.age:
        self.ageTimer = nil
        self.removeAged()
      case Alarm.expiry:
        self.expiryTimer = nil
        self.removeExpired()
      case Alarm.sending: self.sendDue()
      default:
        self.noteTimer = nil
        self.flushNotes()
      }
    }
  }

  /// Sets the alarms that a new record needs.
  func noteTimes(_ receivedAt: Int64, _ expiresAt: Int64, at offset: UInt64) {
    if self.settings.allowsExpiry, expiresAt > 0, expiresAt < .max {
      self.expiries.insert(Expiry(at: expiresAt, offset: offset))
      if self.expiries.min?.offset == offset { self.scheduleExpiry() }
    }
    if self.settings.ageMax > 0, self.ageTimer == nil {
      self.scheduleAge(at: receivedAt)
    }
  }

  func scheduleExpiry() {
    if let timer = self.expiryTimer { self.engine.timers.cancel(timer) }
    self.expiryTimer = self.expiries.min.map {
      self.engine.timers.schedule(at: $0.at, self, kind: Alarm.expiry)
    }
  }

  private func scheduleAge(at oldest: Int64) {
    let (time, isNever) = oldest.addingReportingOverflow(self.settings.ageMax)
    guard !isNever else { return }
    if let timer = self.ageTimer { self.engine.timers.cancel(timer) }
    self.ageTimer = self.engine.timers.schedule(at: time, self, kind: Alarm.age)
  }

  /// Looks anew at what age allows, after the settings have changed.
  func ageLimitChanged() {
    if let timer = self.ageTimer { self.engine.timers.cancel(timer) }
    self.ageTimer = nil
    self.ageOffset = 0
    if self.settings.ageMax > 0 { self.removeAged() }
  }

  func cancelTimers() {
    for timer in [self.ageTimer, self.expiryTimer, self.noteTimer, self.sendingTimer] {
      if let timer { self.engine.timers.cancel(timer) }
    }
    self.ageTimer = nil
    self.expiryTimer = nil
    self.noteTimer = nil
    self.sendingTimer = nil
  }

  private func removeAged() {
    guard self.settings.ageMax > 0, !self.isDeleted else { return }
    for _ in 0..<Self.turnMax {
      let offset = self.log.next(from: max(self.ageOffset, self.log.firstOffset))
      guard offset < self.log.committedOffset else { return }
      guard self.isAtHand(offset, { $0.removeAged() }) else { return }
      if let record = self.log.record(at: offset) {
        guard self.engine.now - record.receivedAt >= self.settings.ageMax else {
          self.scheduleAge(at: record.receivedAt)
          return
        }
        if record.expiresAt != .max || !self.settings.allowsExpiry {
          if self.drop(offset, record) { self.mark(record) }
        }
      }
      self.ageOffset = offset + 1
    }
    self.scheduleAge(at: self.engine.now - self.settings.ageMax)
  }

  private func removeExpired() {
    for _ in 0..<Self.turnMax {
      guard let next = self.expiries.min, next.at <= self.engine.now else { break }
      if next.offset >= self.log.firstOffset {
        guard self.isAtHand(next.offset, { $0.removeExpired() }) else { return }
        if let record = self.examine(next.offset), self.drop(next.offset, record) {
          self.mark(record)
        }
      }
      self.expiries.removeMin()
    }
    self.scheduleExpiry()
  }
}

extension Record {
  /// Calls `body` with the topic's bytes.
  func withTopic<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    self.contents.withUnsafeReadableBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[0..<self.topicCount]))
    }
  }

  /// Whether the record's topic is this literal one.
  func has(topic: TopicPattern) -> Bool {
    self.withTopic { own in topic.bytes.withUnsafeBytes { $0.sameBytes(as: own) } }
  }
}
