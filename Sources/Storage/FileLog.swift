public import GodwitEngine
import GodwitPrimitives
import NIOCore

/// A log in a folder: segments of frames, the last of which is written to, and a journal of what
/// was removed.
///
/// What is appended within a turn of the loop is written together when the turn ends, and is there
/// for readers when the store's policy is satisfied. Recent blocks are in memory; others are read
/// when they are asked for, `prepare` does so without holding up the loop.
public final class FileLog: Log, CommitMember {
  /// The log's name within its tenant.
  public let name: String
  /// How many records there are.
  public internal(set) var count = 0
  /// The bytes of their frames.
  public internal(set) var byteCount = 0
  /// What lies before it may be read; see `Log`.
  public private(set) var committedOffset: UInt64 = 0
  /// Why nothing can be appended any more; `nil` as long as it can.
  public internal(set) var failure: EngineError?

  let folder: String
  unowned let store: FileStore
  // The store's, for the message path: what is unowned is checked with each use.
  let engine: Engine
  let cache: BlockCache
  private let backlog: WriteBacklog
  private let segmentBytesMax: Int
  /// The loop that writes its file, where that is much.
  private let loop: Int
  /// Whether that is under way: nothing else may be done to the file.
  private(set) var isBeingWritten = false
  var isDirty = false
  var isUnsynced = false
  var segments: [Segment] = []
  /// Where the segment was that was found last: mostly it is asked for again.
  private var lastPlace = 0
  let marks: FileJournal
  /// Removed since the last commit: the ranges, and the bytes of their frames.
  var unmarked: [RemovedRange] = []
  /// Where the log begins; see `Log`. As long as nothing was removed, that is its first record.
  public private(set) var startOffset: UInt64 = 0
  /// What `marks` has of that; `nil` where it has nothing.
  var markedStart: UInt64?
  /// Files that were written to since they were last synced.
  var unsynced: [any DiskFile] = []
  /// Whether names in the folder changed since it was last synced.
  var isFolderUnsynced = false
  /// How much of the last segment, as it was found, its index knew.
  var indexedEnd = 0
  /// Whether the folder may be as new as what is in it: its own name was not synced yet.
  var isFolderNew = true
  /// Segments that were given up since a sync was begun, and before it: their files go after one.
  var discarded: [Segment] = []
  var leaving: [Segment] = []
  /// Segments that are full and whose index is not written yet, since a sync was begun and before
  /// it: who finds an index looks no further, so what it speaks of is on the disk before.
  var unindexed: [Segment] = []
  var indexing: [Segment] = []
  /// Segments that are being written anew, and whether it is wanted.
  var compaction: SegmentCompaction?
  var wantsCompaction = false
  var batchTrimmer: BatchTrimmer?
  private var waiters = CommitWaiters()
  private(set) var isAbandoned = false
  private var readers: [() -> Void] = []
  var readAhead = ReadAhead()
  private var first: UInt64 = 0
  /// The block that could not be read last, and when that was: whoever asks for each of its records
  /// is not to wait for the device as often.
  var unreadable: (key: BlockCache.Key, at: Int64)?
  /// Whether everything goes to one segment.
  private var isWithinUnit = false

  /// A stretch of offsets that were removed.
  struct RemovedRange: Hashable {
    var from: UInt64
    var to: UInt64
    var bytes: UInt64
  }

  /// Opens what is in `folder`, if that is there.
  init(name: String, folder: String, store: FileStore, isThere: Bool) throws(DiskError) {
    self.name = name
    self.folder = folder
    self.store = store
    self.engine = store.engine
    self.cache = store.cache
    self.backlog = store.backlog
    self.loop = Engine.loopNumber(of: name)
    self.segmentBytesMax = store.settings.segmentBytesMax
    self.marks = try FileJournal(
      path: "\(folder)/removed.journal", of: folder, store: store, isThere: isThere)
    if isThere { try self.recover() } else { self.promiseSegment() }
    self.committedOffset = self.nextOffset
    self.recount()
    self.findFirst()
    self.startOffset = self.markedStart ?? self.first
    // A loss of power may have taken the marks before that one.
    if self.first < self.startOffset { self.trim(before: self.startOffset) }
    for segment in self.segments { self.noteDead(segment) }
  }

  var active: Segment { self.segments[self.segments.count - 1] }

  /// The offset that the next record will have.
  public var nextOffset: UInt64 { self.active.endOffset }
  /// The oldest record that is there, or `nextOffset`.
  public var firstOffset: UInt64 { self.first }

  func recount() {
    self.count = self.segments.reduce(0) { $0 + $1.count }
    self.byteCount = self.segments.reduce(0) { $0 + $1.byteCount }
  }

  func findFirst() {
    self.first = self.next(from: self.segments[0].baseOffset)
  }

  // MARK: Appending

  /// Appends a record; see `Log`.
  public func append(_ record: Record) throws(EngineError) -> UInt64 {
    let engine = self.engine
    return try self.append(
      count: 1, FrameFormat.recordKind, time: record.receivedAt, bytes: record.storedBytes(engine)
    ) {
      record.store(into: &$0, engine)
    }
  }

  /// Appends a message without a detour; see `Log`.
  public func append(
    _ publication: inout Publication, expiresAt: Int64, _ engine: Engine
  ) throws(EngineError) -> UInt64 {
    try self.append(
      count: 1, FrameFormat.recordKind, time: engine.now, bytes: publication.storedBytes(engine)
    ) {
      publication.store(into: &$0, expiresAt: expiresAt, engine)
    }
  }

  /// Appends a batch; see `Log`.
  public func append(
    batchOf byteCount: Int, form: UInt8, origin: Origin, count: Int, time: Int64,
    _ write: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(EngineError) -> UInt64 {
    guard let count = UInt32(exactly: count), count > 0 else {
      throw EngineError(.notAllowed, "a batch that stands for \(count) records")
    }
    let head = BatchHead(form: form, time: time, origin: self.engine.name(of: origin))
    return try self.append(
      count: count, FrameFormat.batchKind, time: time, bytes: head.byteCount + byteCount
    ) { block in
      head.write(to: &block)
      block.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { free in
        write(UnsafeMutableRawBufferPointer(rebasing: free[..<byteCount]))
        return byteCount
      }
    }
  }

  private func append(
    count: UInt32, _ kind: UInt8, time: Int64, bytes: Int, _ body: (inout ByteBuffer) -> Void
  ) throws(EngineError) -> UInt64 {
    if !self.isWithinUnit { try self.makeRoom() }
    let wasEmpty = self.count == 0
    let segment = self.active
    let offset = segment.endOffset
    let before = segment.byteCount
    let full = segment.append(count: count, kind: kind, time: time, bytes: bytes, body)
    if let full { self.cache.insert(full, self.key(full.position, segment)) }
    let size = segment.byteCount - before
    self.count += Int(count)
    self.byteCount += size
    self.backlog.bytes += size
    if wasEmpty { self.first = offset }
    if !self.isDirty {
      self.store.markDirty(self)
    } else if self.backlog.isTooMuch {
      self.store.scheduleCommit()
    }
    return offset
  }

  private func makeRoom() throws(EngineError) {
    if let failure = self.failure { throw failure }
    let segment = self.active
    guard !segment.isOpen || segment.end >= self.segmentBytesMax, !self.isBeingWritten else {
      return
    }
    do {
      try self.beginSegment()
    } catch {
      throw self.store.refuse(error)
    }
  }

  /// What follows goes to one segment, which is written as a whole or not at all; see `Log`.
  public func beginUnit() throws(EngineError) {
    try self.makeRoom()
    self.isWithinUnit = true
  }

  /// See `Log`.
  public func endUnit() { self.isWithinUnit = false }

  var goesFirst: Bool { false }

  /// Nobody uses it any more.
  func abandon() {
    self.isBeingWritten = false
    self.abandonCompaction()
    self.marks.abandon()
    // The folder goes with them, and there may be another of the name before a sync is done.
    self.discarded.removeAll()
    self.leaving.removeAll()
    self.unindexed.removeAll()
    self.indexing.removeAll()
    for segment in self.segments where !segment.isMade { self.store.endPromise() }
    self.failure = self.failure ?? EngineError(.notFound, "the log was removed")
    self.isAbandoned = true
  }

  func dismiss() {
    if let failure = self.failure { self.refuse(from: 0, failure) }
  }

  func write() {
    self.writeMarks()
    self.take { segment throws(DiskError) in try self.flush(segment) }
  }

  func writeElsewhere() -> DiskWrite? {
    self.writeMarks()
    guard !self.isBeingWritten else { return nil }
    var write: DiskWrite?
    self.take { segment throws(DiskError) in
      try self.makeFile(of: segment)
      write = segment.beginFlush(loop: self.loop)
    }
    self.isBeingWritten = write != nil
    return write
  }

  func wasWritten(_ error: DiskError?) {
    // One that nobody uses any more has no file.
    guard self.isBeingWritten else { return }
    self.isBeingWritten = false
    let segment = self.active
    self.take { segment throws(DiskError) in
      if let error { throw error }
      segment.endFlush()
      self.noteUnsynced(segment.file)
    }
    // Somebody may have added to it when the round had it behind itself.
    if segment.writtenOffset < segment.endOffset { self.store.markDirty(self) }
    // Where more comes all the time, this is the moment to go on in another.
    if self.failure == nil, segment.isOpen, segment.end >= self.segmentBytesMax {
      do {
        try self.beginSegment()
      } catch {
        _ = self.store.refuse(error)
      }
    }
  }

  /// Has what was appended written by `body`; where that is refused it is gone.
  private func take(_ body: (Segment) throws(DiskError) -> Void) {
    let segment = self.active
    guard segment.writtenOffset < segment.endOffset else { return }
    let before = segment.byteCount
    let records = segment.count
    do throws(DiskError) {
      try body(segment)
    } catch {
      let refusal = self.store.refuse(error)
      for entry in segment.index { self.cache.remove(self.key(entry.position, segment)) }
      do {
        try segment.dropUnwritten()
        // What was written of it must not come back behind those that get its offsets.
        if segment.isMade { self.noteUnsynced(segment.file) }
      } catch {
        self.fail(error)
      }
      self.count -= records - segment.count
      self.byteCount -= before - segment.byteCount
      self.findFirst()
      self.refuse(from: segment.writtenOffset, refusal)
    }
  }

  func noteUnsynced(_ file: any DiskFile) {
    if !self.unsynced.contains(where: { $0 === file }) { self.unsynced.append(file) }
  }

  var writtenMark: UInt64 { self.active.writtenOffset }

  func takeUnsynced() -> (files: [any DiskFile], folders: [String]) {
    var folders: [String] = []
    if self.isFolderUnsynced {
      folders.append(self.folder)
      if self.isFolderNew { folders.append(DiskPath.folder(of: self.folder)) }
      self.isFolderNew = false
    }
    defer {
      self.unsynced.removeAll()
      self.isFolderUnsynced = false
    }
    // What says what was removed lasts with what takes its place, and before its files go.
    let isWaiting = self.compaction?.stage == .written || !self.discarded.isEmpty
    if isWaiting, !self.marks.isDirty {
      if self.compaction?.stage == .written { self.compaction?.stage = .syncing }
      if self.unmarked.isEmpty {
        self.leaving += self.discarded
        self.discarded.removeAll()
      }
      let own = self.marks.takeUnsynced()
      self.unsynced += own.files
      folders += own.folders
    }
    self.indexing += self.unindexed
    self.unindexed.removeAll()
    return (self.unsynced, folders)
  }

  func commit(to offset: UInt64) {
    // After a failed sync a later one that succeeds says nothing of what the first was for.
    guard offset > self.committedOffset, self.failure == nil else { return }
    self.committedOffset = offset
    for body in self.waiters.take(upTo: offset) { body(nil) }
    let readers = self.readers
    self.readers.removeAll()
    for reader in readers { reader() }
  }

  func fail(_ error: DiskError) {
    guard self.failure == nil else { return }
    let failure = self.store.refuse(error)
    self.failure = failure
    self.abandonCompaction()
    self.refuse(from: self.committedOffset, failure)
  }

  private func refuse(from offset: UInt64, _ error: EngineError) {
    for body in self.waiters.take(above: offset) { body(error) }
  }

  /// Calls `body` when everything before `offset` is committed; see `Log`.
  public func whenCommitted(before offset: UInt64, _ body: @escaping (EngineError?) -> Void) {
    if offset <= self.committedOffset {
      body(nil)
    } else if let failure = self.failure {
      body(failure)
    } else if offset > self.nextOffset {
      body(EngineError(.notFound, "no such record"))
    } else {
      self.waiters.append(offset, body)
    }
  }

  /// Calls `body` once, when more is committed; see `Log`.
  public func whenAppended(_ body: @escaping () -> Void) {
    self.readers.append(body)
  }

  // MARK: Reading

  func key(_ position: Int, _ segment: Segment) -> BlockCache.Key {
    BlockCache.Key(segment: segment.number, position: position)
  }

  /// The segment that has, or had, `offset`.
  func segment(of offset: UInt64) -> Segment? {
    if self.lastPlace < self.segments.count, self.segments[self.lastPlace].has(offset) {
      return self.segments[self.lastPlace]
    }
    let place = self.segments.partitioningIndex { $0.baseOffset > offset } - 1
    guard place >= 0, self.segments[place].has(offset) else { return nil }
    self.lastPlace = place
    return self.segments[place]
  }

  /// The segment that has `offset`, if that may be read and was not removed.
  func segment(having offset: UInt64) -> Segment? {
    guard offset < self.committedOffset, let segment = self.segment(of: offset),
      !segment.removed.contains(offset)
    else { return nil }
    return segment
  }

  /// The record at `offset`; see `Log`.
  public func record(at offset: UInt64) -> Record? {
    guard let segment = self.segment(having: offset),
      let block = self.block(of: offset, in: segment)
    else { return nil }
    return block.record(at: offset, self.engine)
  }

  func block(of offset: UInt64, in segment: Segment) -> Block? {
    guard let (entry, bytes) = segment.block(of: offset) else { return nil }
    if let block = self.blockAtHand(entry, segment) { return block }
    let key = self.key(entry.position, segment)
    if let known = self.unreadable, known.key == key, known.at == self.engine.now {
      return nil
    }
    do {
      return self.keep(try segment.file.read(bytes, at: entry.position), entry, bytes, segment)
    } catch {
      self.unreadable = (key, self.engine.now)
      _ = self.store.refuse(error)
      return nil
    }
  }

  func blockAtHand(_ entry: Segment.IndexEntry, _ segment: Segment) -> Block? {
    segment.blockInMemory(at: entry.position)
      ?? self.cache.find(self.key(entry.position, segment))
  }

  func keep(
    _ bytes: ByteBuffer, _ entry: Segment.IndexEntry, _ count: Int, _ segment: Segment
  ) -> Block {
    let block = Block(
      firstOffset: entry.offset, position: entry.position, reading: bytes, segment.header.format)
    if block.isDamaged || bytes.readableBytes < count {
      self.store.tell(
        .damaged, segment.path,
        "a block of \(count) bytes at \(entry.position) cannot be read whole")
    }
    self.cache.insert(block, self.key(entry.position, segment))
    return block
  }

  /// The next record that is there; see `Log`.
  public func next(from offset: UInt64) -> UInt64 {
    var offset = offset
    for segment in self.segments[self.place(of: offset)...] {
      offset = segment.next(from: max(offset, segment.baseOffset), to: segment.endOffset)
      if offset < segment.endOffset { return min(offset, self.committedOffset) }
    }
    return self.committedOffset
  }

  /// The next offset that has no record; see `Log`.
  public func nextHole(from offset: UInt64) -> UInt64 {
    var offset = offset
    while offset < self.committedOffset, let segment = self.segment(of: offset) {
      let hole = segment.removed.nextGone(from: offset, to: segment.endOffset)
      if hole < segment.endOffset { return min(hole, self.committedOffset) }
      offset = segment.endOffset
    }
    return min(offset, self.committedOffset)
  }

  /// Which segment has `offset`, or comes next.
  func place(of offset: UInt64) -> Int {
    min(self.segments.partitioningIndex { $0.endOffset > offset }, self.segments.count - 1)
  }

  // MARK: Removing

  /// The beginning of the segment that is written to; see `Log`.
  public var sealedOffset: UInt64 { min(self.active.baseOffset, self.committedOffset) }

  /// Has batches made smaller; see `Log`.
  public func setBatchTrimmer(_ trim: @escaping BatchTrimmer) { self.batchTrimmer = trim }

  /// Has a batch made smaller; see `Log`.
  public func shrinkBatch(at offset: UInt64) {
    guard self.batchTrimmer != nil, let segment = self.segment(of: offset),
      segment !== self.active
    else { return }
    segment.isWanted = true
    self.noteDead(segment)
  }

  /// Removes one record; see `Log`.
  @discardableResult
  public func remove(at offset: UInt64) -> Bool {
    guard let segment = self.segment(having: offset) else { return false }
    var size = 0
    if let frame = self.block(of: offset, in: segment)?.frame(of: offset) {
      // A batch goes with the last of its records.
      let isLast =
        segment.next(from: frame.offsets.lowerBound, to: offset) == offset
        && !segment.hasAny(of: offset + 1..<frame.offsets.upperBound)
      if isLast { size = frame.size }
      if self.batchTrimmer != nil { segment.noteOfBatch(frame.offsets.count, isLast: isLast) }
    }
    let before = segment.byteCount
    guard segment.remove(offset, size: size) else { return false }
    self.count -= 1
    self.byteCount += segment.byteCount - before
    self.note(RemovedRange(from: offset, to: offset + 1, bytes: UInt64(size)))
    if offset == self.first { self.findFirst() }
    if segment.count == 0 { self.dropEmptySegments() }
    self.noteDead(segment)
    return true
  }

  /// Removes every record before `offset`; see `Log`.
  public func trim(before offset: UInt64) {
    let end = min(offset, self.committedOffset)
    if end > self.startOffset {
      self.startOffset = end
      self.store.markDirty(self)
    }
    while let segment = self.segments.first, self.first < end {
      // On a full disk there may be no other for the one that is written to: it stays, and what is
      // in it goes all the same.
      guard segment.endOffset <= end, segment !== self.active || self.emptyActive() else {
        self.trim(segment, before: end)
        break
      }
      if self.segments.first === segment { self.giveUp(segment) }
      self.findFirst()
    }
    self.findFirst()
  }

  private func trim(_ segment: Segment, before end: UInt64) {
    var range = RemovedRange(from: self.first, to: end, bytes: 0)
    let (count, byteCount) = (segment.count, segment.byteCount)
    for place in (segment.place(of: self.first) ?? 0)..<segment.index.count {
      let start = segment.index[place]
      guard start.offset < end else { break }
      let next = segment.blockEnd(place)
      if next.offset <= end, segment.isWhole(start.offset..<next.offset) {
        // Nobody has to look into a block of which nothing is gone yet.
        let bytes = next.position - start.position
        segment.removeAll(start.offset..<next.offset, bytes: bytes)
        range.bytes += UInt64(bytes)
      } else {
        range.bytes += UInt64(self.trim(segment, place, before: end))
      }
    }
    self.count += segment.count - count
    self.byteCount += segment.byteCount - byteCount
    self.note(range)
    self.noteDead(segment)
  }

  /// - Returns: how many bytes went with it.
  private func trim(_ segment: Segment, _ place: Int, before end: UInt64) -> Int {
    var bytes = 0
    self.block(of: segment.index[place].offset, in: segment)?.forEach { offsets, size in
      guard offsets.lowerBound < end else { return }
      let isLast =
        offsets.upperBound <= end
        || segment.next(from: end, to: offsets.upperBound) == offsets.upperBound
      let before = segment.removed.count
      segment.removeAll(
        offsets.lowerBound..<min(end, offsets.upperBound), bytes: isLast ? size : 0)
      if isLast, segment.removed.count > before { bytes += size }
    }
    // What cannot be read goes too, as it will for whoever reads the mark.
    let next = segment.blockEnd(place).offset
    segment.removeAll(segment.index[place].offset..<min(end, next), bytes: 0)
    return bytes
  }

  func note(_ range: RemovedRange) {
    // A stretch lies within one segment, so that its bytes can be counted there.
    if let last = self.unmarked.last, last.to == range.from,
      self.segment(of: range.from)?.baseOffset != range.from
    {
      self.unmarked[self.unmarked.count - 1] = RemovedRange(
        from: last.from, to: range.to, bytes: last.bytes + range.bytes)
    } else {
      self.unmarked.append(range)
    }
    self.store.markDirty(self)
  }

  /// A gap no longer than this is left within a segment.
  private static var skippedMax: UInt64 { 65_536 }

  /// Has the next record get `offset`; see `Log`.
  public func skip(to offset: UInt64) {
    guard offset > self.nextOffset, self.committedOffset == self.nextOffset else { return }
    if self.count > 0, self.active.tail != nil, offset - self.nextOffset <= Self.skippedMax {
      self.active.skip(to: offset)
      return self.commit(to: offset)
    }
    do {
      try self.beginSegment(at: offset)
      self.dropEmptySegments()
      if self.committedOffset < offset { self.commit(to: offset) }
      self.findFirst()
    } catch {
      _ = self.store.refuse(error)
    }
  }
}
