import Godwit
import NIOCore
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct CodecTests {
  struct Order: Codable, Equatable {
    var id: Int
    var note: String?
    var at: Date
  }

  let codecs = CodecRegistry.defaults

  @Test func jsonGoldenBytesAndBack() throws {
    let order = Order(id: 7, note: "a/b", at: Date(timeIntervalSince1970: 0))
    let body = try self.codecs.encode(order, as: "application/json")
    #expect(String(buffer: body) == #"{"at":"1970-01-01T00:00:00Z","id":7,"note":"a/b"}"#)
    #expect(
      try self.codecs.decode(Order.self, from: body, contentType: "Application/JSON ;q=1") == order)
  }

  private enum Color: String, Codable { case red }

  /// Decoders quote what they have read in what they throw; errors go to logs and dead letters.
  @Test func errorsSayWhereAndNotWhat() {
    let body = ByteBuffer(string: #"{"pin":"hunter2"}"#)
    let error = #expect(throws: GodwitError.self) {
      try self.codecs.decode([String: Color].self, from: body, contentType: "application/json")
    }
    #expect(error?.description.contains("hunter2") == false)
    #expect(error?.description.contains("damaged at 'pin'") == true)
  }

  @Test func textAndBytesStayAsTheyAre() throws {
    #expect(try self.codecs.encode("grün", as: "text/plain") == ByteBuffer(string: "grün"))
    #expect(
      try self.codecs.decode(
        String.self, from: ByteBuffer(string: "grün"), contentType: "text/plain; charset=utf-8")
        == "grün")
    let bytes: [UInt8] = [0, 255, 1]
    let type = "application/octet-stream"
    #expect(try self.codecs.encode(bytes, as: type) == ByteBuffer(bytes: bytes))
    #expect(
      try self.codecs.decode([UInt8].self, from: ByteBuffer(bytes: bytes), contentType: type)
        == bytes)
    #expect(
      try self.codecs.decode(ByteBuffer.self, from: ByteBuffer(bytes: bytes), contentType: type)
        == ByteBuffer(bytes: bytes))
  }

  @Test func whatCannotBeReadIsRefused() {
    func code(_ body: () throws -> some Any) -> GodwitError.Code? {
      do {
        _ = try body()
        return nil
      } catch {
        return (error as? GodwitError)?.code
      }
    }
    let invalid = ByteBuffer(bytes: [0xC3, 0x28])
    #expect(
      code { try self.codecs.decode(String.self, from: invalid, contentType: "text/plain") }
        == .decodingFailed)
    #expect(
      code { try self.codecs.decode(Order.self, from: invalid, contentType: "application/json") }
        == .decodingFailed)
    #expect(
      code { try self.codecs.decode(Order.self, from: invalid, contentType: "application/xml") }
        == .unsupported)
    #expect(
      code { try self.codecs.encode(Order.self as Any.Type is Int.Type, as: "text/plain") }
        == .encodingFailed)
  }

  @Test func largeBodiesThrowAndAreNotCut() {
    var codecs = CodecRegistry.defaults
    codecs.bodyBytesMax = 4
    #expect {
      try codecs.decode(
        String.self, from: ByteBuffer(string: "12345"), contentType: "text/plain")
    } throws: { ($0 as? GodwitError)?.code == .tooLarge }
  }
}
