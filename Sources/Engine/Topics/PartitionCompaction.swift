import NIOCore

/// Keeps of a partition the last record of each key, and of keys that are gone a last record that
/// says so, for a while.
///
/// It goes through what was added since the last time and remembers where each key comes last; then
/// through all of it from the beginning, and removes what comes earlier. Offsets stay; the log
/// gives the room back. What is still written to is left alone, as is what may still be taken back,
/// and what has no key stays. What was taken back goes, whatever its key.
final class PartitionCompaction {
  private static var stepRecords: Int { 2_048 }
  private static var stepBytes: Int { 256 << 10 }
  /// What keys may take in memory; where there are more, the rest has its turn next time.
  private static var keyBytesMax: Int { 32 << 20 }
  private static var horizonsMax: Int { 32 }
  /// What a batch may become when it is opened; a larger one stays as it is.
  private static var openedBytesMax: Int { 64 << 20 }
  /// How long the log is given to make batches smaller before it is looked at again: twice as long
  /// each time, in nanoseconds.
  private static let patience: ClosedRange<Int64> = 15_000_000_000...86_400_000_000_000
  /// Between two steps others have a turn.
  private static var pause: Int64 { 1_000_000 }

  /// All before `end` was gone through at that time.
  private struct Horizon {
    let end: UInt64
    let at: Int64
  }

  /// One way through the partition.
  private struct Pass {
    var latest: [[UInt8]: UInt64] = [:]
    var keyBytes = 0
    /// Where the keys that it knows end.
    var end: UInt64
    var offset: UInt64
    var isMapping = true
    /// Of which parts something is left behind whose end it has not come to.
    var unended: Set<Int64> = []
    /// Whether something is left that may go when more time has passed.
    var hasGoneKeys = false
    /// From here on it does not know all that lies before: something could not be read or opened.
    var blindFrom: UInt64 = .max
    /// And from here on not all ghosts: there are too many.
    var ghostsEnd: UInt64 = .max
    /// Whether something stays for as long as there are ghosts of its key.
    var isHeldUp = false
  }

  /// The topic has its partitions, and lets go of them when it is deleted.
  private let topic: PartitionedTopic
  private let index: Int
  private let log: any Log
  /// Which of the partition loops opens its batches.
  private let loop: Int
  /// Before it no key comes twice.
  private var cleanedOffset: UInt64 = 0
  /// Where something lies that some way through did not see: what says that a key is gone stays
  /// from there on, for there may be older records of it.
  private var blindOffset: UInt64 = .max
  /// Keys of records that were removed and still come with the rest of their batch, and where such
  /// batches are. Apart from the pass, of which there are copies.
  private var ghosts: [[UInt8]: [UInt64]] = [:]
  private var ghostBytes = 0
  /// How long ghosts were waited for, in nanoseconds.
  private var patience: Int64 = 0
  /// Oldest first.
  private var horizons: [Horizon] = []
  /// When records that say that a key is gone are to be looked at again; `max` for never.
  private var nextLook: Int64 = .max
  private var pass: Pass?
  private var isWaiting = false
  /// What the disk was asked for last: once is enough.
  private var asked: UInt64?

  init(_ topic: PartitionedTopic, index: Int, _ log: any Log, loop: Int) {
    self.topic = topic
    self.index = index
    self.log = log
    self.loop = loop
  }

  private var engine: Engine { self.topic.tenant.engine }
  private var keeper: (any BatchKeeper)? { self.topic.tenant.partitionedTopics.keeper }
  private var partition: Partition? {
    self.topic.partitions.indices.contains(self.index) ? self.topic.partitions[self.index] : nil
  }
  private var isOver: Bool {
    self.topic.isDeleted || !self.topic.settings.cleanup.contains(.compact)
  }

  /// Begins where half of what there is has come since the last time.
  func beginIfDue() {
    guard self.pass == nil, !self.isOver, self.isDue(upTo: self.log.sealedOffset),
      let partition = self.partition
    else { return }
    if self.blindOffset < self.log.firstOffset {
      // What could not be seen is gone: it goes through all of it again.
      self.blindOffset = .max
      self.cleanedOffset = 0
      self.horizons = []
    }
    let settled = self.keeper?.settledOffset(of: partition) ?? .max
    let end = min(self.log.sealedOffset, settled)
    guard self.isDue(upTo: end) else { return }
    self.pass = Pass(end: max(self.start, end), offset: self.start)
    self.goOn()
  }

  private var start: UInt64 { max(self.cleanedOffset, self.log.firstOffset) }

  private func isDue(upTo end: UInt64) -> Bool {
    let added = end > self.start ? end - self.start : 0
    return (added > 0 && added >= UInt64(self.log.count) / 2)
      || (self.nextLook <= self.engine.now && end > self.log.firstOffset)
  }

  // MARK: Steps

  private func goOn() {
    guard !self.isWaiting else { return }
    guard !self.isOver else {
      self.pass = nil
      return
    }
    var records = 0
    var bytes = 0
    while let pass = self.pass {
      guard records < Self.stepRecords, bytes < Self.stepBytes else { return self.pauseAWhile() }
      let offset = self.log.next(from: pass.offset)
      if offset >= pass.end {
        self.endWay(pass)
      } else {
        guard self.isAtHand(offset) else { return }
        guard let entry = self.log.entry(at: offset) else {
          self.noteBlind(at: offset)
          self.pass?.offset = offset + 1
          continue
        }
        records += entry.offsets.count
        bytes += entry.byteCount
        guard self.take(entry) else { return }
      }
    }
  }

  /// Looks at an entry, which may have to be laid open first.
  ///
  /// - Returns: whether that is done; else `goOn` is called when it is, later.
  private func take(_ entry: LogEntry) -> Bool {
    let standing = self.standing(of: entry)
    guard standing.hasKeys, case .batch(let bytes, let form, let first, let count) = entry,
      let opening = self.keeper?.opening(of: bytes, form: form, bytesMax: Self.openedBytesMax)
    else {
      self.look(at: entry, standing)
      return true
    }
    self.isWaiting = true
    self.engine.elsewhere(on: self.loop, opening) { [weak self] opened in
      guard let self else { return }
      self.isWaiting = false
      if let opened, !self.isOver {
        self.look(at: .batch(opened, form: form, first: first, count: count), standing)
      } else {
        self.noteBlind(at: first)
        if case .part(let number) = standing, self.pass?.isMapping == false {
          self.pass?.unended.insert(number)
        }
      }
      self.pass?.offset = entry.offsets.upperBound
      self.goOn()
    }
    return false
  }

  private func standing(of entry: LogEntry) -> BatchStanding {
    guard case .batch(let bytes, let form, let first, _) = entry, let partition = self.partition
    else { return .counts }
    return self.keeper?.standing(of: bytes, form: form, first: first, in: partition) ?? .stays
  }

  private func look(at entry: LogEntry, _ standing: BatchStanding) {
    guard let pass = self.pass else { return }
    if !pass.isMapping {
      self.sift(entry, standing, pass)
    } else if standing.hasKeys {
      self.learn(entry)
    }
    self.pass?.offset = entry.offsets.upperBound
  }

  private func isAtHand(_ offset: UInt64) -> Bool {
    guard self.asked != offset else { return true }
    let isReady = self.log.prepare(offset, bytes: Self.stepBytes) { [weak self] in
      guard let self else { return }
      self.isWaiting = false
      self.goOn()
    }
    guard !isReady else { return true }
    self.asked = offset
    self.isWaiting = true
    return false
  }

  private func pauseAWhile() {
    self.isWaiting = true
    _ = self.engine.timers.schedule(at: self.engine.now + Self.pause, self, kind: 0)
  }

  private func endWay(_ pass: Pass) {
    guard !pass.isMapping else {
      self.pass?.isMapping = false
      self.pass?.offset = self.log.firstOffset
      self.asked = nil
      return
    }
    self.pass = nil
    self.asked = nil
    self.ghosts = [:]
    self.ghostBytes = 0
    let now = self.engine.now
    self.cleanedOffset = pass.end
    self.blindOffset = min(self.blindOffset, pass.blindFrom)
    let end = min(pass.end, self.blindOffset)
    if self.horizons.last.map({ $0.end < end }) ?? (end > 0) {
      self.horizons.append(Horizon(end: end, at: now))
      // Without one in the middle, some wait for the one behind it.
      if self.horizons.count > Self.horizonsMax { self.horizons.remove(at: 1) }
    }
    let life = self.topic.settings.tombstoneLife
    let next = self.horizons.lazy.map { $0.at.addingClamped(life) }.first { $0 >= now }
    self.nextLook = pass.hasGoneKeys ? next ?? .max : .max
    self.patience =
      pass.isHeldUp
      ? min(max(2 * self.patience, Self.patience.lowerBound), Self.patience.upperBound) : 0
    if pass.isHeldUp { self.nextLook = min(self.nextLook, now.addingClamped(self.patience)) }
  }

  // MARK: Records

  /// Shows what of an entry has a key, and whether it is still there.
  private func forEachKey(
    of entry: LogEntry,
    _ body: (_ offset: UInt64, _ key: [UInt8], _ isGone: Bool, _ isThere: Bool) -> Void
  ) {
    switch entry {
    case .record(let record, let offset):
      let key = record.withPublication { $0.metadata(self.engine).key }
      if let key { body(offset, key, false, true) }
    case .batch(let bytes, let form, let first, _):
      let log = self.log
      let isRead =
        self.keeper?.forEachKey(of: bytes, form: form, first: first) { offset, key, isGone in
          body(offset, Array(key), isGone, log.next(from: offset) == offset)
        } ?? false
      if !isRead { self.noteBlind(at: first) }
    }
  }

  private func noteBlind(at offset: UInt64) {
    if let known = self.pass?.blindFrom { self.pass?.blindFrom = min(known, offset) }
  }

  private func learn(_ entry: LogEntry) {
    self.forEachKey(of: entry) { offset, key, _, isThere in
      guard isThere else { return }
      if self.pass?.latest.updateValue(offset, forKey: key) == nil {
        self.pass?.keyBytes += key.count + 96
      }
    }
    guard let pass = self.pass, pass.keyBytes > Self.keyBytesMax else { return }
    self.pass?.end = min(pass.end, entry.offsets.upperBound)
  }

  private func sift(_ entry: LogEntry, _ standing: BatchStanding, _ pass: Pass) {
    switch standing {
    case .stays: self.noteBlind(at: entry.offsets.lowerBound)
    case .void: for offset in entry.offsets { self.log.remove(at: offset) }
    case .counts: self.siftKeys(of: entry, pass)
    case .part(let number):
      self.siftKeys(of: entry, pass)
      let isLeft = self.log.next(from: entry.offsets.lowerBound) < entry.offsets.upperBound
      if isLeft { self.pass?.unended.insert(number) }
    case .end(let number):
      guard self.pass?.unended.remove(number) == nil else { return }
      guard self.isOfAge(entry.offsets.lowerBound) else {
        self.pass?.hasGoneKeys = true
        return
      }
      for offset in entry.offsets { self.log.remove(at: offset) }
    }
  }

  /// Whether something that is there for readers only who are behind has stood for long enough:
  /// since the first time that it was gone through, nothing older that it is about is there.
  private func isOfAge(_ offset: UInt64) -> Bool {
    guard let seen = self.horizons.first(where: { $0.end > offset }) else { return false }
    return seen.at.addingClamped(self.topic.settings.tombstoneLife) <= self.engine.now
  }

  private func siftKeys(of entry: LogEntry, _ pass: Pass) {
    var removed: [UInt64] = []
    self.forEachKey(of: entry) { offset, key, isGone, isThere in
      guard isThere else {
        if !isGone { self.noteGhost(key, in: entry) }
        return
      }
      guard offset < pass.end else { return }
      if let last = pass.latest[key], last > offset {
        removed.append(offset)
        if !isGone { self.noteGhost(key, in: entry) }
      } else if isGone, self.mayGo(offset, key) {
        removed.append(offset)
      }
    }
    for offset in removed { self.log.remove(at: offset) }
  }

  /// Whether a record may go that says that its key is gone: not before the last of what it is
  /// about is gone for readers, too.
  private func mayGo(_ offset: UInt64, _ key: [UInt8]) -> Bool {
    guard self.isOfAge(offset) else {
      self.pass?.hasGoneKeys = true
      return false
    }
    guard let pass = self.pass, offset < pass.blindFrom else { return false }
    let places = self.ghosts[key] ?? []
    guard !places.isEmpty || offset >= pass.ghostsEnd else { return true }
    self.pass?.isHeldUp = true
    for place in places { self.log.shrinkBatch(at: self.log.next(from: place)) }
    return false
  }

  private func noteGhost(_ key: [UInt8], in entry: LogEntry) {
    guard case .batch(_, _, let first, _) = entry, self.ghosts[key]?.last != first else { return }
    guard self.ghostBytes <= Self.keyBytesMax else {
      if let known = self.pass?.ghostsEnd { self.pass?.ghostsEnd = min(known, first) }
      return
    }
    self.ghostBytes += key.count + 128
    self.ghosts[key, default: []].append(first)
  }
}

extension BatchStanding {
  fileprivate var hasKeys: Bool {
    switch self {
    case .counts, .part: true
    case .end, .void, .stays: false
    }
  }
}

extension PartitionCompaction: TimerTarget {
  func timerFired(_ kind: Int) {
    self.isWaiting = false
    self.goOn()
  }
}
