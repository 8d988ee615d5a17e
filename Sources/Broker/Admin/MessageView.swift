import GodwitEngine
import GodwitWire

/// A message as the admin API shows it.
enum MessageView {
  /// How much of a payload, and of each property, is shown.
  static let previewBytesMax = 1_024
  private static let headersMax = 64

  /// A message on its way.
  static func json(
    _ publication: inout Publication, engine: Engine, number: UInt64,
    previewBytesMax: Int = Self.previewBytesMax
  ) -> JSONValue {
    let metadata = publication.metadata(engine)
    var members: [JSONValue.Member] = [
      .init("number", .count(number)),
      .init("at", .time(engine.now)),
      .init("topic", .text(publication.topic)),
      .init("origin", .string(engine.name(of: publication.origin))),
      .init("quality", .count(publication.quality.rawValue)),
      .init("retained", .bool(publication.isRetained)),
      .init("bytes", .count(publication.payload.count)),
    ]
    if publication.expiresAt > 0 {
      members.append(.init("expires_at", .time(publication.expiresAt)))
    }
    members += Self.payload(publication.payload, previewBytesMax)
    members += Self.properties(metadata)
    return .object(members)
  }

  /// A payload's beginning, as text where it is text, else as hexadecimal digits.
  static func payload(
    _ bytes: UnsafeRawBufferPointer, _ bytesMax: Int = Self.previewBytesMax
  ) -> [JSONValue.Member] {
    let shown = UnsafeRawBufferPointer(rebasing: bytes.prefix(bytesMax))
    let isCut = shown.count < bytes.count
    let (text, isText) = Self.preview(Array(shown), isCut: isCut)
    return [
      .init("payload", .string(text)),
      .init("encoding", .string(isText ? "text" : "hex")),
      .init("truncated", .bool(isCut)),
    ]
  }

  private static func properties(_ metadata: Metadata) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    if !metadata.headers.isEmpty {
      let headers = metadata.headers.prefix(Self.headersMax).map { header in
        JSONValue.array([Self.short(header.name), Self.short(header.value)])
      }
      members.append(.init("headers", .array(headers)))
    }
    if let key = metadata.key { members.append(.init("key", Self.short(key))) }
    if let reply = metadata.replyTopic { members.append(.init("reply", Self.short(reply))) }
    if let correlation = metadata.correlation {
      members.append(.init("correlation", Self.short(correlation)))
    }
    if let type = metadata.contentType { members.append(.init("content_type", Self.short(type))) }
    if let id = metadata.messageID { members.append(.init("message_id", Self.short(id))) }
    return members
  }

  private static func short(_ bytes: [UInt8]) -> JSONValue {
    let shown = Array(bytes.prefix(Self.previewBytesMax))
    let (text, isText) = Self.preview(shown, isCut: shown.count < bytes.count)
    return .string((isText ? text : "0x" + text) + (shown.count < bytes.count ? "…" : ""))
  }

  /// The bytes as text when they are text, else as hexadecimal digits.
  static func preview(_ bytes: [UInt8], isCut: Bool) -> (text: String, isText: Bool) {
    let isPlain = bytes.allSatisfy { byte in
      byte >= 0x20 && byte != 0x7F || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }
    if isPlain {
      // A cut may go through a character: up to three bytes of its beginning are left out.
      for missing in 0...(isCut ? min(3, bytes.count) : 0) {
        if let text = String(validating: bytes.dropLast(missing), as: UTF8.self) {
          return (text, true)
        }
      }
    }
    let digits = Array("0123456789abcdef".utf8)
    var hex: [UInt8] = []
    hex.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      hex.append(digits[Int(byte >> 4)])
      hex.append(digits[Int(byte & 0xF)])
    }
    return (String(decoding: hex, as: UTF8.self), false)
  }
}
