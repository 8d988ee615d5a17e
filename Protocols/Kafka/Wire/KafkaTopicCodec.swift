/// Topics between Kafka's form and the canonical one, which is a NATS subject.
///
/// Levels are joined by dots in both. In Kafka's form a level is made of letters, digits, `_` and
/// `-`:
/// - an empty level of a Kafka name is `/` in the canonical form;
/// - a byte that Kafka does not allow is `-xHH-`, with two capital hexadecimal digits;
/// - a hyphen with which such an escape would begin by chance is `-x2D-`.
///
/// So a name without such escapes is the same in both, and both directions are injective. Canonical
/// topics that Kafka cannot say: those that come out longer than 249 bytes, or as `.` or `..`, and
/// those with an empty level or a control character.
public enum KafkaTopicCodec {
  /// The longest name.
  public static var sizeMax: Int { 249 }

  private static let hyphen = UInt8(ascii: "-")
  private static let dot = UInt8(ascii: ".")
  private static let slash = UInt8(ascii: "/")

  /// Whether Kafka allows a topic to be called so.
  public static func isValid(_ name: [UInt8]) -> Bool {
    guard (1...sizeMax).contains(name.count), name != [dot], name != [dot, dot] else {
      return false
    }
    return name.allSatisfy { $0 == dot || isPlain($0) }
  }

  /// The canonical topic of a name; `nil` when it is no name, or one that stands for a topic that
  /// is called otherwise.
  public static func canonical(_ name: [UInt8]) -> [UInt8]? {
    guard isValid(name) else { return nil }
    var topic: [UInt8] = []
    topic.reserveCapacity(name.count + 2)
    for (index, level) in levels(name).enumerated() {
      if index > 0 { topic.append(dot) }
      guard !level.isEmpty else {
        topic.append(slash)
        continue
      }
      let start = topic.count
      decode(level, into: &topic)
      let decoded = topic[start...]
      // An empty level has a form of its own, and these two are wildcards.
      guard !decoded.elementsEqual([slash]), !decoded.elementsEqual([UInt8(ascii: "*")]),
        !decoded.elementsEqual([UInt8(ascii: ">")])
      else { return nil }
    }
    return topic
  }

  /// The name of a canonical topic; `nil` where Kafka cannot say it.
  public static func name(_ topic: [UInt8]) -> [UInt8]? {
    var name: [UInt8] = []
    name.reserveCapacity(topic.count)
    for (index, level) in levels(topic).enumerated() {
      if index > 0 { name.append(dot) }
      if level.elementsEqual([slash]) { continue }
      guard !level.isEmpty, encode(level, into: &name) else { return nil }
      guard name.count <= sizeMax else { return nil }
    }
    return canonical(name) == topic ? name : nil
  }

  private static func levels(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    bytes.split(separator: dot, omittingEmptySubsequences: false)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), hyphen:
      true
    default: false
    }
  }

  /// Whether a byte is one that an escape stands for.
  private static func isEscaped(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte != 0x7F && byte != dot && !isPlain(byte)
  }

  private static func decode(_ level: ArraySlice<UInt8>, into topic: inout [UInt8]) {
    var rest = level
    while let byte = rest.first {
      if byte == hyphen, let escaped = escape(rest) {
        topic.append(escaped)
        rest = rest.dropFirst(5)
      } else {
        topic.append(byte)
        rest = rest.dropFirst()
      }
    }
  }

  /// From the end, as a hyphen must know what will stand behind it.
  private static func encode(_ level: ArraySlice<UInt8>, into name: inout [UInt8]) -> Bool {
    let digits = Array("0123456789ABCDEF".utf8)
    var done: [UInt8] = []
    for byte in level.reversed() {
      if isEscaped(byte) || (byte == hyphen && escape([hyphen] + done) != nil) {
        done =
          [hyphen, UInt8(ascii: "x"), digits[Int(byte >> 4)], digits[Int(byte & 15)], hyphen]
          + done
      } else if isPlain(byte) {
        done = [byte] + done
      } else {
        return false
      }
      guard done.count <= sizeMax else { return false }
    }
    name += done
    return true
  }

  /// What the escape at the front of some bytes stands for; `nil` when none stands there.
  private static func escape(_ bytes: ArraySlice<UInt8>) -> UInt8? {
    var rest = bytes
    // An escaped hyphen is one only before what would otherwise be an escape, and so on.
    while rest.count >= 5 {
      let five = Array(rest.prefix(5))
      guard five[0] == hyphen, five[1] == UInt8(ascii: "x"), five[4] == hyphen,
        let high = digit(five[2]), let low = digit(five[3])
      else { return nil }
      let byte = high << 4 | low
      if isEscaped(byte) { return rest.startIndex == bytes.startIndex ? byte : hyphen }
      guard byte == hyphen else { return nil }
      rest = rest.dropFirst(4)
      // The hyphen that ends this one stands for the hyphen that the next would begin with.
      guard rest.count >= 2 else { return nil }
    }
    return nil
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
