import NIOCore

/// Media types as codecs are chosen by (RFC 9110, 8.3.1): type and subtype, without parameters.
enum MediaType {
  static let json = "application/json"
  static let text = "text/plain; charset=utf-8"
  static let bytes = "application/octet-stream"

  /// What payloads of a type are written as unless the topic says otherwise.
  static func usual(for type: (some Sendable).Type) -> String {
    if type is String.Type { return self.text }
    if type is ByteBuffer.Type || type is [UInt8].Type { return self.bytes }
    return self.json
  }

  /// `text/plain` of `Text/Plain; charset=utf-8`.
  static func essence(of contentType: String) -> String {
    let essence = contentType.prefix { $0 != ";" }
    return String(essence.filter { !$0.isWhitespace }).lowercased()
  }
}
