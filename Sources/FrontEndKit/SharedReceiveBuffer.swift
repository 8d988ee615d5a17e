import NIOCore

/// The one buffer that all connections of a loop are read into.
///
/// NIO gives each channel a receive buffer of its own and keeps it resident. Here a channel borrows
/// the loop's buffer for one read and hands it back, so that an idle connection holds none
/// (`docs/architecture.md`, "Receiving").
final class SharedReceiveBuffer {
  /// 256 KiB: a batch is what makes a message cheap.
  static let capacity = 262_144
  private var idle: ByteBuffer?

  /// The buffer, empty; a new one while it is lent out.
  func take(_ allocator: ByteBufferAllocator) -> ByteBuffer {
    guard var buffer = self.idle else { return allocator.buffer(capacity: Self.capacity) }
    self.idle = nil
    buffer.clear()
    return buffer
  }

  /// Takes the buffer back, when it is the loop's own.
  func giveBack(_ buffer: consuming ByteBuffer) {
    if buffer.storageCapacity >= Self.capacity { self.idle = buffer }
  }
}

/// Lends `SharedReceiveBuffer` to NIO's read path.
///
/// `@unchecked Sendable`: NIO asks a channel option to be `Sendable`, but calls the allocator only
/// on the channel's loop, which is the loop that owns `shared`.
struct SharedReceiveAllocator: RecvByteBufferAllocator, @unchecked Sendable {
  let shared: SharedReceiveBuffer
  private var isWarm = false

  init(_ shared: SharedReceiveBuffer) {
    self.shared = shared
  }

  func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
    // NIO keeps the first buffer for the channel's whole life: give it the smallest. The first read
    // takes that much, and the next, at once, the rest.
    guard self.isWarm else { return allocator.buffer(capacity: 32) }
    return self.shared.take(allocator)
  }

  /// `nil` turns NIO's own pooling per channel off.
  func nextBufferSize() -> Int? { nil }

  mutating func record(actualReadBytes: Int) -> Bool {
    self.isWarm = true
    return true
  }
}
