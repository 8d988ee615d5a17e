import Godwit
import NIOCore

/// The receiving half of a stream: chunk frames in, data and its end out, and how much credit the
/// sender is to be given. No I/O, no clock.
///
/// Every chunk's place is checked. A chunk that was there before is passed over; one that is
/// missing, too large, beyond the credit or no chunk at all ends the stream with an error.
struct StreamReceiver {
  /// What a sender with flow control may send before it hears of the first reader. A constant of
  /// the protocol: a payload that is not larger needs no more than its handshake's answer.
  static let initialCredit = 64 << 10

  /// What a frame comes to.
  enum Step {
    /// Nothing: a repeated chunk, or one behind the end.
    case nothing
    case data(ByteBuffer)
    /// The end, with what stood in the last chunk.
    case end(ByteBuffer)
    case failed(GodwitError)
  }

  private let chunkBytesMax: Int
  private let window: Int
  private var nextIndex = 0
  /// Bytes so far.
  private(set) var received = 0
  /// What the sender may send in all; `nil` where the sender knows no flow control.
  private(set) var granted: Int?
  /// Whether the stream has come to an end, well or not.
  private(set) var isOver = false

  /// - Parameters:
  ///   - hasCredit: whether the sender knows flow control.
  ///   - window: bytes that may be on their way or unread once somebody reads.
  init(hasCredit: Bool, chunkBytesMax: Int, window: Int) {
    self.chunkBytesMax = chunkBytesMax
    self.window = max(window, Self.initialCredit)
    self.granted = hasCredit ? Self.initialCredit : nil
  }

  mutating func take(_ frame: ByteBuffer) -> Step {
    guard !self.isOver else { return .nothing }
    do throws(GodwitError) {
      return try self.read(frame)
    } catch {
      self.isOver = true
      return .failed(error)
    }
  }

  private mutating func read(_ frame: ByteBuffer) throws(GodwitError) -> Step {
    guard frame.readableBytes <= self.chunkBytesMax + ConduitChunk.overheadMax + 1_024 else {
      throw GodwitError(
        .tooLarge,
        "a chunk of \(frame.readableBytes) bytes; at most \(self.chunkBytesMax) are taken")
    }
    let chunk = try ConduitChunk(frame)
    guard chunk.error.isEmpty else { throw GodwitError(.remoteFailure, chunk.error) }
    guard chunk.index >= self.nextIndex else { return .nothing }
    guard chunk.index == self.nextIndex else {
      throw GodwitError(
        .streamGap, "chunk \(chunk.index) in place of \(self.nextIndex): something was lost")
    }
    let size = chunk.data.readableBytes
    if let granted = self.granted, size > granted - self.received {
      throw GodwitError(.tooLarge, "the sender sends more than there is room for")
    }
    self.nextIndex += 1
    self.received += size
    guard chunk.isEnd else { return size == 0 ? .nothing : .data(chunk.data) }
    self.isOver = true
    return .end(chunk.data)
  }

  /// Somebody reads, and has read so much of the stream.
  ///
  /// - Returns: the credit to tell the sender of, when it is worth a message.
  mutating func consumed(_ bytes: Int) -> Int? {
    guard let granted = self.granted, !self.isOver else { return nil }
    let (room, overflow) = bytes.addingReportingOverflow(self.window)
    guard !overflow, room - granted >= self.window / 2 else { return nil }
    self.granted = room
    return room
  }

  /// Nobody reads any more, or time has run out.
  mutating func abandon() {
    self.isOver = true
  }
}
