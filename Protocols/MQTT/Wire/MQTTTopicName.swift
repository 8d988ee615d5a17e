/// Rules for topic names (MQTT 5.0, 4.7).
public enum MQTTTopicName {
  /// Whether `bytes` may be the topic of a PUBLISH: not empty, valid text, no `+` and no `#`.
  public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count > 0 else { return false }
    var index = 0
    let count = bytes.count
    while index < count {
      if index &+ 8 <= count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        if isPlain(word) {
          index &+= 8
          continue
        }
      }
      let byte = bytes[index]
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "#") { return false }
      let length = MQTTText.scalarLength(bytes, at: index)
      if length == 0 { return false }
      index &+= length
    }
    return true
  }

  /// Eight ASCII bytes without zero, `+` and `#`; may say no where the answer is yes.
  @inline(__always)
  private static func isPlain(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let plus = word ^ (ones &* UInt64(UInt8(ascii: "+")))
    let hash = word ^ (ones &* UInt64(UInt8(ascii: "#")))
    let zeros = ((word &- ones) & ~word) | ((plus &- ones) & ~plus) | ((hash &- ones) & ~hash)
    return (word | zeros) & (ones &* 0x80) == 0
  }
}
