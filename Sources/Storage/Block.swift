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
    /// The frame's offset, less the first one's.
    var delta: UInt32
    var start: UInt32
    var end: UInt32
  }
  private var places: [Place] = []
  /// Whether bytes were found that are no frame.
  private(set) var isDamaged = false

  /// A block that frames are added to.
  init(firstOffset: UInt64, position: Int, _ format: FrameFormat) {
    self.firstOffset = firstOffset
    self.position = position
    self.format = format
    self.bytes = ByteBuffer()
  }

  /// A block that was read from a file. Damaged frames are left out.
  init(firstOffset: UInt64, position: Int, reading bytes: ByteBuffer, _ format: FrameFormat) {
    self.firstOffset = firstOffset
    self.position = position
    self.format = format
    self.bytes = bytes
    var start = 0
    var next = firstOffset
    bytes.withUnsafeReadableBytes { bytes in
      while start < bytes.count {
        var frame = format.frame(at: start, in: bytes)
        if frame.map({ $0.offset < next }) ?? true {
          self.isDamaged = true
          frame = format.frame(after: start + 1, offset: next, in: bytes)
        }
        guard let frame, let delta = UInt32(exactly: frame.offset - firstOffset) else { return }
        self.places.append(
          Place(
            delta: delta, start: UInt32(truncatingIfNeeded: frame.start),
            end: UInt32(truncatingIfNeeded: frame.end)))
        next = frame.offset + 1
        start = frame.end
      }
    }
  }

  /// How many bytes its frames are.
  var byteCount: Int { self.bytes.readableBytes }

  /// Adds a record's frame.
  ///
  /// - Returns: how many bytes it has.
  func append(_ record: Record, offset: UInt64, _ engine: Engine) -> Int {
    let start = self.bytes.writerIndex
    self.format.write(offset: offset, kind: FrameFormat.recordKind, to: &self.bytes) {
      record.store(into: &$0, engine)
    }
    let end = self.bytes.writerIndex
    self.places.append(
      Place(
        delta: UInt32(truncatingIfNeeded: offset - self.firstOffset),
        start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end)))
    return end - start
  }

  /// How many bytes the frame of `offset` has; `nil` when there is none.
  func size(of offset: UInt64) -> Int? {
    self.place(of: offset).map { Int($0.end - $0.start) }
  }

  /// The record at `offset`, in memory of its own.
  func record(at offset: UInt64, _ engine: Engine) -> Record? {
    guard let place = self.place(of: offset) else { return nil }
    let head = FrameFormat.prefixBytes + FrameFormat.headBytes
    let start = self.bytes.readerIndex + Int(place.start)
    let size = Int(place.end - place.start)
    guard size >= head,
      self.bytes.getInteger(at: start + head - 1, as: UInt8.self) == FrameFormat.recordKind,
      let body = self.bytes.getSlice(at: start + head, length: size - head)
    else { return nil }
    return Record.stored(ByteBuffer(buffer: body), engine)
  }

  /// The offsets it has, from the first on, in order, with the bytes of each one's frame.
  func forEach(_ body: (_ offset: UInt64, _ size: Int) -> Void) {
    for place in self.places {
      body(self.firstOffset + UInt64(place.delta), Int(place.end - place.start))
    }
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
    let place = self.places.partitioningIndex { $0.delta >= delta }
    return place < self.places.count && self.places[place].delta == delta
      ? self.places[place] : nil
  }
}
