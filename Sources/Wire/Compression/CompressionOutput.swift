import NIOCore

/// Bytes that are being decompressed. They grow as they come and never beyond the limit, whatever
/// the input announces.
struct CompressionOutput: ~Copyable {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  private(set) var count = 0
  private let limit: Int

  /// - Parameters:
  ///   - limit: the most bytes.
  ///   - expected: how many bytes there will probably be.
  init(limit: Int, expected: Int) {
    self.limit = max(limit, 0)
    self.capacity = max(min(expected, self.limit, 1 << 20), 64)
    self.base = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// What was written, as a buffer.
  func buffer() -> ByteBuffer { ByteBuffer(bytes: bytes) }

  /// What was written from `start` on; `start` is a former count.
  func bytes(from start: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[min(max(start, 0), count)...])
  }

  /// Makes room for more bytes.
  @inline(__always)
  private mutating func reserve(_ more: Int) throws(CompressionError) {
    if more > capacity &- count { try grow(more) }
    // Room may be there beyond the limit.
    guard more <= limit &- count else { throw .tooLarge }
  }

  @inline(never)
  private mutating func grow(_ more: Int) throws(CompressionError) {
    guard more <= limit &- count else { throw .tooLarge }
    let larger = max(min(capacity &* 2, limit), count &+ more)
    let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    moved.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = moved
    capacity = larger
  }

  @inline(__always)
  mutating func append(_ byte: UInt8) throws(CompressionError) {
    try reserve(1)
    base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count &+= 1
  }

  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(CompressionError) {
    guard let source = bytes.baseAddress else { return }
    try reserve(bytes.count)
    (base + count).copyMemory(from: source, byteCount: bytes.count)
    count &+= bytes.count
  }

  mutating func fill(_ byte: UInt8, count more: Int) throws(CompressionError) {
    guard more >= 0 else { throw .malformed }
    try reserve(more)
    (base + count).initializeMemory(as: UInt8.self, repeating: byte, count: more)
    count &+= more
  }

  /// Repeats what stands `distance` bytes back. What is written by it may be read by it.
  ///
  /// - Parameters:
  ///   - distance: at least 1, and not before `start`.
  ///   - more: how many bytes.
  ///   - start: the first byte that may be repeated.
  @inline(__always)
  mutating func repeatBack(
    _ distance: Int, count more: Int, from start: Int = 0
  ) throws(CompressionError) {
    guard distance > 0, distance <= count &- start, more >= 0 else { throw .malformed }
    try reserve(more)
    let target = base + count
    let source = target - distance
    if distance >= more {
      target.copyMemory(from: source, byteCount: more)
    } else if distance == 1 {
      let byte = source.load(as: UInt8.self)
      target.initializeMemory(as: UInt8.self, repeating: byte, count: more)
    } else {
      for index in 0..<more {
        target.storeBytes(
          of: source.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index,
          as: UInt8.self)
      }
    }
    count &+= more
  }
}
