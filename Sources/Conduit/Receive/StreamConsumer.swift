import Godwit
import NIOCore

/// What one reader of a stream has before it.
struct StreamConsumer {
  typealias Reading = Result<ByteBuffer?, GodwitError>

  private var waiting: [ByteBuffer] = []
  private var head = 0
  /// Bytes that wait.
  private(set) var unread = 0
  /// Bytes that were read.
  private(set) var read = 0
  /// Whether anybody has begun to read.
  var hasBegun = false
  /// Why this reader gets no more, when others may.
  var failure: GodwitError?
  /// Who waits.
  var reader: CheckedContinuation<Reading, Never>?

  /// Puts data before the reader.
  ///
  /// - Returns: who waits for it, and is to get it.
  mutating func offer(_ data: ByteBuffer) -> CheckedContinuation<Reading, Never>? {
    if let reader = self.reader {
      self.reader = nil
      self.read += data.readableBytes
      return reader
    }
    self.waiting.append(data)
    self.unread += data.readableBytes
    return nil
  }

  mutating func pop() -> ByteBuffer? {
    guard self.head < self.waiting.count else { return nil }
    let first = self.waiting[self.head]
    // Lets go of the bytes, though not of the place.
    self.waiting[self.head] = ByteBuffer()
    self.head += 1
    if self.head == self.waiting.count {
      self.waiting.removeAll(keepingCapacity: self.head <= 64)
      self.head = 0
    } else if self.head >= 256 {
      self.waiting.removeFirst(self.head)
      self.head = 0
    }
    self.unread -= first.readableBytes
    self.read += first.readableBytes
    return first
  }

  /// Lets go of everything that waits.
  mutating func clear() {
    self.waiting = []
    self.head = 0
    self.unread = 0
  }
}
