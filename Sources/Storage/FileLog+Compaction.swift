import GodwitEngine
import GodwitPrimitives
import NIOCore

/// How segments most of whose records were removed give their room back.
///
/// What is left of them is copied in small steps into a new file, which is synced, and then takes
/// the place of the first by a change of its name; the files of the others go after another sync.
/// A crash at any moment leaves the old or the new. Records go with their segment's old file only
/// when everything that was written before they were removed is as durable as the new file: it may
/// be that for whose sake they went.
extension FileLog {
  /// An active segment that is a quarter full, and mostly dead, is ended for it.
  private static let activeShare = 4
  /// What is left of segments is put together as long as it is no more than this part of a
  /// segment, however small the gain.
  private static let smallShare = 64
  /// How many offsets a segment may stand for at most, holes among them.
  private static let spanMax: UInt64 = 1 << 28

  /// Notes that something of `segment` was removed.
  func noteDead(_ segment: Segment) {
    guard !self.wantsCompaction, self.isDue(segment) else { return }
    self.wantsCompaction = true
    self.store.wantCompaction(self, isRetry: false)
  }

  /// What is dead before the log's first record counts for nothing: that goes on from the front,
  /// and takes the segment with it.
  private func isDue(_ segment: Segment) -> Bool {
    if segment.isWanted, segment !== self.active, !segment.isSpared { return true }
    let full = self.store.settings.segmentBytesMax
    let least = min(64 << 10, full / 8)
    guard segment.isMostlyDead(least: least),
      segment !== self.active || segment.end >= full / Self.activeShare
    else { return false }
    guard segment === self.segments[0], segment.count > 0,
      let front = segment.place(of: self.firstOffset)
    else { return segment.count > 0 || segment === self.active }
    let behind = segment.reclaimableBytes - (segment.index[front].position - FileHeader.byteCount)
    return behind >= least && behind > segment.end / 2
  }

  // MARK: One compaction

  /// Begins with the segments that are most worth it.
  ///
  /// - Returns: whether there are any.
  func beginCompaction() -> Bool {
    self.wantsCompaction = false
    guard self.failure == nil, self.compaction == nil else { return false }
    do throws(DiskError) {
      if !self.isBeingWritten, self.isDue(self.active) {
        try self.beginSegment()
        self.dropEmptySegments()
      }
      guard let sources = self.dueSegments() else { return false }
      self.compaction = try SegmentCompaction(
        sources, path: sources[0].path + Self.newEnding, salt: self.store.makeSalt(),
        blockBytes: self.store.settings.blockBytes, trim: self.batchTrimmer, disk: self.store.disk)
    } catch {
      _ = self.store.refuse(error)
      self.wantsCompaction = true
      self.store.wantCompaction(self, isRetry: true)
      return false
    }
    self.goOn()
    return true
  }

  /// Neighbours that are written anew together: the first that is due, those behind it that are as
  /// well, and those before it that are no larger, so that small ones become few.
  private func dueSegments() -> [Segment]? {
    let sealed = self.segments.dropLast()
    guard let first = sealed.firstIndex(where: { self.isDue($0) }) else { return nil }
    let full = self.store.settings.segmentBytesMax
    var bytes = sealed[first].byteCount
    var places = first..<first + 1
    while places.upperBound < sealed.endIndex, self.isDue(sealed[places.upperBound]),
      bytes + sealed[places.upperBound].byteCount <= full,
      sealed[places.upperBound].endOffset - sealed[first].baseOffset <= Self.spanMax
    {
      bytes += sealed[places.upperBound].byteCount
      places = first..<places.upperBound + 1
    }
    while places.lowerBound > 0 {
      let before = sealed[places.lowerBound - 1]
      let end = sealed[places.upperBound - 1].endOffset
      guard before.end <= max(bytes, full / Self.smallShare), bytes + before.byteCount <= full / 2,
        end - before.baseOffset <= Self.spanMax
      else { break }
      bytes += before.byteCount
      places = places.lowerBound - 1..<places.upperBound
    }
    return Array(sealed[places])
  }

  private func goOn() {
    guard let job = self.compaction else { return }
    guard self.failure == nil, self.hasAll(job.sources) else { return self.abandonCompaction() }
    if job.takeSyncDue() {
      self.store.disk.sync(files: [job.file], folders: []) { [weak self] error in
        self?.answer(job, error) { $0.goOn() }
      }
    } else if let run = job.nextRun() {
      run.segment.file.load(run.bytes, at: run.position) { [weak self] result in
        guard let self, self.compaction === job else { return }
        self.copy(result, run, job)
      }
    } else {
      self.finishCopy(job)
    }
  }

  /// Does `body` with the answer to something that was asked of the disk, if it is still of
  /// interest.
  private func answer(
    _ job: SegmentCompaction, _ error: DiskError?, _ body: (FileLog) -> Void
  ) {
    guard self.compaction === job else { return }
    if let error {
      _ = self.store.refuse(error)
      self.abandonCompaction()
    } else {
      body(self)
    }
  }

  private func copy(
    _ result: Result<ByteBuffer, DiskError>, _ run: SegmentCompaction.Run, _ job: SegmentCompaction
  ) {
    do throws(DiskError) {
      guard try job.copy(try result.get(), of: run) else {
        // What cannot be read is left as it is, for whoever can make something of it.
        self.store.tell(.damaged, run.segment.path, "not written anew: it cannot be read whole")
        run.segment.isSpared = true
        return self.abandonCompaction()
      }
      self.goOn()
    } catch {
      // What cannot be read now is not tried again before the next start.
      if case .failure = result { run.segment.isSpared = true }
      _ = self.store.refuse(error)
      self.abandonCompaction()
    }
  }

  private func finishCopy(_ job: SegmentCompaction) {
    do {
      try job.finish()
    } catch {
      _ = self.store.refuse(error)
      return self.abandonCompaction()
    }
    self.store.disk.sync(files: [job.file], folders: []) { [weak self] error in
      self?.answer(job, error) { $0.awaitSync(job) }
    }
  }

  private func awaitSync(_ job: SegmentCompaction) {
    guard self.failure == nil, self.hasAll(job.sources) else { return self.abandonCompaction() }
    self.writeMarks()
    var mark = ByteBuffer()
    Self.state(
      job.header, Segment.deadBytes(job.scan.byteCount, saved: job.savedBytes, job.sources)
    ).write(to: &mark)
    self.marks.append(mark)
    job.stage = .written
    // The segment behind it must not be lost with its name: it says how far offsets were given.
    self.noteUnsynced(self.active.file)
    self.isFolderUnsynced = true
    if self.store.settings.sync == .never {
      self.store.disk.sync(files: [self.active.file], folders: [self.folder]) { [weak self] error in
        self?.answer(job, error) { $0.putInPlace(job) }
      }
    } else {
      self.store.markDirty(self)
    }
  }

  func compactionWasSynced() {
    guard let job = self.compaction, job.stage == .syncing else { return }
    self.putInPlace(job)
  }

  private func putInPlace(_ job: SegmentCompaction) {
    guard self.failure == nil, self.hasAll(job.sources) else { return self.abandonCompaction() }
    let first = job.sources[0]
    do {
      try self.store.disk.rename(job.path, to: first.path)
    } catch {
      _ = self.store.refuse(error)
      return self.abandonCompaction()
    }
    let segment = Segment(
      job.header, path: first.path, file: job.file, blockBytes: self.store.settings.blockBytes,
      scan: job.scan)
    segment.takeOver(job.sources, saved: job.savedBytes)
    self.writeIndex(of: segment)
    let place = self.place(of: first.baseOffset)
    self.segments.replaceSubrange(place..<place + job.sources.count, with: [segment])
    self.forget(first)
    for source in job.sources.dropFirst() { self.discard(source) }
    self.recount()
    self.isFolderUnsynced = true
    self.store.markDirty(self)
    self.compaction = nil
    self.store.compactionEnded(wasDone: true)
    for segment in self.segments { self.noteDead(segment) }
  }

  /// Whether the segments are still all there, one behind the other.
  private func hasAll(_ sources: [Segment]) -> Bool {
    let place = self.place(of: sources[0].baseOffset)
    return place + sources.count < self.segments.count
      && zip(self.segments[place...], sources).allSatisfy { $0 === $1 }
  }

  /// Stays with the old files.
  func abandonCompaction() {
    guard let job = self.compaction else { return }
    self.compaction = nil
    try? self.store.disk.remove(job.path)
    self.store.compactionEnded(wasDone: false)
    self.wantsCompaction = true
    self.store.wantCompaction(self, isRetry: true)
  }
}
