import GodwitPrimitives
import NIOCore

/// How a stream writes down what it knows of its log, so that a start need not read all of it.
///
/// Its journal `index NAME` has a snapshot, and behind it the topic and size of each record of the
/// snapshot that was removed since.
struct StreamKeeping {
  enum Kind {
    static let snapshot: UInt8 = 1
    static let removals: UInt8 = 2
  }

  /// So much is appended, at least, before there is another snapshot: what a start reads at most,
  /// where topics are few.
  static let bytesMin = 16 << 20
  /// And so many times the size of the last one: what is written stays a small part of what is
  /// appended.
  static let growth = 8
  /// A larger one is not written; the start reads the log.
  static let snapshotBytesMax = 512 << 20

  let journal: any Journal
  /// The end of the newest snapshot that was handed to the journal; 0 where there is none. The file
  /// may still have an older one, whose offsets are among these.
  var end: UInt64 = 0
  /// What was appended since.
  var bytesSince = 0
  var snapshotBytes = 0
  /// Whether anything has changed since.
  var isStale = false
  /// Whether the file has a snapshot that is not true of the log, or none.
  var isUntrue: Bool { self.bytesSince == .max }
  /// What was removed and is not in the journal yet.
  var removals = ByteBuffer()

  init(_ journal: any Journal) { self.journal = journal }

  var isDue: Bool {
    self.bytesSince >= max(Self.bytesMin, Self.growth * self.snapshotBytes)
      || self.journal.wantsSnapshot
  }
}

/// A record of a snapshot that was removed later.
struct StreamRemoval {
  var topic: [UInt8]
  var size: Int
}

extension Stream {
  // MARK: Removals

  /// Notes that a record is gone that the snapshot speaks of.
  func noteRemoval(of topic: UnsafeRawBufferPointer, at offset: UInt64, size: Int) {
    self.keeping.isStale = true
    guard offset < self.keeping.end else { return }
    let isFirst = self.keeping.removals.readableBytes == 0
    self.keeping.removals.writeMultipleIntegers(offset, UInt32(truncatingIfNeeded: size))
    self.keeping.removals.writeCounted(topic)
    // Within this turn, and so before the log writes down what it removed.
    if isFirst { self.engine.whenQuiet { self.flushRemovals() } }
  }

  private func flushRemovals() {
    guard self.keeping.removals.readableBytes > 0, !self.isDeleted else { return }
    var entry = ByteBuffer(integer: StreamKeeping.Kind.removals)
    entry.writeBuffer(&self.keeping.removals)
    self.keeping.removals.clear(minimumCapacity: 0)
    self.keeping.journal.append(entry)
    if self.keeping.journal.wantsSnapshot { self.takeSnapshot() }
  }

  // MARK: Writing

  /// Notes that something was appended that no snapshot speaks of.
  func noteAppended(_ bytes: Int) {
    self.keeping.isStale = true
    let (sum, isTooMuch) = self.keeping.bytesSince.addingReportingOverflow(bytes)
    self.keeping.bytesSince = isTooMuch ? .max : sum
  }

  /// Writes a snapshot if enough has changed since the last one.
  func takeSnapshotIfDue() {
    guard self.isDurable, self.keeping.isDue, !self.loss.isInexact || self.keeping.isUntrue
    else { return }
    self.engine.whenQuiet {
      guard self.keeping.isDue else { return }
      self.takeSnapshot()
    }
  }

  /// Writes a snapshot if anything has changed: before the process ends.
  func takeSnapshotIfStale() {
    if self.keeping.isStale { self.takeSnapshot() }
  }

  /// Writes down what the stream knows of what is committed.
  func takeSnapshot() {
    guard self.isDurable, !self.isDeleted else { return }
    // What is left of `pending` then is not committed.
    self.settle()
    guard !self.loss.isInexact, let snapshot = self.snapshot() else {
      // A snapshot of what may be wrong would make that last. The one of before is right, with what
      // the log has behind it, if it is of this log.
      if self.keeping.isUntrue { self.keeping.journal.replace(with: []) }
      self.keeping.bytesSince = 0
      return
    }
    var entry = ByteBuffer(integer: StreamKeeping.Kind.snapshot)
    snapshot.write(to: &entry)
    guard entry.readableBytes <= StreamKeeping.snapshotBytesMax else { return }
    self.keeping.end = max(self.keeping.end, snapshot.end)
    self.keeping.bytesSince = 0
    self.keeping.snapshotBytes = entry.readableBytes
    self.keeping.isStale = false
    self.keeping.journal.replace(with: [entry])
  }

  /// - Returns: `nil` where the last record, by which it is to be recognised, cannot be read.
  private func snapshot() -> StreamSnapshot? {
    let log = self.log
    var snapshot = StreamSnapshot(end: log.committedOffset)
    snapshot.count = self.count - self.pending.count
    snapshot.byteCount = self.byteCount - self.pendingBytes
    snapshot.lastReceivedAt = self.lastReceivedAt
    if let first = self.pending.first {
      snapshot.lastMessageID = first.previousID
    } else {
      snapshot.lastMessageID = self.lastMessageID
    }
    var offset = log.next(from: log.firstOffset)
    while offset < snapshot.end {
      let end = min(log.nextHole(from: offset), snapshot.end)
      snapshot.present.append(offset..<end)
      offset = log.next(from: end)
    }
    snapshot.unread = self.unreadAndThere(before: snapshot.end)
    if let end = snapshot.present.last?.upperBound,
      let last = self.loss.lastCounting(before: end), log.next(from: last) == last
    {
      snapshot.last = self.lastFacts(at: last)
      if snapshot.last == nil { return nil }
    }
    snapshot.hasPlaces = self.index.hasPlaces
    snapshot.topics = self.keptTopics(before: snapshot.end)
    snapshot.ids = self.recent.all.filter { $0.offset < snapshot.end }
    snapshot.expiries = self.expiries.unordered.lazy.filter { $0.offset < snapshot.end }
      .map { ($0.at, $0.offset) }
    snapshot.schedules = self.schedules.times
    return snapshot
  }

  private func lastFacts(at offset: UInt64) -> StreamSnapshot.Last? {
    self.log.record(at: offset).map {
      StreamSnapshot.Last(offset: offset, receivedAt: $0.receivedAt, size: $0.keptBytes)
    }
  }

  /// The topics, without what is not committed.
  private func keptTopics(before end: UInt64) -> [StreamSnapshot.Topic] {
    var uncommitted: [ObjectIdentifier: (count: Int, previous: UInt64?)] = [:]
    for append in self.pending {
      uncommitted[ObjectIdentifier(append.entry), default: (0, append.previous)].count += 1
    }
    var topics: [StreamSnapshot.Topic] = []
    self.index.forEach { entry in
      let late = uncommitted.isEmpty ? nil : uncommitted[ObjectIdentifier(entry)]
      let count = entry.count - (late?.count ?? 0)
      guard count > 0 else { return true }
      let places = entry.places.filter { $0.offset < end }
      var last = places.last?.offset ?? entry.last
      if places.isEmpty, let previous = late?.previous {
        // It may have gone since; nobody looked, for it was not the last one any more.
        last =
          self.log.next(from: previous) == previous
          ? previous : self.lastOffset(of: entry, before: previous) ?? entry.first
      }
      topics.append(
        StreamSnapshot.Topic(
          bytes: entry.pattern.bytes, first: entry.first, last: last, count: count,
          places: Array(places)))
      return true
    }
    return topics
  }

  // MARK: Restoring

  /// Takes up what the last snapshot knew, without what is gone since.
  ///
  /// - Returns: from which offset on the log has to be read; `nil` where there is no snapshot
  /// that is
  ///   true of this log.
  /// - Throws: `quotaExceeded` where memory is lacking.
  func restoreSnapshot() throws(EngineError) -> UInt64? {
    var stored: ByteBuffer?
    var notes: [ByteBuffer] = []
    try self.keeping.journal.replay { entry in
      var entry = entry
      switch entry.readInteger(as: UInt8.self) {
      case StreamKeeping.Kind.snapshot: stored = entry
      case StreamKeeping.Kind.removals: notes.append(entry)
      default: break
      }
    }
    // Notes that stand in the file are about offsets before this one, if it is ever used.
    guard let stored, let snapshot = StreamSnapshot(stored), self.isTrue(snapshot),
      let removals = self.removals(since: snapshot, notes), let loss = self.loss(of: snapshot)
    else { return nil }
    self.loss = loss
    try self.readmit(snapshot)
    for (offset, removal) in removals.sorted(by: { $0.key < $1.key }) {
      self.count -= 1
      self.byteCount -= removal.size
      removal.topic.withUnsafeBytes { topic in
        guard let entry = self.index.entry(of: topic) else { return }
        self.index.remove(entry, at: offset) { self.lastOffset(of: $0, before: offset) }
      }
    }
    self.keeping.end = snapshot.end
    self.keeping.snapshotBytes = stored.readableBytes
    return snapshot.end
  }

  private func isTrue(_ snapshot: StreamSnapshot) -> Bool {
    let log = self.log
    guard snapshot.end <= log.committedOffset,
      snapshot.hasPlaces || !self.index.hasPlaces
    else { return false }
    // What is there and was not is a record that was removed, or another one.
    var place = log.firstOffset
    for range in snapshot.present + [snapshot.end..<snapshot.end] {
      if place < range.lowerBound, log.next(from: place) < range.lowerBound { return false }
      place = max(place, range.upperBound)
    }
    guard let last = snapshot.last, log.next(from: last.offset) == last.offset else { return true }
    return self.lastFacts(at: last.offset) == last
  }

  /// What the snapshot does not count, and cannot be read now either; `nil` where some of it can,
  /// and has to be counted.
  private func loss(of snapshot: StreamSnapshot) -> StreamLoss? {
    var loss = StreamLoss()
    for range in snapshot.unread {
      var offset = self.log.next(from: range.lowerBound)
      while offset < range.upperBound {
        guard self.log.record(at: offset) == nil else { return nil }
        loss.add(offset)
        offset = self.log.next(from: offset + 1)
      }
    }
    return loss
  }

  /// What was removed since the snapshot; `nil` where the notes do not say it of every record.
  private func removals(
    since snapshot: StreamSnapshot, _ notes: [ByteBuffer]
  ) -> [UInt64: StreamRemoval]? {
    let log = self.log
    var removals: [UInt64: StreamRemoval] = [:]
    for note in notes {
      var note = note
      while let (offset, size) = note.readMultipleIntegers(as: (UInt64, UInt32).self),
        let topic = note.readCounted()
      {
        guard offset < snapshot.end, log.next(from: offset) != offset else { continue }
        removals[offset] = StreamRemoval(topic: topic, size: Int(size))
      }
    }
    var gone: [UInt64: StreamRemoval] = [:]
    let uncounted = StreamLoss(snapshot.unread)
    for range in snapshot.present {
      var hole = log.hole(from: range.lowerBound, to: range.upperBound)
      while hole < range.upperBound {
        defer { hole = log.hole(from: hole + 1, to: range.upperBound) }
        if uncounted.contains(hole) { continue }
        guard let removal = removals[hole] else { return nil }
        gone[hole] = removal
      }
    }
    return gone
  }

  private func readmit(_ snapshot: StreamSnapshot) throws(EngineError) {
    for topic in snapshot.topics where !self.index.restore(topic) {
      throw EngineError(.quotaExceeded, "the stream has more topics than memory is left for")
    }
    self.count = snapshot.count
    self.byteCount = snapshot.byteCount
    self.lastReceivedAt = snapshot.lastReceivedAt
    self.lastMessageID = snapshot.lastMessageID
    let log = self.log
    if self.settings.duplicateWindow > 0 {
      let from = self.engine.now - self.settings.duplicateWindow
      for id in snapshot.ids where id.at > from && log.next(from: id.offset) == id.offset {
        _ = self.recent.insert(id.bytes, id.offset, at: id.at)
      }
    }
    if self.settings.allowsExpiry {
      self.expiries = MinHeap(
        snapshot.expiries.filter { log.next(from: $0.offset) == $0.offset }
          .map { Expiry(at: $0.at, offset: $0.offset) })
    }
    if self.settings.sendsScheduled {
      for due in snapshot.schedules { self.restoreSchedule(due.offset, due: due.at) }
    }
  }
}

extension Log {
  /// The first offset from `offset` on, and below `end`, whose record is not there; `end` when all
  /// are.
  fileprivate func hole(from offset: UInt64, to end: UInt64) -> UInt64 {
    guard offset < end else { return end }
    return min(end, self.next(from: offset) == offset ? self.nextHole(from: offset) : offset)
  }
}
