import NIOCore

/// What a measured message carries in front: whose it is, and when it was sent.
struct BenchStamp: Hashable, Sendable {
  /// Bytes that it takes; smaller messages carry none.
  static let size = 16

  /// A number that only this run has.
  var run: UInt64
  /// When it was sent, by `MonotonicClock`.
  var sentAt: UInt64

  /// Writes it over the front of a payload that is large enough.
  func write(to payload: inout ByteBuffer) {
    guard payload.readableBytes >= Self.size else { return }
    payload.setInteger(self.run, at: payload.readerIndex)
    payload.setInteger(self.sentAt, at: payload.readerIndex + 8)
  }

  /// Reads the stamp of a payload, when there is room for one.
  init?(_ payload: UnsafeRawBufferPointer) {
    guard payload.count >= Self.size else { return nil }
    self.run = UInt64(bigEndian: payload.loadUnaligned(as: UInt64.self))
    self.sentAt = UInt64(bigEndian: payload.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }

  init(run: UInt64, sentAt: UInt64) {
    self.run = run
    self.sentAt = sentAt
  }
}
