import Godwit
import NIOCore
import Testing

@testable import GodwitNATS

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct NATSFrameTests {
  private func written(_ message: Message) throws -> String {
    let frame = try NATSFrame(message)
    var out = ByteBuffer(string: "before")
    frame.write(message, into: &out)
    #expect(out.readableBytes == 6 + frame.bytes, "counted as many as were written")
    return String(String(buffer: out).dropFirst(6))
  }

  private func message(_ change: (inout Message) -> Void = { _ in }) -> Message {
    var message = Message(
      topic: "a.b", body: ByteBuffer(string: "body"), id: "i",
      time: Date(timeIntervalSince1970: 1.5))
    change(&message)
    return message
  }

  @Test func aFrameIsWhatTheProtocolSays() throws {
    let text = try self.written(self.message())
    #expect(
      text
        == "HPUB a.b 53 57\r\nNATS/1.0\r\nNats-Msg-Id: i\r\nGodwit-Time: 1500000000\r\n\r\nbody\r\n"
    )
    #expect(
      try self.written(Message(bare: ByteBuffer(string: "xy"), to: "a", replyTo: "r"))
        == "PUB a r 2\r\nxy\r\n")
  }

  @Test func everythingThatAMessageSaysIsWritten() throws {
    let text = try self.written(
      self.message {
        $0.contentType = "text/plain"
        $0.replyTo = "r"
        $0.correlationID = "c"
        $0.key = "k"
        $0.timeToLive = .milliseconds(1_500)
        $0.time = Date(timeIntervalSince1970: -1)
        $0.headers = ["x": "tab\there", "x": "é"]
      })
    let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
    #expect(lines.first?.hasPrefix("HPUB a.b r ") == true)
    #expect(
      lines[2...].prefix(8) == [
        "Nats-Msg-Id: i", "Content-Type: text/plain", "Correlation-Data: c", "Nats-TTL: 1500ms",
        "Godwit-Key: k", "Godwit-Time: -1000000000", "x: tab\there", "x: é",
      ])
  }

  @Test(arguments: ["", "a b", "a\u{7F}", "a\r\nPUB b 0", "long enough for a word\u{1F}"])
  func noOtherSubjects(_ topic: String) {
    let message = self.message { $0.topic = topic }
    #expect(throws: GodwitError.self) { try NATSFrame(message) }
    let answer = self.message { $0.replyTo = topic }
    #expect(throws: GodwitError.self) { try NATSFrame(answer) }
  }

  @Test(arguments: ["\r", "\n", "\0", "12345678\n", "1234567\n8", "\u{1}\n"])
  func noValueEndsItsLine(_ value: String) {
    let message = self.message { $0.headers = ["x": value] }
    #expect(throws: GodwitError.self) { try NATSFrame(message) }
    let named = self.message { $0.id = value }
    #expect(throws: GodwitError.self) { try NATSFrame(named) }
  }

  @Test(arguments: ["", "a:b", "a b", "é"])
  func noOtherNames(_ name: String) {
    let message = self.message { $0.headers = [name: "v"] }
    #expect(throws: GodwitError.self) { try NATSFrame(message) }
  }
}
