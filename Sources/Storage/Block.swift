import GodwitEngine
import GodwitPrimitives
import NIOCore

/// A run of frames in memory, some 32 KiB of a segment: the unit in which it is read, and at whose
/// beginnings its index points.
final class Block {
  /// The offset of the first frame.
  let firstOffset: UInt64
  /// Where in the segment's file it begins.
  let position: Int
  private let format: FrameFormat
  /// The frames, whole.
  private(set) var bytes: ByteBuffer
  private struct Place {
    /// The frame's first offset, less the block's, and how many it stands for.
    var delta: UInt32
    var count: UInt32
    var start: UInt32
    var end: UInt32
  }
  private var places: [Place] = []
  /// Whether bytes were found that are no frame.
  private(set) var isDamaged = false
  /// The offset after the last frame that was read.
  private(set) var endOffset: UInt64

  /// A block that frames are added to.
  ///
  /// - Parameter capacity: how many bytes are expected.
  init(firstOffset: UInt64, position: Int, _ format: FrameFormat, capacity: Int = 0) {
    self.firstOffset = firstOffset
    self.position = position
    self.format = format
    self.endOffset = firstOffset
    self.bytes = ByteBuffer()
    if capacity > 0 { self.bytes.reserveCapacity(capacity) }
  }

  /// A block that was read from a file. Damaged frames are left out.
  init(firstOffset: UInt64, position: Int, reading bytes: ByteBuffer, _ format: FrameFormat) {
    self.firstOffset = firstOffset
    self.position = position
    self.format = format
    self.bytes = bytes
    self.endOffset = firstOffset
    var start = 0
    var next = firstOffset
    bytes.withUnsafeReadableBytes { bytes in
      while start < bytes.count {
        var frame = format.frame(at: start, in: bytes)
        if frame.map({ $0.offset < next }) ?? true {
          self.isDamaged = true
          frame = format.frame(
            after: start + 1, offset: next, in: bytes, fileBytes: bytes.count)
        }
        guard let frame, let delta = UInt32(exactly: frame.offset - firstOffset) else { return }
        if frame.kind != FrameFormat.holeKind {
          self.places.append(
            Place(
              delta: delta, count: frame.count, start: UInt32(truncatingIfNeeded: frame.start),
              end: UInt32(truncatingIfNeeded: frame.end)))
        }
        next = frame.offsets.upperBound
        self.endOffset = next
        start = frame.end
      }
    }
  }

  /// How many bytes its frames are.
  var byteCount: Int { self.bytes.readableBytes }

  /// Adds a frame that stands for `count` offsets from `offset` on.
  ///
  /// - Returns: how many bytes it has.
  func append(
    offset: UInt64, count: UInt32, kind: UInt8, _ body: (inout ByteBuffer) -> Void
  ) -> Int {
    let start = self.bytes.writerIndex
    self.format.write(offset: offset, count: count, kind: kind, to: &self.bytes, body)
    let end = self.bytes.writerIndex
    self.places.append(
      Place(
        delta: UInt32(truncatingIfNeeded: offset - self.firstOffset), count: count,
        start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end)))
    return end - start
  }

  /// The frame that stands for `offset`: its offsets, and how many bytes it has; `nil` when there
  /// is none.
  func frame(of offset: UInt64) -> (offsets: Range<UInt64>, size: Int)? {
    self.place(of: offset).map { (self.offsets(of: $0), Int($0.end - $0.start)) }
  }

  /// What stands for `offset`. A record has memory of its own; a batch shares the block's, where
  /// `sharing` says so.
  func entry(at offset: UInt64, _ engine: Engine, sharing: Bool) -> LogEntry? {
    guard let place = self.place(of: offset), let (kind, body) = self.body(of: place) else {
      return nil
    }
    switch kind {
    case FrameFormat.recordKind:
      return Record.stored(ByteBuffer(buffer: body), engine).map { .record($0, offset: offset) }
    case FrameFormat.batchKind:
      guard let batch = BatchBody(sharing ? body : ByteBuffer(buffer: body)) else { return nil }
      return .batch(
        batch.bytes, form: batch.head.form, first: self.offsets(of: place).lowerBound,
        count: Int(place.count))
    default: return nil
    }
  }

  /// The record at `offset`, in memory of its own, or sharing the block's.
  func record(at offset: UInt64, _ engine: Engine, sharing: Bool = false) -> Record? {
    guard let place = self.place(of: offset) else { return nil }
    guard sharing else {
      guard let (kind, body) = self.body(of: place), kind == FrameFormat.recordKind else {
        return nil
      }
      return Record.stored(ByteBuffer(buffer: body), engine)
    }
    let body = Int(place.start) + FrameFormat.prefixBytes + FrameFormat.headBytes
    guard self.kind(of: place) == FrameFormat.recordKind, body <= Int(place.end) else { return nil }
    return Record.stored(in: self.bytes, body..<Int(place.end), engine)
  }

  private func kind(of place: Place) -> UInt8? {
    self.bytes.getInteger(
      at: self.bytes.readerIndex + Int(place.start) + FrameFormat.prefixBytes
        + FrameFormat.headBytes - 1)
  }

  private func body(of place: Place) -> (kind: UInt8, bytes: ByteBuffer)? {
    let head = FrameFormat.prefixBytes + FrameFormat.headBytes
    let start = self.bytes.readerIndex + Int(place.start)
    let size = Int(place.end - place.start)
    guard size >= head, let kind = self.bytes.getInteger(at: start + head - 1, as: UInt8.self),
      let body = self.bytes.getSlice(at: start + head, length: size - head)
    else { return nil }
    return (kind, body)
  }

  /// The frames, from the first on, in order: each one's offsets, and how many bytes it has.
  func forEach(_ body: (_ offsets: Range<UInt64>, _ size: Int) -> Void) {
    for place in self.places { body(self.offsets(of: place), Int(place.end - place.start)) }
  }

  /// The first frame that has `time` or is later, and of whose offsets `isThere` finds one.
  func offsets(forTime time: Int64, where isThere: (Range<UInt64>) -> Bool) -> Range<UInt64>? {
    let position = FrameFormat.prefixBytes + FrameFormat.headBytes + FrameFormat.timePosition
    for place in self.places {
      let start = self.bytes.readerIndex + Int(place.start)
      guard let own = self.bytes.getInteger(at: start + position, as: Int64.self), own >= time
      else { continue }
      let offsets = self.offsets(of: place)
      if isThere(offsets) { return offsets }
    }
    return nil
  }

  private func offsets(of place: Place) -> Range<UInt64> {
    let first = self.firstOffset + UInt64(place.delta)
    return first..<first + UInt64(place.count)
  }

  /// The bytes from `start` on, sharing memory.
  func slice(from start: Int) -> ByteBuffer {
    self.bytes.getSlice(
      at: self.bytes.readerIndex + start, length: max(0, self.byteCount - start)) ?? ByteBuffer()
  }

  private func place(of offset: UInt64) -> Place? {
    guard offset >= self.firstOffset, let delta = UInt32(exactly: offset - self.firstOffset) else {
      return nil
    }
    // Of records in a row each has the place of its number.
    if delta < self.places.count, self.places[Int(delta)].delta == delta {
      return self.places[Int(delta)]
    }
    let next = self.places.partitioningIndex { $0.delta > delta }
    guard next > 0, delta - self.places[next - 1].delta < self.places[next - 1].count else {
      return nil
    }
    return self.places[next - 1]
  }
}
