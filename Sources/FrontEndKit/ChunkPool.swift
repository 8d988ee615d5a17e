import NIOCore

/// Output buffers of one loop. A connection holds one only while it has something to send.
struct ChunkPool {
  /// 64 KiB: below the allocator's threshold for pages of its own.
  static let chunkBytes = 65_536
  private static let idleMax = 64
  private var idle: [ByteBuffer] = []

  /// A buffer with room for at least `count` bytes.
  mutating func take(_ count: Int, _ allocator: ByteBufferAllocator) -> ByteBuffer {
    if count <= Self.chunkBytes, var chunk = self.idle.popLast() {
      chunk.clear()
      return chunk
    }
    return allocator.buffer(capacity: max(count, Self.chunkBytes))
  }

  /// Takes a buffer back after it was written. Should the channel still hold it, `clear` in `take`
  /// makes a new one: nothing is overwritten.
  mutating func giveBack(_ chunk: consuming ByteBuffer) {
    guard self.idle.count < Self.idleMax, chunk.storageCapacity == Self.chunkBytes else { return }
    self.idle.append(chunk)
  }
}
