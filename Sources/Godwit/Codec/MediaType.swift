import NIOCore

/// Media types as codecs are chosen by (RFC 9110, 8.3.1): type and subtype, without parameters.
package enum MediaType {
  static let json = "application/json"
  static let text = "text/plain; charset=utf-8"
  static let bytes = "application/octet-stream"

  /// What payloads of a type are written as unless the topic says otherwise.
  package static func usual(for type: (some Sendable).Type) -> String {
    if type == String.self { return self.text }
    if type == ByteBuffer.self || type == [UInt8].self { return self.bytes }
    if let type = type as? any MessagePayload.Type { return type.usualContentType }
    return self.json
  }

  /// What an answer is written as: text and bytes as they are, and values as the request was, or as
  /// JSON where the request was no value.
  package static func answer(_ type: (some Sendable).Type, to request: String) -> String {
    let usual = self.usual(for: type)
    guard usual == self.json else { return usual }
    let isValue = ![self.essence(of: self.text), self.bytes].contains(self.essence(of: request))
    return isValue ? request : usual
  }

  /// Whether bodies are JSON: the subtype is `json`, or ends with `+json`.
  static func isJSON(_ contentType: String) -> Bool {
    let essence = self.essence(of: contentType)
    return essence.hasSuffix("/json") || essence.hasSuffix("+json")
  }

  /// `text/plain` of `Text/Plain; charset=utf-8`.
  static func essence(of contentType: String) -> String {
    let end = contentType.utf8.firstIndex(of: UInt8(ascii: ";")) ?? contentType.endIndex
    let essence = contentType[..<end]
    let isPlain = essence.utf8.allSatisfy {
      $0 > 0x20 && $0 < 0x7F && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
    }
    if isPlain { return String(essence) }
    return String(essence.filter { !$0.isWhitespace }).lowercased()
  }
}
