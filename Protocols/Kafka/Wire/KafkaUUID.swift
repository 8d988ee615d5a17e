/// Sixteen bytes that name a topic, a directory or a member; all zeros stands for none.
public struct KafkaUUID: Hashable, Sendable, CustomStringConvertible {
  /// The first eight bytes, big-endian.
  public var high: UInt64
  /// The last eight bytes, big-endian.
  public var low: UInt64

  /// The identifier that stands for none.
  public init() {
    self.high = 0
    self.low = 0
  }

  /// An identifier of two halves.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Whether the identifier stands for none.
  public var isZero: Bool { high == 0 && low == 0 }

  /// A random identifier of version 4 (RFC 9562, 5.4).
  public static func random() -> Self {
    var generator = SystemRandomNumberGenerator()
    return random(using: &generator)
  }

  /// A random identifier of version 4 from a generator.
  public static func random(using generator: inout some RandomNumberGenerator) -> Self {
    Self(
      high: generator.next() & ~0xF000 | 0x4000,
      low: generator.next() & ~(3 << 62) | 1 << 63)
  }

  /// Base64 with the URL alphabet and without padding, as Kafka's tools print it: 22 characters.
  public var description: String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    var text = ""
    for index in 0..<22 {
      // Six bits from bit 128 - 6(index + 1); the last character has two of them.
      let from = 122 - 6 * index
      let bits: UInt64
      if from >= 64 {
        bits = high >> UInt64(from - 64)
      } else if from >= 0 {
        bits = low >> UInt64(from) | (from > 58 ? high << UInt64(64 - from) : 0)
      } else {
        bits = low << UInt64(-from)
      }
      text.append(alphabet[Int(bits & 0x3F)])
    }
    return text
  }
}
