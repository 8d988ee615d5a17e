import GodwitWire

/// The headers that carry a message's facts where a protocol has no place for them, the same on
/// every driver and on Godwit's own broker, so that a message crosses from one to another. For
/// drivers.
public enum CarriedHeader {
  /// `Message.key`, as `text` writes it.
  public static let key = "Godwit-Key"
  /// `Message.time`, in nanoseconds since 1970, as a decimal number.
  public static let time = "Godwit-Time"

  private static let base64Prefix = "base64:"

  /// A value in a header of any protocol: as it stands where it is visible ASCII, else its bytes
  /// behind `base64:`. Bytes that are no text were read as they stood, and go back as they stood.
  public static func text(of value: String) -> String {
    if value.hasPrefix(self.base64Prefix) {
      if let bytes = self.bytes(of: value), String(validating: bytes, as: UTF8.self) == nil {
        return value
      }
    } else if !value.isEmpty, value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
      return value
    }
    return self.base64Prefix + Base64.encode(Array(value.utf8))
  }

  /// The value of what stands in a header; bytes that are no text stay as they stand there.
  public static func value(of text: String) -> String {
    guard text.hasPrefix(self.base64Prefix), let bytes = self.bytes(of: text),
      let value = String(validating: bytes, as: UTF8.self)
    else { return text }
    return value
  }

  private static func bytes(of text: String) -> [UInt8]? {
    Base64.decode(Array(text.utf8.dropFirst(self.base64Prefix.utf8.count)))
  }
}
