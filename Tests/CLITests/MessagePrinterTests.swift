import MQTTWire
import NIOCore
import Testing

@testable import GodwitCLI

@Suite struct MessagePrinterTests {
  private static func message(
    _ topic: String = "a.b", _ payload: [UInt8] = Array("hi".utf8)
  ) -> IncomingMessage {
    var message = IncomingMessage()
    message.topic = topic
    message.payload = ByteBuffer(bytes: payload)
    return message
  }

  private static func printed(_ message: IncomingMessage, _ printer: MessagePrinter) -> String {
    var out: [UInt8] = []
    printer.print(message, at: WallClock(seconds: 0, milliseconds: 7), into: &out)
    return String(decoding: out, as: UTF8.self)
  }

  private static let plain = MessagePrinter(form: .pretty, showsTopic: false)

  @Test func rawIsThePayloadAndALineEnd() {
    let message = Self.message("a", [0xFF, 0x00])
    var out: [UInt8] = []
    MessagePrinter(form: .raw).print(message, at: .now, into: &out)
    #expect(out == [0xFF, 0x00, 0x0A])
  }

  @Test func prettyHasTimeTopicAndPayload() {
    let text = Self.printed(Self.message(), MessagePrinter(form: .pretty))
    #expect(text.hasSuffix(".007  a.b  hi\n"))
    #expect(text.count == "00:00:00.007  a.b  hi\n".count)
  }

  @Test func metadataStandsBelow() {
    var message = Self.message()
    message.reply = "r"
    message.contentType = "text/plain"
    message.expirySeconds = 9
    message.qos = .atLeastOnce
    message.retain = true
    message.correlation = ByteBuffer(bytes: [0xFF, 0x01])
    message.headers = [MessageHeader("k", "v"), MessageHeader("k", "w")]
    #expect(
      Self.printed(message, Self.plain) == """
        hi
          reply to r · correlation ff01 · type text/plain · expires in 9 s · QoS 1 · retained
          k: v
          k: w

        """)
    var silent = Self.plain
    silent.showsHeaders = false
    #expect(Self.printed(message, silent) == "hi\n")
  }

  @Test func linesOfTextStandBelowTheTopic() {
    let text = Self.printed(
      Self.message("t", Array("one\r\ntwo\n".utf8)), MessagePrinter(form: .pretty))
    #expect(text.hasSuffix("  t\n  one\n  two\n"))
  }

  @Test func bytesThatAreNoTextAreDumped() {
    let bytes = Array(0x00...0x11 as ClosedRange<UInt8>)
    #expect(
      Self.printed(Self.message("t", bytes), Self.plain) == """
        0000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ................
        0010  10 11                                            ..

        """)
    let long = [UInt8](repeating: 0xFE, count: 300)
    #expect(Self.printed(Self.message("t", long), Self.plain).hasSuffix("… and 44 bytes more\n"))
  }

  @Test func nothingCommandsTheTerminal() {
    let evil = Array("\u{1B}[2J it says and goes on for a while".utf8)
    #expect(
      Self.printed(Self.message("t", evil), Self.plain)
        == "\\x1b[2J it says and goes on for a while\n")
    var message = Self.message("a\u{1B}]0;x\u{7}")
    message.headers = [MessageHeader("k\u{9B}", "v\r")]
    let text = Self.printed(message, MessagePrinter(form: .pretty))
    #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x9B || $0 == "\n" })
  }

  @Test func colours() {
    var printer = MessagePrinter(form: .pretty)
    printer.style = TextStyle(hasColours: true)
    #expect(Self.printed(Self.message(), printer).contains("\u{1B}[1;36ma.b\u{1B}[0m  hi\n"))
  }

  @Test func jsonSaysEverything() {
    var message = Self.message("a.b", Array("q\"\n".utf8))
    message.subscription = 3
    message.reply = "r"
    message.contentType = "c"
    message.expirySeconds = 9
    message.qos = .exactlyOnce
    message.retain = true
    message.correlation = ByteBuffer(bytes: [0xFF, 0x01])
    message.headers = [MessageHeader("k", "v")]
    #expect(
      Self.printed(message, MessagePrinter(form: .json))
        == #"{"time":"1970-01-01T00:00:00.007Z","topic":"a.b","payload":"q\"\n","reply":"r","#
        + #""correlation_base64":"/wE=","content_type":"c","expiry_seconds":9,"qos":2,"#
        + #""retain":true,"headers":[{"name":"k","value":"v"}]}"# + "\n")
    let binary = Self.printed(Self.message("a", [0xFF]), MessagePrinter(form: .json))
    #expect(binary.contains(#""payload_base64":"/w==""#))
    #expect(!binary.contains(#""payload":"#))
  }
}
