import GodwitPrimitives
import NIOCore
import Testing

@testable import GodwitStorage

/// The bytes of files, in both versions.
@Suite struct FrameFormatTests {
  private func file(_ version: UInt32) -> ByteBuffer {
    var buffer = ByteBuffer()
    let header = FileHeader(.segment, 5, salt: 0xA1B2_C3D4, version: version)
    header.write(to: &buffer)
    header.format.write(offset: 5, count: 2, kind: FrameFormat.recordKind, to: &buffer) {
      $0.writeString("body")
    }
    return buffer
  }

  @Test(arguments: [(1, 0x3602_CC29 as UInt32), (2, 0xBE45_BF4A)] as [(UInt32, UInt32)])
  func theBytesAre(version: UInt32, checksum: UInt32) throws {
    var expected: [UInt8] = Array("godwit".utf8) + [0, 0, 0, 0, 0, UInt8(version), 0, 0, 0, 1]
    expected += [0, 0, 0, 0, 0, 0, 0, 5, 0xA1, 0xB2, 0xC3, 0xD4]
    let head = expected.withUnsafeBytes { CRC32C.checksum($0) }
    expected += withUnsafeBytes(of: head.bigEndian) { Array($0) }
    expected += [0, 0, 0, 17]
    expected += withUnsafeBytes(of: checksum.bigEndian) { Array($0) }
    expected += [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2, 1] + Array("body".utf8)
    #expect(Array(buffer: self.file(version)) == expected)
  }

  @Test(arguments: [1, 2] as [UInt32])
  func whatWasWrittenIsReadAndNothingElse(version: UInt32) throws {
    let buffer = self.file(version)
    let bytes = Array(buffer: buffer)
    try bytes.withUnsafeBytes { bytes in
      let header = try #require(FileHeader(bytes))
      #expect(header.version == version)
      let frame = try #require(header.format.frame(at: FileHeader.byteCount, in: bytes))
      #expect((frame.offset, frame.count, frame.kind) == (5, 2, FrameFormat.recordKind))
      #expect(bytes[frame.body].elementsEqual("body".utf8))
      #expect(frame.end == bytes.count)
      // Another file's salt, another file's frame.
      let other = FileHeader(.segment, 5, salt: 0xA1B2_C3D5, version: version)
      #expect(other.format.frame(at: FileHeader.byteCount, in: bytes) == nil)
    }
    for place in FileHeader.byteCount..<bytes.count {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[place] ^= 1 << bit
        damaged.withUnsafeBytes { bytes in
          let format = FileHeader(bytes)?.format
          #expect(format?.frame(at: FileHeader.byteCount, in: bytes) == nil, "\(place) \(bit)")
        }
      }
    }
  }

  @Test func aFileOfALaterVersionIsNotRead() {
    let bytes = Array(buffer: self.file(3))
    #expect(bytes.withUnsafeBytes { FileHeader($0) == nil })
  }
}
