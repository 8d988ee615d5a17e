import Godwit
import NIOCore
import Testing

@testable import GodwitConduit

@Suite struct StreamReceiverTests {
  private func receiver(hasCredit: Bool = true) -> StreamReceiver {
    StreamReceiver(hasCredit: hasCredit, chunkBytesMax: 64 << 10, window: 1 << 20)
  }

  private func frame(_ index: Int, _ size: Int = 0, isEnd: Bool = false) throws -> ByteBuffer {
    try ConduitChunk(
      index: index, data: ByteBuffer(repeating: 1, count: size), isEnd: isEnd
    ).frame()
  }

  private func failure(_ step: StreamReceiver.Step) -> GodwitError.Code? {
    if case .failed(let error) = step { error.code } else { nil }
  }

  @Test func aWholeStream() throws {
    var receiver = self.receiver()
    guard case .data(let data) = receiver.take(try self.frame(0, 10)), data.readableBytes == 10
    else { return #expect(Bool(false)) }
    guard case .nothing = receiver.take(try self.frame(1)) else { return #expect(Bool(false)) }
    guard case .end(let last) = receiver.take(try self.frame(2, 5, isEnd: true)),
      last.readableBytes == 5
    else { return #expect(Bool(false)) }
    #expect(receiver.isOver)
    #expect(receiver.received == 15)
    guard case .nothing = receiver.take(try self.frame(3, 5)) else { return #expect(Bool(false)) }
  }

  @Test func aGapEndsIt() throws {
    var receiver = self.receiver()
    _ = receiver.take(try self.frame(0, 1))
    #expect(self.failure(receiver.take(try self.frame(2, 1))) == .streamGap)
    #expect(receiver.isOver)
  }

  @Test func aRepeatedChunkIsPassedOver() throws {
    var receiver = self.receiver()
    _ = receiver.take(try self.frame(0, 1))
    guard case .nothing = receiver.take(try self.frame(0, 1)) else { return #expect(Bool(false)) }
    guard case .data = receiver.take(try self.frame(1, 1)) else { return #expect(Bool(false)) }
    #expect(receiver.received == 2)
  }

  @Test func theSendersFailureIsItsWords() throws {
    var receiver = self.receiver()
    let step = receiver.take(try ConduitChunk(index: 7, error: "disk full").frame())
    guard case .failed(let error) = step else { return #expect(Bool(false)) }
    #expect(error.code == .remoteFailure)
    #expect(error.message == "disk full")
  }

  @Test func garbageAndTooLargeChunksEndIt() throws {
    var receiver = self.receiver()
    #expect(self.failure(receiver.take(ByteBuffer(string: "x"))) == .decodingFailed)
    receiver = self.receiver()
    #expect(self.failure(receiver.take(try self.frame(0, 70 << 10))) == .tooLarge)
  }

  @Test func beyondTheCreditIsRefused() throws {
    var receiver = self.receiver()
    #expect(receiver.granted == StreamReceiver.initialCredit)
    _ = receiver.take(try self.frame(0, StreamReceiver.initialCredit))
    #expect(self.failure(receiver.take(try self.frame(1, 1))) == .tooLarge)
    var original = self.receiver(hasCredit: false)
    _ = original.take(try self.frame(0, StreamReceiver.initialCredit))
    guard case .data = original.take(try self.frame(1, 1)) else { return #expect(Bool(false)) }
    #expect(original.consumed(1 << 30) == nil)
  }

  @Test func creditIsGivenInHalfWindows() throws {
    var receiver = self.receiver()
    #expect(receiver.consumed(0) == 1 << 20)
    #expect(receiver.consumed(0) == nil)
    #expect(receiver.consumed((1 << 19) - 1) == nil)
    #expect(receiver.consumed(1 << 19) == (1 << 20) + (1 << 19))
    receiver.abandon()
    #expect(receiver.consumed(1 << 20) == nil)
    #expect(receiver.consumed(.max) == nil)
  }

  @Test func noFrameBreaksIt() throws {
    let frames = try [self.frame(0, 20), self.frame(1, 3, isEnd: true)]
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      var receiver = self.receiver()
      for var frame in frames {
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
          let place = Int.random(in: 0..<frame.readableBytes, using: &generator)
          frame.setInteger(UInt8.random(in: 0...255, using: &generator), at: place)
        }
        _ = receiver.take(frame)
      }
      #expect(receiver.received <= frames.reduce(0) { $0 + $1.readableBytes })
    }
  }
}
