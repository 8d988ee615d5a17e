import Godwit
import NIOCore
import Testing

@testable import GodwitConduit

/// The frames, byte by byte, as Conduit for Go writes and reads them.
@Suite struct ConduitFrameTests {
  private func bytes(_ parts: [Any]) -> ByteBuffer {
    var buffer = ByteBuffer()
    for part in parts {
      if let text = part as? String { buffer.writeString(text) }
      if let byte = part as? Int { buffer.writeInteger(UInt8(byte)) }
    }
    return buffer
  }

  @Test func theHandshakeOfTheOriginal() throws {
    let golden = self.bytes([
      0x83, 0xB1, "sourceServiceName", 0xAB, "userService", 0xAC, "replySubject", 0xA0, 0xA7,
      "subject", 0xAC, "user.created",
    ])
    let handshake = Handshake(source: "userService", event: "user.created", version: 0)
    #expect(try handshake.frame() == golden)
    #expect(try Handshake(golden) == handshake)
    let token = String(repeating: "x", count: 32)
    let request = Handshake(source: "a", replyEvent: token, event: "b", version: 0)
    #expect(
      try request.frame()
        == self.bytes([
          0x83, 0xB1, "sourceServiceName", 0xA1, "a", 0xAC, "replySubject", 0xD9, 0x20, token, 0xA7,
          "subject", 0xA1, "b",
        ]))
  }

  @Test func ourHandshakeBeginsWithTheOriginal() throws {
    let handshake = Handshake(
      source: "s", event: "e", contentType: "text/plain", headers: ["a": "1", "a": "2"])
    let frame = try handshake.frame()
    #expect(
      frame
        == self.bytes([
          0x86, 0xB1, "sourceServiceName", 0xA1, "s", 0xAC, "replySubject", 0xA0, 0xA7, "subject",
          0xA1, "e", 0xA1, "v", 0x01, 0xA2, "ct", 0xAA, "text/plain", 0xA3, "hdr", 0x94, 0xA1, "a",
          0xA1, "1", 0xA1, "a", 0xA1, "2",
        ]))
    #expect(try Handshake(frame) == handshake)
  }

  @Test func whatTheOriginalToleratesIsRead() throws {
    // Another order, nil for text, a key that nobody knows, one that is missing.
    let frame = self.bytes([
      0x83, 0xA7, "subject", 0xA1, "e", 0xA5, "extra", 0x92, 0x81, 0xA1, "k", 0xC0, 0x01,
      0xAC, "replySubject", 0xC0,
    ])
    #expect(try Handshake(frame) == Handshake(source: "", event: "e", version: 0))
  }

  @Test func acknowledgements() throws {
    let inbox = "_INBOX.AZO7ZAdchhfcxpsSSIQG21"
    let golden = self.bytes([0x81, 0xAB, "dataSubject", 0xBD, inbox])
    #expect(Acknowledgement(dataSubject: inbox).frame() == golden)
    let read = try Acknowledgement(golden)
    #expect(read.version == 0 && read.isBound && read.credit == nil && read.dataSubject == inbox)
    let own = Acknowledgement(dataSubject: "d", credit: 65_536, chunkBytesMax: 16)
    #expect(
      own.frame()
        == self.bytes([
          0x85, 0xAB, "dataSubject", 0xA1, "d", 0xA1, "v", 0x01, 0xA5, "bound", 0xC3, 0xA6,
          "credit", 0xCE, 0x00, 0x01, 0x00, 0x00, 0xA5, "chunk", 0x10,
        ]))
    #expect(try Acknowledgement(own.frame()) == own)
    let refusal = Acknowledgement(dataSubject: "", isBound: false, error: "no")
    #expect(try Acknowledgement(refusal.frame()) == refusal)
  }

  @Test func chunksOfTheOriginal() throws {
    #expect(
      try StreamSender.frames(of: ByteBuffer(), chunkBytesMax: 16_384)
        == [self.bytes([0x82, 0xA5, "index", 0x00, 0xA5, "isEof", 0xC3])])
    #expect(
      try ConduitChunk(index: 0, data: ByteBuffer(string: "hello")).frame()
        == self.bytes([0x82, 0xA5, "index", 0x00, 0xA4, "data", 0xC4, 0x05, "hello"]))
    #expect(
      try ConduitChunk(index: 1, isEnd: true).frame()
        == self.bytes([0x82, 0xA5, "index", 0x01, 0xA5, "isEof", 0xC3]))
    #expect(
      try StreamSender.frames(of: ByteBuffer(string: "hello"), chunkBytesMax: 16_384)
        == [
          self.bytes([
            0x83, 0xA5, "index", 0x00, 0xA4, "data", 0xC4, 0x05, "hello", 0xA5, "isEof", 0xC3,
          ])
        ])
    #expect(
      try StreamSender.frames(ofFailure: "no")
        == [self.bytes([0x82, 0xA5, "index", 0x00, 0xA5, "error", 0xA2, "no"])])
    let payload = ByteBuffer(repeating: 7, count: 40_000)
    let frames = try StreamSender.frames(of: payload, chunkBytesMax: 16_384)
    #expect(frames.map(\.readableBytes) == [16_400, 16_400, 7_255])
    #expect(
      frames[0].readableBytesView.starts(
        with: self.bytes([0x82, 0xA5, "index", 0x00, 0xA4, "data", 0xC5, 0x40, 0x00])
          .readableBytesView))
    #expect(try frames.map { try ConduitChunk($0).index } == [0, 1, 2])
  }

  @Test func dataMayBeText() throws {
    let frame = self.bytes([0x82, 0xA5, "index", 0x00, 0xA4, "data", 0xA2, "hi"])
    #expect(try ConduitChunk(frame).data == ByteBuffer(string: "hi"))
  }

  @Test(
    arguments: [
      [], [0xC0], [0x93, 0xA0, 0xA0, 0xA0], [0x81], [0x81, 0xA5], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF],
      [0x81, 0x90, 0x01], [0x82, 0x01, 0x02, 0xC1, 0x00], [0x81, 0xA1, 0xFF],
      // An index below zero, and data that is a number.
      [0x81, 0xA5, 0x69, 0x6E, 0x64, 0x65, 0x78, 0xFF],
      [0x81, 0xA4, 0x64, 0x61, 0x74, 0x61, 0x07],
      // Maps in maps, without end.
      [0x81, 0xA1, 0x7A] + [UInt8](repeating: 0x91, count: 200) + [0x00],
    ] as [[UInt8]])
  func whatIsNoChunkIsRefused(_ bytes: [UInt8]) {
    #expect(throws: GodwitError.self) { try ConduitChunk(ByteBuffer(bytes: bytes)) }
  }

  @Test func tooLargeIsRefusedUnread() {
    let large = ByteBuffer(repeating: 0x80, count: Handshake.bytesMax + 1)
    #expect(throws: GodwitError.self) { try Handshake(large) }
    #expect(throws: GodwitError.self) { try Acknowledgement(large) }
    let event = String(repeating: "e", count: Handshake.bytesMax)
    #expect(throws: GodwitError.self) { try Handshake(source: "s", event: event).frame() }
  }
}
