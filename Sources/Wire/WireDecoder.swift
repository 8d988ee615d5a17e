public import NIOCore

/// Turns a byte stream into frames. A decoder is a value: no I/O, no clock, no logging.
///
/// `nil` means "not a whole frame yet" and leaves the reader index where it was.
/// A thrown error is final: the peer broke the protocol and the connection must close.
public protocol WireDecoder<Frame>: ~Copyable, Sendable {
  /// What one call to `decode` returns.
  associatedtype Frame: Sendable
  /// Why a byte stream cannot be decoded any further.
  associatedtype Failure: Error

  /// Takes one whole frame from the front of `buffer`.
  ///
  /// - Returns: the frame, or `nil` when more bytes are needed; then `buffer` is unchanged.
  /// - Throws: `Failure` when the bytes can never become a frame, or break a limit.
  mutating func decode(_ buffer: inout ByteBuffer) throws(Failure) -> Frame?
}
