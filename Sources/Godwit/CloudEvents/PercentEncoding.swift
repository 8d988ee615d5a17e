/// Header values as CloudEvents has them for HTTP and NATS (HTTP binding, 3.1.3.2): all but
/// printable ASCII percent-encoded, and the space, the quote and the percent sign too.
enum PercentEncoding {
  static func encode(_ text: String) -> String {
    var encoded: [UInt8] = []
    encoded.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      if (0x21...0x7E).contains(byte), byte != 0x22, byte != 0x25 {
        encoded.append(byte)
      } else {
        encoded += [0x25, self.digit(byte >> 4), self.digit(byte & 0xF)]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  /// The text of a value, which may be in quotes with backslashes; a percent sign that no two
  /// digits follow is one. `nil` when the bytes are not UTF-8.
  static func decode(_ value: String) -> String? {
    var bytes = Array(value.utf8)
    if bytes.count >= 2, bytes.first == 0x22, bytes.last == 0x22 {
      bytes = self.unquote(bytes[1..<bytes.count - 1])
    }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      if bytes[index] == 0x25, index + 2 < bytes.count, let high = self.value(bytes[index + 1]),
        let low = self.value(bytes[index + 2])
      {
        decoded.append(high << 4 | low)
        index += 3
      } else {
        decoded.append(bytes[index])
        index += 1
      }
    }
    return String(validating: decoded, as: UTF8.self)
  }

  private static func unquote(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var unquoted: [UInt8] = []
    var isEscaped = false
    for byte in bytes {
      if byte == 0x5C, !isEscaped {
        isEscaped = true
      } else {
        unquoted.append(byte)
        isEscaped = false
      }
    }
    return unquoted
  }

  private static func digit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? 0x30 + nibble : 0x41 + nibble - 10
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }
}
