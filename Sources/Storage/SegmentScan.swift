import NIOCore

/// What a segment's file holds, found by looking at it: for what was written to last, and where
/// there is no index.
struct SegmentScan {
  /// Where blocks begin.
  var index: [Segment.IndexEntry] = []
  /// The offset after the last frame.
  var endOffset: UInt64
  /// How many offsets frames stand for, and the bytes of these.
  var count = 0
  var byteCount = 0
  /// Offsets that are missing.
  var missing: [Range<UInt64>] = []
  /// Where the last whole frame ends.
  var end: Int
  /// Bytes between frames that are none.
  var damage: [Range<Int>] = []

  /// What an empty segment holds.
  init(_ header: FileHeader) { self.init(endOffset: header.number, end: FileHeader.byteCount) }

  /// What begins at that place, with that offset.
  init(endOffset: UInt64, end: Int) {
    self.endOffset = endOffset
    self.end = end
  }

  /// Goes on with the bytes behind `end`.
  mutating func read(_ bytes: UnsafeRawBufferPointer, _ format: FrameFormat, blockBytes: Int) {
    let base = self.end
    var start = 0
    while start < bytes.count {
      var frame = format.frame(at: start, in: bytes)
      if frame.map({ $0.offset < self.endOffset }) ?? true {
        frame = format.frame(
          after: start + 1, offset: self.endOffset, in: bytes, fileBytes: base + bytes.count)
        guard let frame else { return }
        self.damage.append(base + start..<base + frame.start)
      }
      guard let frame else { return }
      start = frame.end
      let time = format.time(of: frame, in: bytes)
      if frame.kind == FrameFormat.holeKind {
        self.add(hole: frame.offsets, end: base + frame.end)
      } else {
        self.add(
          frame.moved(to: base + frame.start, size: frame.end - frame.start), at: time,
          blockBytes: blockBytes)
      }
    }
  }

  /// Adds offsets that are gone, of which a frame tells that ends there.
  mutating func add(hole: Range<UInt64>, end: Int) {
    self.missing.append(self.endOffset..<hole.upperBound)
    self.endOffset = hole.upperBound
    self.end = end
  }

  /// Within a block, offsets are counted with 32 bits.
  private static var blockSpanMax: UInt64 { 1 << 31 }

  /// Adds the next frame.
  mutating func add(_ frame: FrameFormat.Frame, at time: Int64, blockBytes: Int) {
    if frame.offset > self.endOffset { self.missing.append(self.endOffset..<frame.offset) }
    let isFirst =
      self.index.last.map {
        frame.start - $0.position >= blockBytes || frame.offset - $0.offset >= Self.blockSpanMax
      } ?? true
    if isFirst {
      self.index.append(
        Segment.IndexEntry(
          offset: frame.offset, position: frame.start, latest: self.index.last?.latest ?? 0))
    }
    self.index[self.index.count - 1].note(time)
    self.count += Int(frame.count)
    self.byteCount += frame.end - frame.start
    self.endOffset = frame.offset + UInt64(frame.count)
    self.end = frame.end
  }
}
