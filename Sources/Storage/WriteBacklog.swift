/// How much was added to a store's logs since their files were written to last: an object, because
/// every log counts on it with every append.
final class WriteBacklog {
  /// So much may wait for what is being written elsewhere. Then everybody does: who sends faster
  /// than the disk writes is not to fill the memory.
  private static let bytesMax = 16 << 20

  var bytes = 0

  var isTooMuch: Bool { self.bytes > Self.bytesMax }
}
