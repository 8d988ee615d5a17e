import GodwitWire
import MQTTWire
import NIOCore

/// Puts messages into words: for people, for machines, or as they are.
struct MessagePrinter: Sendable {
  /// How messages are shown.
  enum Form: Hashable, Sendable {
    /// Time, topic and payload, metadata below.
    case pretty
    /// The payload alone and a line end.
    case raw
    /// One JSON object a line.
    case json
  }

  /// How messages are shown.
  var form: Form
  /// Whether people see headers and the like.
  var showsHeaders = true
  /// Whether people see time and topic.
  var showsTopic = true
  /// The colours.
  var style = TextStyle(hasColours: false)

  /// Bytes of a payload that are not text and that people see.
  private static let hexBytesMax = 256

  /// Appends a message.
  func print(_ message: IncomingMessage, at time: WallClock, into out: inout [UInt8]) {
    switch self.form {
    case .raw:
      out.append(contentsOf: message.payload.readableBytesView)
      out.append(UInt8(ascii: "\n"))
    case .json: self.printJSON(message, at: time, into: &out)
    case .pretty: self.printPretty(message, at: time, into: &out)
    }
  }

  // MARK: For machines

  private func printJSON(_ message: IncomingMessage, at time: WallClock, into out: inout [UInt8]) {
    var writer = JSONWriter()
    writer.object {
      $0.member("time", time.timestamp)
      $0.member("topic", message.topic)
      if let status = message.status { $0.member("status", status) }
      if let text = Self.text(message.payload) {
        $0.member("payload", text)
      } else {
        $0.member("payload_base64", Base64.encode(message.payload.readableBytesView))
      }
      if let reply = message.reply { $0.member("reply", reply) }
      if let correlation = message.correlation {
        $0.member("correlation_base64", Base64.encode(correlation.readableBytesView))
      }
      if let contentType = message.contentType { $0.member("content_type", contentType) }
      if let seconds = message.expirySeconds { $0.member("expiry_seconds", seconds) }
      if message.qos != .atMostOnce { $0.member("qos", message.qos.rawValue) }
      if message.retain { $0.member("retain", true) }
      guard !message.headers.isEmpty else { return }
      $0.array("headers") { list in
        for header in message.headers {
          list.object {
            $0.member("name", header.name)
            $0.member("value", header.value)
          }
        }
      }
    }
    out.append(contentsOf: writer.bytes)
    out.append(UInt8(ascii: "\n"))
  }

  // MARK: For people

  private func printPretty(
    _ message: IncomingMessage, at time: WallClock, into out: inout [UInt8]
  ) {
    var lines: [String] = []
    var first = ""
    if self.showsTopic {
      first = "\(self.style(.quiet, time.timeOfDay))  "
      first += self.style(.topic, Self.harmless(message.topic))
    }
    let payload = Self.payloadLines(message.payload)
    if payload.count == 1 {
      first += (first.isEmpty ? "" : "  ") + payload[0]
      lines.append(first)
    } else {
      if !first.isEmpty { lines.append(first) }
      lines += self.showsTopic ? payload.map { "  \($0)" } : payload
    }
    if self.showsHeaders {
      lines += self.metadata(message).map { "  \(self.style(.quiet, $0))" }
    }
    for line in lines {
      out.append(contentsOf: line.utf8)
      out.append(UInt8(ascii: "\n"))
    }
  }

  private func metadata(_ message: IncomingMessage) -> [String] {
    var parts: [String] = []
    if let status = message.status { parts.append("status \(status)") }
    if let reply = message.reply { parts.append("reply to \(reply)") }
    if let correlation = message.correlation {
      parts.append("correlation \(Self.text(correlation) ?? Self.hex(correlation))")
    }
    if let contentType = message.contentType { parts.append("type \(contentType)") }
    if let seconds = message.expirySeconds { parts.append("expires in \(seconds) s") }
    if message.qos != .atMostOnce { parts.append("QoS \(message.qos.rawValue)") }
    if message.retain { parts.append("retained") }
    var lines = parts.isEmpty ? [] : [parts.joined(separator: " · ")]
    lines += message.headers.map { "\($0.name): \($0.value)" }
    return lines.map(Self.harmless)
  }

  /// The payload as text, when it is text.
  private static func text(_ payload: ByteBuffer) -> String? {
    let isText = payload.withUnsafeReadableBytes { MQTTText.isValidPayload($0) }
    return isText ? String(buffer: payload) : nil
  }

  private static func payloadLines(_ payload: ByteBuffer) -> [String] {
    guard payload.readableBytes > 0 else { return ["(empty)"] }
    guard let text = Self.text(payload), Self.isReadable(text) else { return Self.dump(payload) }
    // A carriage return and a line feed are one character of Swift's.
    var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    if lines.count > 1, lines.last == "" { lines.removeLast() }
    return lines.map { Self.harmless(String($0)) }
  }

  /// Whether text has mostly characters that can be seen.
  private static func isReadable(_ text: String) -> Bool {
    let layout: Set<Unicode.Scalar> = ["\n", "\r", "\t"]
    let controls = text.unicodeScalars.count { Self.isControl($0) && !layout.contains($0) }
    return controls * 10 <= text.unicodeScalars.count
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
  }

  /// Text without anything that would command the terminal.
  static func harmless(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { Self.isControl($0) && $0 != "\t" }) else {
      return text
    }
    var result = ""
    for scalar in text.unicodeScalars {
      if Self.isControl(scalar), scalar != "\t" {
        result += "\\x" + Self.hex(UInt8(scalar.value))
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func hex(_ byte: UInt8) -> String {
    let digits = Array("0123456789abcdef")
    return "\(digits[Int(byte >> 4)])\(digits[Int(byte & 0xF)])"
  }

  private static func hex(_ bytes: ByteBuffer) -> String {
    bytes.readableBytesView.map(Self.hex).joined()
  }

  /// Sixteen bytes a line: offset, hexadecimal, characters.
  private static func dump(_ payload: ByteBuffer) -> [String] {
    let bytes = Array(payload.readableBytesView.prefix(Self.hexBytesMax))
    var lines = stride(from: 0, to: bytes.count, by: 16).map { start in
      let row = bytes[start..<min(start + 16, bytes.count)]
      let pairs = row.map(Self.hex).joined(separator: " ")
      let characters = row.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }
      let offset = Self.hex(UInt8(truncatingIfNeeded: start >> 8)) + Self.hex(UInt8(start & 0xFF))
      return "\(offset)  \(Figures.column(pairs, 47))  \(characters.joined())"
    }
    let hidden = payload.readableBytes - bytes.count
    if hidden > 0 { lines.append("… and \(Figures.counted(hidden, "byte")) more") }
    // One line would be taken for text.
    if lines.count == 1 { lines.append("(\(Figures.counted(bytes.count, "byte")), not text)") }
    return lines
  }
}
