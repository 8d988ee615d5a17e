public import Godwit
public import NIOCore

/// A message's payload as it arrives: bytes in pieces, for one reader. Nothing of it is held but
/// what the reader has not read yet, and of that no more than the conduit's window.
///
/// ```swift
/// for try await part in message.body { try await file.write(part) }
/// let whole = try await message.body.collect(upTo: 5 << 20)
/// ```
///
/// Who lets go of the message before the end lets go of the stream, and its sender is told.
public final class ConduitBody: AsyncSequence, Sendable {
  /// Bytes.
  public typealias Element = ByteBuffer
  /// Why the stream is not whole.
  public typealias Failure = GodwitError

  private let stream: InboundStream
  private let consumer: Int

  init(stream: InboundStream, consumer: Int) {
    self.stream = stream
    self.consumer = consumer
  }

  deinit {
    self.stream.leave(self.consumer)
  }

  /// The next bytes; `nil` at the end.
  ///
  /// - Throws: `timeout` when the sender was silent for too long, `remoteFailure` with its words
  ///   when it failed, `streamGap` when something was lost, `slowConsumer`, `closed`, `cancelled`.
  public func next() async throws(GodwitError) -> ByteBuffer? {
    try await self.stream.next(self.consumer)
  }

  /// Whether the end has arrived: reading does not wait.
  var hasArrived: Bool { self.stream.hasArrived }

  /// All that is left, as one.
  ///
  /// - Throws: `tooLarge` when there are more bytes than `bytesMax`; nothing is ever cut short.
  public func collect(upTo bytesMax: Int) async throws(GodwitError) -> ByteBuffer {
    var whole = ByteBuffer()
    while let part = try await self.next() {
      guard part.readableBytes <= bytesMax - whole.readableBytes else {
        throw GodwitError(.tooLarge, "a payload of more than \(bytesMax) bytes")
      }
      if whole.readableBytes == 0 {
        whole = part
      } else {
        whole.writeImmutableBuffer(part)
      }
    }
    return whole
  }

  /// Reads.
  public func makeAsyncIterator() -> Iterator { Iterator(body: self) }

  /// A reader.
  public struct Iterator: AsyncIteratorProtocol {
    let body: ConduitBody

    /// The next bytes; `nil` at the end.
    public mutating func next() async throws(GodwitError) -> ByteBuffer? {
      try await self.body.next()
    }

    /// The next bytes; `nil` at the end.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(GodwitError) -> ByteBuffer? {
      try await self.body.next()
    }
  }
}
