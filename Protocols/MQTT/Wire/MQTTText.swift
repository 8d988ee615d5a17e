/// Checks of UTF-8 strings (MQTT 5.0, 1.5.4).
public enum MQTTText {
  /// Whether the bytes are well-formed UTF-8 without U+0000 and without surrogates.
  public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    let count = bytes.count
    while index < count {
      if index &+ 8 <= count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        // No byte has its high bit, and none is zero.
        let zeros = (word &- 0x0101_0101_0101_0101) & ~word
        if (word | zeros) & 0x8080_8080_8080_8080 == 0 {
          index &+= 8
          continue
        }
      }
      let length = scalarLength(bytes, at: index)
      if length == 0 { return false }
      index &+= length
    }
    return true
  }

  /// Whether a payload is well-formed UTF-8; unlike in strings, U+0000 may occur.
  public static func isValidPayload(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index < bytes.count {
      if bytes[index] == 0 {
        index &+= 1
        continue
      }
      let length = scalarLength(bytes, at: index)
      if length == 0 { return false }
      index &+= length
    }
    return true
  }

  /// Length of the scalar that starts at `index`, or 0 when it is ill-formed or U+0000.
  static func scalarLength(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
    let first = bytes[index]
    switch first {
    case 0x01...0x7F: return 1
    case 0xC2...0xDF:
      return continues(bytes, index &+ 1, 0x80, 0xBF) ? 2 : 0
    case 0xE0...0xEF:
      // Overlong forms start below 0xE0 0xA0; surrogates are 0xED 0xA0 and up.
      let low: UInt8 = first == 0xE0 ? 0xA0 : 0x80
      let high: UInt8 = first == 0xED ? 0x9F : 0xBF
      return continues(bytes, index &+ 1, low, high) && continues(bytes, index &+ 2, 0x80, 0xBF)
        ? 3 : 0
    case 0xF0...0xF4:
      let low: UInt8 = first == 0xF0 ? 0x90 : 0x80
      let high: UInt8 = first == 0xF4 ? 0x8F : 0xBF
      return continues(bytes, index &+ 1, low, high)
        && continues(bytes, index &+ 2, 0x80, 0xBF)
        && continues(bytes, index &+ 3, 0x80, 0xBF) ? 4 : 0
    default: return 0
    }
  }

  private static func continues(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, _ low: UInt8, _ high: UInt8
  ) -> Bool {
    index < bytes.count && bytes[index] >= low && bytes[index] <= high
  }
}
