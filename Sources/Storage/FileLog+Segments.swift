import GodwitEngine
import GodwitPrimitives
import NIOCore

/// A log's files: found at start, begun, and given up.
extension FileLog {
  /// What the name of a segment ends with that is being written anew.
  static let newEnding = ".new"
  /// And of one that was put aside.
  private static let asideEnding = ".quarantined"

  private static func path(_ folder: String, _ offset: UInt64, _ ending: String) -> String {
    let digits = String(offset)
    return folder + "/" + String(repeating: "0", count: 20 - digits.utf8.count) + digits + ending
  }

  /// Reads what is there.
  func recover() throws(DiskError) {
    var bases: [UInt64] = []
    var putAside: [UInt64] = []
    for name in try self.store.disk.list(self.folder) {
      if name.hasSuffix(".log\(Self.newEnding)") {
        try self.store.disk.remove("\(self.folder)/\(name)")
      }
      if name.hasSuffix(Self.asideEnding), let base = UInt64(name.prefix { $0 != "." }) {
        putAside.append(base)
      }
      guard name.hasSuffix(".log"), let base = UInt64(name.dropLast(4)) else { continue }
      bases.append(base)
    }
    bases.sort()
    // A start may have come no further than to put the last one aside.
    var lostEnd: UInt64 = 0
    if let base = putAside.max(), bases.last.map({ base > $0 }) ?? true {
      let file = try self.store.disk.open(
        Self.path(self.folder, base, ".log") + Self.asideEnding, isNew: false)
      lostEnd = Self.lostEnd(base, try file.size())
    }
    for (place, base) in bases.enumerated() {
      // Only behind the last one that can be used something may be lost.
      if let lost = try self.recover(base, isLast: place == bases.count - 1) {
        lostEnd = max(lostEnd, lost)
      } else if base > putAside.max() ?? 0 {
        lostEnd = 0
      }
    }
    if let last = self.segments.last { try last.reopen() } else { self.promiseSegment() }
    try self.recoverMarks()
    if lostEnd > self.nextOffset { try self.beginSegment(at: lostEnd) }
    // What a process that died had written may not be on the disk yet; from here on it is served,
    // and must not go any more.
    if !bases.isEmpty, self.store.settings.sync != .never {
      try self.store.disk.syncNow(files: self.segments.map(\.file), folders: [self.folder])
      _ = self.takeUnsynced()
      // Its own name was not looked at.
      self.isFolderNew = true
    }
    self.dropEmptySegments()
  }

  /// - Returns: where a segment may have ended that cannot be used: what it had given out is not
  ///   given out again.
  private func recover(_ base: UInt64, isLast: Bool) throws(DiskError) -> UInt64? {
    let path = Self.path(self.folder, base, ".log")
    let file = try self.store.disk.open(path, isNew: false)
    let size = try file.size()
    let start = try file.read(FileHeader.byteCount, at: 0)
    let header = start.withUnsafeReadableBytes { FileHeader($0) }
    if let last = self.segments.last, last.header.kind == .compacted, base < last.endOffset {
      // It was written anew as a part of the one before it.
      try self.store.disk.remove(path)
      try self.store.disk.remove(Self.path(self.folder, base, ".index"))
      return nil
    }
    guard let header, header.kind.isSegment, header.number == base,
      base >= self.segments.last?.endOffset ?? 0
    else {
      // A segment that a crash left before its header was written holds nothing.
      if size < FileHeader.byteCount, isLast {
        self.store.tell(.cut, path, "an unfinished segment was removed")
        try self.store.disk.remove(path)
        return base
      }
      try self.quarantine(path, "it has no header that can be read, or overlaps the one before it")
      return Self.lostEnd(base, size)
    }
    let known = self.readIndex(header, file, size, isLast: isLast)
    let scan: SegmentScan
    if let known, known.end == size {
      scan = known
    } else {
      scan = try self.scan(
        known ?? SegmentScan(header), file, size, header, path, isLast: isLast)
    }
    if isLast {
      self.indexedEnd = known?.end ?? 0
      // It would be believed again when there is as much as it speaks of.
      if known == nil { try self.store.disk.remove(Self.path(self.folder, base, ".index")) }
    }
    let segment = Segment(
      header, path: path, file: file, blockBytes: self.store.settings.blockBytes, scan: scan)
    self.segments.append(segment)
    if !isLast, known?.end != size, scan.damage.isEmpty, scan.end == size {
      self.wantIndex(of: segment)
    }
    return nil
  }

  /// What its index knows of a segment: everything, or, of the last one, the beginning.
  private func readIndex(
    _ header: FileHeader, _ file: any DiskFile, _ size: Int, isLast: Bool
  ) -> SegmentScan? {
    let path = Self.path(self.folder, header.number, ".index")
    guard let index = try? self.store.disk.open(path, isNew: false),
      let bytes = try? index.read((try? index.size()) ?? 0, at: 0),
      let known = SegmentIndexFile.read(bytes, header, size: size)
    else { return nil }
    return (isLast ? self.ends(known, file, header.format) : known.end == size) ? known : nil
  }

  /// Whether the last block that an index knows is there. Without syncs a loss of power may take
  /// what was written before the index, and leave that.
  private func ends(_ known: SegmentScan, _ file: any DiskFile, _ format: FrameFormat) -> Bool {
    guard let last = known.index.last, last.position < known.end,
      let bytes = try? file.read(known.end - last.position, at: last.position)
    else { return false }
    var scan = SegmentScan(endOffset: last.offset, end: last.position)
    bytes.withUnsafeReadableBytes { scan.read($0, format, blockBytes: .max) }
    return scan.end == known.end && scan.damage.isEmpty
      && (scan.endOffset == known.endOffset || known.missing.last?.upperBound == known.endOffset)
  }

  private func scan(
    _ known: SegmentScan, _ file: any DiskFile, _ size: Int, _ header: FileHeader, _ path: String,
    isLast: Bool
  ) throws(DiskError) -> SegmentScan {
    let bytes = try file.read(size - known.end, at: known.end)
    var scan = known
    bytes.withUnsafeReadableBytes {
      scan.read($0, header.format, blockBytes: self.store.settings.blockBytes)
    }
    for damage in scan.damage {
      self.store.tell(
        .damaged, path, "\(damage.count) bytes at \(damage.lowerBound) cannot be read")
    }
    if scan.end < size {
      if isLast {
        self.store.tell(.cut, path, "\(size - scan.end) bytes cut off at \(scan.end)")
        try file.truncate(to: scan.end)
        self.noteUnsynced(file)
      } else {
        self.store.tell(.damaged, path, "\(size - scan.end) bytes at \(scan.end) cannot be read")
      }
    }
    return scan
  }

  /// How far a segment may have come that cannot be read.
  private static func lostEnd(_ base: UInt64, _ size: Int) -> UInt64 {
    let end = FrameFormat.offsetMax(behind: base, bytes: size)
    // No log has come so far: the name is not one of ours.
    return end <= UInt64(Int64.max) ? end : 0
  }

  /// Puts a file aside that cannot be used; the rest of the log is served.
  private func quarantine(_ path: String, _ reason: String) throws(DiskError) {
    self.store.tell(.damaged, path, "put aside as .quarantined: \(reason)")
    try self.store.disk.rename(path, to: path + Self.asideEnding)
  }

  /// Begins a segment at the next offset, or further on.
  func beginSegment(at offset: UInt64? = nil) throws(DiskError) {
    let base = offset ?? self.nextOffset
    let path = Self.path(self.folder, base, ".log")
    if let last = self.segments.last {
      if last.writtenOffset < last.endOffset {
        try self.flush(last)
      }
      if base == last.baseOffset { return }
    }
    let header = FileHeader(.segment, base, salt: self.store.makeSalt())
    let file = try self.store.makeFile(path, header, of: self.folder)
    if let last = self.segments.last {
      self.seal(last)
      if let gap = last.gap(to: base) { self.unmarked.append(gap) }
    }
    self.segments.append(
      Segment(header, path: path, file: file, blockBytes: self.store.settings.blockBytes))
    self.noteUnsynced(file)
    self.isFolderUnsynced = true
    self.store.markDirty(self)
  }

  /// Begins the first segment, whose file is made with its first record.
  func promiseSegment() {
    let header = FileHeader(.segment, 0, salt: self.store.makeSalt())
    let path = Self.path(self.folder, 0, ".log")
    self.store.promiseFile()
    self.segments.append(
      Segment(header, path: path, file: nil, blockBytes: self.store.settings.blockBytes))
  }

  /// Writes what was appended to the last segment, whose file may be missing yet.
  func flush(_ segment: Segment) throws(DiskError) {
    try self.makeFile(of: segment)
    try segment.flush()
    self.noteUnsynced(segment.file)
  }

  /// Makes a segment's file, where it is missing.
  func makeFile(of segment: Segment) throws(DiskError) {
    guard !segment.isMade else { return }
    segment.setFile(try self.store.makeFile(segment.path, segment.header, of: self.folder))
    self.store.endPromise()
    self.isFolderUnsynced = true
  }

  private func seal(_ segment: Segment) {
    guard let tail = segment.seal() else { return }
    if tail.byteCount > 0 { self.cache.insert(tail, self.key(tail.position, segment)) }
    if segment.isMade { self.wantIndex(of: segment) }
  }

  /// Has the index of a segment written that is full.
  private func wantIndex(of segment: Segment) {
    if self.store.settings.sync == .never {
      self.writeIndex(of: segment)
    } else {
      self.unindexed.append(segment)
      self.store.markDirty(self)
    }
  }

  func writeIndex(of segment: Segment) {
    let path = Self.path(self.folder, segment.baseOffset, ".index")
    // Without it the next start takes longer, that is all.
    guard let file = try? self.store.disk.open(path, isNew: true) else { return }
    try? file.write(SegmentIndexFile.write(segment.summary, segment.header), at: 0)
  }

  /// Writes down what the last segment holds, at an orderly end, where it is more than a block.
  func noteEnd() {
    let last = self.active
    guard self.failure == nil, last.isMade, last.writtenOffset == last.endOffset,
      last.index.count > 1, last.end != self.indexedEnd
    else { return }
    self.writeIndex(of: last)
  }

  /// Lets go of segments that have no record left, but not of the last one.
  func dropEmptySegments() {
    while let place = self.segments.dropLast().firstIndex(where: { $0.count == 0 }) {
      self.discard(self.segments.remove(at: place))
    }
  }

  /// Begins a new segment in place of the last one.
  ///
  /// - Returns: whether that could be done.
  func emptyActive() -> Bool {
    let old = self.active
    guard old.endOffset > old.baseOffset else { return false }
    do {
      try self.beginSegment()
    } catch {
      _ = self.store.refuse(error)
      return false
    }
    self.giveUp(old)
    return true
  }

  /// Lets go of a segment with all that is left in it.
  func giveUp(_ segment: Segment) {
    self.note(
      RemovedRange(
        from: segment.baseOffset, to: segment.endOffset, bytes: UInt64(segment.byteCount)))
    self.count -= segment.count
    self.byteCount -= segment.byteCount
    self.segments.removeAll { $0 === segment }
    self.discard(segment)
  }

  /// Has the files of a segment removed when all that was written before this is synced. If they
  /// went first, a loss of power could leave neither them nor the segment behind them, and their
  /// offsets would be given again.
  func discard(_ segment: Segment) {
    self.forget(segment)
    if self.store.settings.sync == .never {
      self.removeFiles(of: segment)
    } else {
      self.discarded.append(segment)
      self.store.markDirty(self)
    }
  }

  /// Lets go of what is in memory of a segment.
  func forget(_ segment: Segment) {
    if !segment.isMade { self.store.endPromise() }
    self.unsynced.removeAll { $0 === segment.file }
    self.unindexed.removeAll { $0 === segment }
    self.indexing.removeAll { $0 === segment }
    for entry in segment.index { self.cache.remove(self.key(entry.position, segment)) }
  }

  func wasSynced() {
    guard self.failure == nil else { return }
    self.compactionWasSynced()
    for segment in self.indexing { self.writeIndex(of: segment) }
    self.indexing.removeAll()
    for segment in self.leaving { self.removeFiles(of: segment) }
    self.leaving.removeAll()
  }

  private func removeFiles(of segment: Segment) {
    guard segment.isMade else { return }
    do {
      try self.store.disk.remove(segment.path)
      try self.store.disk.remove(Self.path(self.folder, segment.baseOffset, ".index"))
      self.isFolderUnsynced = true
    } catch {
      _ = self.store.refuse(error)
    }
  }

  // MARK: What was removed

  /// Offsets that were removed are not given again, even where a loss of power took the records and
  /// left the marks: else a new record would be born removed.
  private func recoverMarks() throws(DiskError) {
    var end: UInt64 = 0
    var uncertain: [Segment] = []
    try self.marks.forEachRecovered { entry, _ in
      for mark in RemovalMark.read(entry) {
        switch mark {
        case .range(let range):
          uncertain += self.apply(range)
          end = max(end, range.to)
        case .state(let base, let bytes, let salt):
          guard let segment = self.segment(of: base), segment.baseOffset == base,
            segment.header.salt == salt
          else { break }
          segment.setRemovedBytes(bytes)
        case .start(let offset):
          self.markedStart = max(self.markedStart ?? 0, offset)
          end = max(end, offset)
        }
      }
    }
    for segment in uncertain where !segment.isExact { self.countRemoved(in: segment) }
    for segment in self.segments where segment.isOverdrawn {
      self.countRemoved(in: segment)
      // Else the next start would have what comes now pay for what is lost.
      var mark = ByteBuffer()
      Self.state(segment.header, segment.removedBytes).write(to: &mark)
      self.marks.append(mark)
    }
    if end > self.nextOffset { try self.beginSegment(at: end) }
  }

  private func countRemoved(in segment: Segment) {
    segment.setRemovedBytes(
      segment.deadFrameBytes { self.block(of: segment.index[$0].offset, in: segment) })
  }

  /// - Returns: segments of whose removed bytes this does not say enough, for it is about frames
  /// too that are there no more.
  private func apply(_ range: RemovedRange) -> [Segment] {
    var uncertain: [Segment] = []
    for segment in self.segments
    where segment.baseOffset < range.to && segment.endOffset > range.from {
      let from = max(range.from, segment.baseOffset)
      let to = min(range.to, segment.endOffset)
      // A loss of power may have left fewer frames than the mark counted.
      let isCut = range.to > segment.endOffset
      let bytes = isCut ? self.frameBytes(of: from..<to, in: segment) : Int(clamping: range.bytes)
      if segment.header.kind == .compacted, !segment.isExact, segment.isMissing(from: from, to: to)
      {
        uncertain.append(segment)
      }
      segment.removeAll(from..<to, bytes: bytes)
    }
    return uncertain
  }

  /// What the frames of a stretch take, those that are removed already apart.
  private func frameBytes(of range: Range<UInt64>, in segment: Segment) -> Int {
    var bytes = 0
    for entry in segment.index where entry.offset < range.upperBound {
      self.block(of: entry.offset, in: segment)?.forEach { offsets, size in
        guard range.contains(offsets.lowerBound) || range.contains(offsets.upperBound - 1),
          !offsets.allSatisfy({ segment.removed.contains($0) }),
          offsets.allSatisfy({ range.contains($0) || segment.removed.contains($0) })
        else { return }
        bytes += size
      }
    }
    return bytes
  }

  /// That so many bytes of a segment are dead: of one that was written anew, because marks that
  /// are older speak of frames that it does not have.
  static func state(_ header: FileHeader, _ bytes: Int) -> RemovalMark {
    .state(base: header.number, bytes: bytes, salt: header.salt)
  }

  /// Whoever reads the marks of something that was removed knows from then on where the log begins,
  /// whatever its first record is.
  func writeMarks() {
    var entry = ByteBuffer()
    if self.marks.wantsSnapshot {
      self.unmarked.removeAll()
      for segment in self.segments {
        for range in segment.removedRanges { RemovalMark.range(range).write(to: &entry) }
        if segment.header.kind == .compacted {
          Self.state(segment.header, segment.removedBytes).write(to: &entry)
        }
      }
      // What was removed with whole segments between them would be missed.
      for (segment, next) in zip(self.segments, self.segments.dropFirst()) {
        if let gap = segment.gap(to: next.baseOffset) {
          RemovalMark.range(gap).write(to: &entry)
        }
      }
      self.writeStart(to: &entry)
      self.marks.replace(with: [entry])
    } else if !self.unmarked.isEmpty || self.markedStart ?? .max < self.startOffset {
      for range in self.unmarked { RemovalMark.range(range).write(to: &entry) }
      self.unmarked.removeAll()
      if self.markedStart != self.startOffset { self.writeStart(to: &entry) }
      self.marks.append(entry)
    }
  }

  private func writeStart(to entry: inout ByteBuffer) {
    RemovalMark.start(self.startOffset).write(to: &entry)
    self.markedStart = self.startOffset
  }
}
