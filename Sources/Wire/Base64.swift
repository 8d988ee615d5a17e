/// Base64 (RFC 4648) without Foundation.
public enum Base64 {
  /// Decodes the standard or the URL alphabet, with or without padding; `nil` when the text is
  /// neither, mixes both, or has bits left over.
  public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3 + 2)
    var bits: UInt32 = 0
    var bitCount = 0
    var padding = 0
    var digits = 0
    var usesURL = false
    var usesStandard = false
    for character in text {
      if character == UInt8(ascii: "=") {
        padding += 1
        continue
      }
      guard padding == 0 else { return nil }
      let digit: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = character - UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = character - UInt8(ascii: "a") + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0") + 52
      case UInt8(ascii: "-"), UInt8(ascii: "_"):
        digit = character == UInt8(ascii: "-") ? 62 : 63
        usesURL = true
      case UInt8(ascii: "+"), UInt8(ascii: "/"):
        digit = character == UInt8(ascii: "+") ? 62 : 63
        usesStandard = true
      default: return nil
      }
      digits += 1
      bits = (bits << 6 | UInt32(digit)) & 0xFFFF
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(bits >> UInt32(bitCount) & 0xFF))
      }
    }
    let leftOver = bits & ((1 << UInt32(bitCount)) - 1)
    guard digits % 4 != 1, leftOver == 0, !(usesURL && usesStandard),
      padding == 0 || (digits + padding) % 4 == 0 && padding <= 2
    else { return nil }
    return bytes
  }

  /// Encodes with the URL alphabet and without padding.
  public static func encodeURL(_ bytes: some Collection<UInt8>) -> String {
    self.encode(bytes, UInt8(ascii: "-"), UInt8(ascii: "_"), isPadded: false)
  }

  /// Encodes with the standard alphabet and padding.
  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    self.encode(bytes, UInt8(ascii: "+"), UInt8(ascii: "/"), isPadded: true)
  }

  private static func encode(
    _ bytes: some Collection<UInt8>, _ digit62: UInt8, _ digit63: UInt8, isPadded: Bool
  ) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count / 3 * 4 + 4)
    func append(_ digit: UInt32) {
      switch UInt8(digit & 0x3F) {
      case let digit where digit < 26: text.append(UInt8(ascii: "A") + digit)
      case let digit where digit < 52: text.append(UInt8(ascii: "a") + digit - 26)
      case let digit where digit < 62: text.append(UInt8(ascii: "0") + digit - 52)
      case 62: text.append(digit62)
      default: text.append(digit63)
      }
    }
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in bytes {
      bits = (bits << 8 | UInt32(byte)) & 0xFFFF
      bitCount += 8
      while bitCount >= 6 {
        bitCount -= 6
        append(bits >> UInt32(bitCount))
      }
    }
    if bitCount > 0 { append(bits << UInt32(6 - bitCount)) }
    while isPadded, text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
    return String(decoding: text, as: UTF8.self)
  }
}
