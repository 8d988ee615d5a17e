import GodwitEngine
import GodwitPrimitives
import NIOCore

/// One file of a log, and what is known of it: the last one of a log is written to, the others
/// never change.
final class Segment {
  /// Where a block begins, and the latest time in it and before it in the segment.
  struct IndexEntry: Hashable {
    var offset: UInt64
    var position: Int
    var latest: Int64

    mutating func note(_ time: Int64) { self.latest = max(self.latest, time) }
  }

  let header: FileHeader
  let path: String
  /// By which the cache knows its blocks. They may be there for longer than the segment, whose
  /// place in memory is then another's.
  let number = UInt64.random(in: .min ... .max)
  /// An empty one, until the first record is written.
  private(set) var file: any DiskFile
  /// Whether the file is there.
  private(set) var isMade: Bool
  /// The offset after its last frame.
  private(set) var endOffset: UInt64
  /// Where the next frame goes.
  private(set) var end: Int
  /// What of it is in the file.
  private(set) var writtenEnd: Int
  private(set) var writtenOffset: UInt64
  private(set) var index: [IndexEntry] = []
  /// Which block was found last: mostly it is asked for again.
  private var lastPlace = 0
  /// Offsets that were removed, or never were.
  private(set) var removed: OffsetBitmap
  /// How many offsets all frames stand for, and the bytes of these.
  private var frameCount = 0
  private var frameBytes = 0
  private var removedCount = 0
  private(set) var removedBytes = 0
  /// How many records were removed of batches that are still there.
  private var partialCount = 0
  /// Whether it is to be written anew, however little is dead.
  var isWanted = false
  /// Whether it cannot be read whole, and stays as it is.
  var isSpared = false
  /// Whether `removedBytes` is known, and need not be counted.
  private(set) var isExact = false
  /// Whether more bytes were said to be removed than there are: a loss of power has taken frames
  /// that a mark speaks of.
  private(set) var isOverdrawn = false
  private var missing: [Range<UInt64>]
  /// The block that is written to; `nil` in a segment that is full.
  private(set) var tail: Block?
  private var unwritten: [Block] = []
  private let blockBytes: Int
  /// Up to where room was asked for.
  private var reservedEnd = 0
  /// How far it will be written when what was handed over is in the file; see `beginFlush`.
  private var handedOver: (end: Int, offset: UInt64)?

  /// A segment of this size has room set aside behind its end: as much again, up to so much. What
  /// is small takes no more than it needs.
  private static let reservedFrom = 1 << 20
  private static let reservedMax = 8 << 20

  /// Whether it is written to.
  var isOpen: Bool { self.tail != nil }
  var baseOffset: UInt64 { self.header.number }
  /// How many records are there, and the bytes of their frames.
  var count: Int { self.frameCount - self.removedCount }
  var byteCount: Int {
    // After damage the marks may speak of frames that are not there.
    self.count > 0 ? max(self.count, self.frameBytes - self.removedBytes) : 0
  }

  /// A new, empty segment. The file has its header already; where there is none yet, `setFile`
  /// hands it in before the first `flush`.
  init(_ header: FileHeader, path: String, file: (any DiskFile)?, blockBytes: Int) {
    self.header = header
    self.path = path
    self.file = file ?? UnmadeFile()
    self.isMade = file != nil
    self.endOffset = header.number
    self.writtenOffset = header.number
    self.end = FileHeader.byteCount
    self.writtenEnd = FileHeader.byteCount
    self.removed = OffsetBitmap(base: header.number)
    self.blockBytes = blockBytes
    self.missing = []
    self.tail = Block(firstOffset: header.number, position: self.end, header.format)
  }

  /// A segment as a scan, or its index, found it.
  init(
    _ header: FileHeader, path: String, file: any DiskFile, blockBytes: Int, scan: SegmentScan
  ) {
    self.header = header
    self.path = path
    self.file = file
    self.isMade = true
    self.endOffset = scan.endOffset
    self.writtenOffset = scan.endOffset
    self.end = scan.end
    self.writtenEnd = scan.end
    self.index = scan.index
    self.frameCount = scan.count
    self.frameBytes = scan.byteCount
    self.missing = scan.missing
    self.blockBytes = blockBytes
    self.removed = OffsetBitmap(base: header.number)
    for range in scan.missing { self.removed.insert(range) }
  }

  // MARK: Writing

  /// The file was made, and has its header.
  func setFile(_ file: any DiskFile) {
    self.file = file
    self.isMade = true
  }

  /// Adds a frame of about so many bytes that stands for the next `count` offsets. It is in the
  /// file after `flush`.
  ///
  /// - Returns: a block that is full now.
  func append(
    count: UInt32, kind: UInt8, time: Int64, bytes: Int, _ body: (inout ByteBuffer) -> Void
  ) -> Block? {
    var full: Block?
    // The memory of a block is no larger than it should be.
    let room = self.blockBytes - FrameFormat.prefixBytes - FrameFormat.headBytes
    if let tail = self.tail, tail.byteCount > 0, tail.byteCount + bytes > room {
      full = tail
      if tail.position + tail.byteCount > self.writtenEnd { self.unwritten.append(tail) }
      self.tail = nil
    }
    let tail =
      self.tail
      ?? Block(
        firstOffset: self.endOffset, position: self.end, self.header.format,
        capacity: full == nil ? 0 : max(self.blockBytes, self.blockBytes - room + bytes))
    self.tail = tail
    if tail.byteCount == 0 {
      self.index.append(
        IndexEntry(
          offset: self.endOffset, position: self.end, latest: self.index.last?.latest ?? 0))
    }
    self.index[self.index.count - 1].note(time)
    let size = tail.append(offset: self.endOffset, count: count, kind: kind, body)
    self.endOffset += UInt64(count)
    self.end += size
    self.frameCount += Int(count)
    self.frameBytes += size
    return full
  }

  /// Has the next record get `offset`. All is written.
  func skip(to offset: UInt64) {
    self.removed.insert(self.endOffset..<offset)
    self.missing.append(self.endOffset..<offset)
    self.endOffset = offset
    self.writtenOffset = offset
  }

  /// Writes what was appended.
  func flush() throws(DiskError) {
    let write = self.beginFlush(loop: 0)
    do throws(DiskError) {
      try write.perform()
    } catch {
      self.handedOver = nil
      throw error
    }
    self.endFlush()
  }

  /// What was appended, to be written by somebody else. `endFlush` follows when it is, and nothing
  /// that touches the file before.
  func beginFlush(loop: Int) -> DiskWrite {
    // The blocks lie one behind the other, and so does what is not written of them.
    var pieces = self.unwritten.map { self.unwritten(of: $0) }
    if let tail = self.tail, tail.position + tail.byteCount > self.writtenEnd {
      pieces.append(self.unwritten(of: tail))
    }
    self.handedOver = (self.end, self.endOffset)
    return DiskWrite(
      file: self.file, pieces: pieces, position: self.writtenEnd, reservedEnd: self.reserve(),
      loop: loop)
  }

  /// What was handed over is in the file.
  func endFlush() {
    guard let (end, offset) = self.handedOver else { return }
    self.handedOver = nil
    self.writtenEnd = end
    self.writtenOffset = offset
    self.unwritten.removeAll { $0.position + $0.byteCount <= end }
  }

  private func unwritten(of block: Block) -> ByteBuffer {
    block.slice(from: max(0, self.writtenEnd - block.position))
  }

  /// Up to where room is to be asked for, if it is time.
  private func reserve() -> Int? {
    guard self.end > self.reservedEnd, self.end >= Self.reservedFrom else { return nil }
    self.reservedEnd = self.end + min(self.end, Self.reservedMax)
    return self.reservedEnd
  }

  /// Gives back the room that was set aside: no more will be written, as it seems.
  func giveBackReserve() {
    guard self.reservedEnd > self.writtenEnd else { return }
    self.reservedEnd = 0
    self.file.giveBackReserve(behind: self.writtenEnd)
  }

  /// Forgets what was appended and could not be written.
  func dropUnwritten() throws(DiskError) {
    self.handedOver = nil
    self.unwritten.removeAll()
    self.tail = nil
    if let block = self.index.last(where: { $0.position < self.writtenEnd }) {
      let read = try self.file.read(self.writtenEnd - block.position, at: block.position)
      self.tail = Block(
        firstOffset: block.offset, position: block.position, reading: read, self.header.format)
    } else {
      self.tail = Block(
        firstOffset: self.baseOffset, position: FileHeader.byteCount, self.header.format)
    }
    self.index.removeAll { $0.position >= self.writtenEnd }
    self.frameBytes -= self.end - self.writtenEnd
    self.frameCount -= Int(self.endOffset - self.writtenOffset)
    self.end = self.writtenEnd
    self.endOffset = self.writtenOffset
    self.reservedEnd = 0
    try self.file.truncate(to: self.writtenEnd)
  }

  /// Reads the last block again, so that it can be written to.
  func reopen() throws(DiskError) {
    // A process that died may have left some.
    if self.end >= Self.reservedFrom { self.file.giveBackReserve(behind: self.end) }
    guard let last = self.index.last else {
      self.tail = Block(firstOffset: self.endOffset, position: self.end, self.header.format)
      return
    }
    let bytes = try self.file.read(self.end - last.position, at: last.position)
    self.tail = Block(
      firstOffset: last.offset, position: last.position, reading: bytes, self.header.format)
  }

  /// Nothing will be added any more.
  ///
  /// - Returns: the last block.
  func seal() -> Block? {
    defer { self.tail = nil }
    self.giveBackReserve()
    return self.tail
  }

  // MARK: Reading

  /// The latest time of all its frames; 0 where it has none.
  var latestTime: Int64 { self.index.last?.latest ?? 0 }

  /// Whether nothing is added to `block` any more, so that its memory may be shared.
  func isFull(_ block: Block) -> Bool {
    block !== self.tail || block.byteCount >= self.blockBytes
  }

  /// The blocks in order, and the offset after each one's last.
  func blockEnd(_ place: Int) -> (offset: UInt64, position: Int) {
    place + 1 < self.index.count
      ? (self.index[place + 1].offset, self.index[place + 1].position)
      : (self.endOffset, self.end)
  }

  /// Where in the file the block of `offset` lies.
  func block(of offset: UInt64) -> (entry: IndexEntry, bytes: Int)? {
    self.place(of: offset).map { place in
      (self.index[place], self.blockEnd(place).position - self.index[place].position)
    }
  }

  /// Whether it has, or had, `offset`.
  func has(_ offset: UInt64) -> Bool { offset >= self.baseOffset && offset < self.endOffset }

  /// Which block has, or had, `offset`.
  func place(of offset: UInt64) -> Int? {
    if self.lastPlace < self.index.count, self.index[self.lastPlace].offset <= offset,
      offset < self.blockEnd(self.lastPlace).offset
    {
      return self.lastPlace
    }
    let next = self.index.partitioningIndex { $0.offset > offset }
    guard next > 0, offset < self.endOffset else { return nil }
    self.lastPlace = next - 1
    return next - 1
  }

  /// The block at `position`, if it is still written to, or waits to be.
  func blockInMemory(at position: Int) -> Block? {
    if let tail = self.tail, tail.position == position { return tail }
    return self.unwritten.first { $0.position == position }
  }

  // MARK: Removing

  /// Whether every offset of the stretch is there.
  func isWhole(_ range: Range<UInt64>) -> Bool {
    self.removed.nextGone(from: range.lowerBound, to: range.upperBound) == range.upperBound
  }

  /// Marks `offset` as gone.
  ///
  /// - Returns: whether it was there.
  func remove(_ offset: UInt64, size: Int) -> Bool {
    guard offset < self.endOffset, self.removed.insert(offset) else { return false }
    self.removedCount += 1
    self.removedBytes += size
    return true
  }

  /// Marks a stretch as gone, whose frames have so many bytes.
  func removeAll(_ range: Range<UInt64>, bytes: Int) {
    let added = self.removed.insert(range)
    guard added > 0 else { return }
    self.removedCount += added
    let bytes = self.removedBytes + bytes
    self.isOverdrawn = self.isOverdrawn || bytes > self.frameBytes
    self.removedBytes = self.count == 0 ? self.frameBytes : min(bytes, self.frameBytes)
  }

  /// The offsets behind its last frame that lie before `base`, where the next segment begins.
  func gap(to base: UInt64) -> FileLog.RemovedRange? {
    let end =
      self.missing.last.flatMap { $0.upperBound == self.endOffset ? $0.lowerBound : nil }
      ?? self.endOffset
    return base > end ? FileLog.RemovedRange(from: end, to: base, bytes: 0) : nil
  }

  /// What is gone and has frames, as stretches; the bytes of all stand with the first.
  var removedRanges: [FileLog.RemovedRange] {
    var ranges: [FileLog.RemovedRange] = []
    var offset = self.removed.nextGone(from: self.baseOffset, to: self.endOffset)
    while offset < self.endOffset {
      let place = self.missing.partitioningIndex { $0.upperBound > offset }
      let hole = place < self.missing.count ? self.missing[place] : self.endOffset..<self.endOffset
      let end: UInt64
      if hole.contains(offset) {
        end = hole.upperBound
      } else {
        end = min(self.removed.next(from: offset, to: self.endOffset), hole.lowerBound)
        ranges.append(FileLog.RemovedRange(from: offset, to: end, bytes: 0))
      }
      offset = self.removed.nextGone(from: end, to: self.endOffset)
    }
    if !ranges.isEmpty { ranges[0].bytes = UInt64(self.removedBytes) }
    // The next start must not give offsets again that no frame tells of.
    if let last = self.missing.last, last.upperBound == self.endOffset {
      ranges.append(FileLog.RemovedRange(from: last.lowerBound, to: last.upperBound, bytes: 0))
    }
    return ranges
  }

  // MARK: Writing anew

  /// The bytes of the file that are no record's any more.
  var deadBytes: Int { self.end - FileHeader.byteCount - self.byteCount }

  /// The same, and a part of batches some of whose records were removed, as if all were alike.
  var reclaimableBytes: Int {
    guard self.partialCount > 0, self.frameCount > 0 else { return self.deadBytes }
    let (product, isTooMuch) = self.partialCount.multipliedReportingOverflow(by: self.frameBytes)
    return self.deadBytes + (isTooMuch ? 0 : product / self.frameCount)
  }

  /// Notes that one of a batch's records was removed.
  func noteOfBatch(_ count: Int, isLast: Bool) {
    self.partialCount = isLast ? max(0, self.partialCount - count + 1) : self.partialCount + 1
  }

  /// Whether it is worth writing anew: more than half of it is dead, and no fewer than so many
  /// bytes.
  func isMostlyDead(least bytes: Int) -> Bool {
    let dead = self.reclaimableBytes
    return dead >= bytes && dead > self.end / 2 && !self.isSpared
  }

  /// Has everything gone here that is gone in those whose place it takes.
  ///
  /// - Parameter saved: how many bytes batches became smaller by.
  func takeOver(_ sources: [Segment], saved: Int) {
    for source in sources {
      var offset = source.removed.nextGone(from: source.baseOffset, to: source.endOffset)
      while offset < source.endOffset {
        let end = source.removed.next(from: offset, to: source.endOffset)
        self.removed.insert(offset..<end)
        offset = source.removed.nextGone(from: end, to: source.endOffset)
      }
    }
    self.removedCount = self.frameCount - sources.reduce(0) { $0 + $1.count }
    self.setRemovedBytes(Self.deadBytes(self.frameBytes, saved: saved, sources))
  }

  /// The bytes of frames that were copied, and are dead now.
  static func deadBytes(_ frameBytes: Int, saved: Int, _ sources: [Segment]) -> Int {
    max(0, frameBytes + saved - sources.reduce(0) { $0 + $1.byteCount })
  }

  /// The bytes of frames of which nothing is left, all of them looked at.
  func deadFrameBytes(_ block: (Int) -> Block?) -> Int {
    var bytes = 0
    for place in self.index.indices {
      block(place)?.forEach { offsets, size in
        if !self.hasAny(of: offsets) { bytes += size }
      }
    }
    return bytes
  }

  /// What marks said before it was written anew counts no more.
  func setRemovedBytes(_ bytes: Int) {
    self.removedBytes = self.count == 0 ? self.frameBytes : max(0, min(bytes, self.frameBytes))
    self.isExact = true
    self.isOverdrawn = false
  }

  /// Whether a stretch has offsets of which there are no frames.
  func isMissing(from: UInt64, to: UInt64) -> Bool {
    let place = self.missing.partitioningIndex { $0.upperBound > from }
    return place < self.missing.count && self.missing[place].lowerBound < to
  }

  /// What its index file says.
  var summary: SegmentScan {
    var scan = SegmentScan(self.header)
    scan.index = self.index
    scan.endOffset = self.endOffset
    scan.end = self.end
    scan.count = self.frameCount
    scan.byteCount = self.frameBytes
    scan.missing = self.missing
    return scan
  }

  /// The first offset from `offset` on that is there, or `end`.
  func next(from offset: UInt64, to end: UInt64) -> UInt64 {
    self.removed.next(from: offset, to: end)
  }
}
