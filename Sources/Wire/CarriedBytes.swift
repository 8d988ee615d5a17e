/// Any bytes in a header that holds text: as they stand where they are visible ASCII, else behind
/// `base64:`, in the standard alphabet. So every sequence of bytes, the empty one too, has a text
/// of its own that survives blanks being cut.
public enum CarriedBytes {
  private static var prefix: StaticString { "base64:" }

  private static func hasPrefix(_ text: some Collection<UInt8>) -> Bool {
    let prefix = UnsafeBufferPointer(
      start: self.prefix.utf8Start, count: self.prefix.utf8CodeUnitCount)
    return text.starts(with: prefix)
  }

  /// The text of bytes.
  public static func text(of bytes: [UInt8]) -> [UInt8] {
    let isVisible = bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    if isVisible, !bytes.isEmpty, !self.hasPrefix(bytes) { return bytes }
    return Array("\(self.prefix)".utf8) + Array(Base64.encode(bytes).utf8)
  }

  /// The bytes of a text. What begins with `base64:` and does not go on with base64 stands for
  /// itself, as any other text does.
  public static func bytes(of text: [UInt8]) -> [UInt8] {
    guard self.hasPrefix(text),
      let bytes = Base64.decode(text.dropFirst(self.prefix.utf8CodeUnitCount))
    else { return text }
    return bytes
  }
}

/// A time in a header that holds text: nanoseconds since 1970, as a decimal number.
public enum CarriedTime {
  /// The text of a time.
  public static func text(of nanoseconds: Int64) -> [UInt8] { Array(String(nanoseconds).utf8) }

  /// The time that a text says; `nil` where it is anything but a number as `text` writes it.
  public static func nanoseconds(of text: some Collection<UInt8>) -> Int64? {
    // The longest has 20 bytes.
    guard text.count <= 20, let number = Int64(String(decoding: text, as: UTF8.self)),
      self.text(of: number).elementsEqual(text)
    else { return nil }
    return number
  }
}
