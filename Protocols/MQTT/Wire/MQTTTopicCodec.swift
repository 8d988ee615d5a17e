/// Topics between MQTT's form and the canonical one, which is a NATS subject.
///
/// Levels are joined by `/` in MQTT and by `.` in the canonical form. A level in the canonical
/// form:
/// - `/` alone is an empty level; within a level, `//` is a dot;
/// - what no NATS subject may hold is percent-escaped: U+0001 to U+0020 everywhere, and a level
///   that is exactly `*` or `>`;
/// - `%`, any number of `25`, and the number of such a character gets one more `25`, so that an
///   escape that stands in an MQTT topic stays what it is. Every other `%` stands for itself.
///
/// Likewise `+`, `#` and NUL of a NATS subject are percent-escaped in MQTT's form. Canonical topics
/// that MQTT cannot say: a `/` that is neither alone in its level nor doubled, `/` as the whole
/// topic, an empty level, unescaped control characters, ill-formed UTF-8. Both directions are
/// injective.
public enum MQTTTopicCodec {
  /// The room in bytes that a conversion of `count` bytes may need, in either direction.
  @inlinable
  public static func capacity(_ count: Int) -> Int { 3 &* count &+ 3 }

  /// Writes the canonical form of a valid MQTT topic name or filter.
  ///
  /// A level `+` of a filter becomes `*`, a level `#` becomes `>`; that `a/#` matches `a` too is
  /// for the caller to say to the router.
  /// - Parameters:
  ///   - topic: a name that `MQTTTopicName.isValid` or a filter that `MQTTTopicFilter` accepted.
  ///   - out: at least `capacity(topic.count)` bytes.
  /// - Returns: how many bytes were written.
  public static func encode(
    _ topic: UnsafeRawBufferPointer, into out: UnsafeMutableRawPointer
  ) -> Int {
    var write = out
    var start = 0
    var index = 0
    let count = topic.count
    while true {
      guard index < count, topic[index] != UInt8(ascii: "/") else {
        finishLevel(topic, start, index, &write)
        guard index < count else { return write - out }
        put(UInt8(ascii: "."), &write)
        index &+= 1
        start = index
        continue
      }
      let byte = topic[index]
      if byte > 0x20, byte != UInt8(ascii: "."), byte != UInt8(ascii: "%") {
        put(byte, &write)
        index &+= 1
      } else if byte == UInt8(ascii: ".") {
        put(UInt8(ascii: "/"), &write)
        put(UInt8(ascii: "/"), &write)
        index &+= 1
      } else if byte == UInt8(ascii: "%") {
        index = copyPercent(topic, index, start, separator: UInt8(ascii: "/"), &write)
      } else {
        putEscape(byte, &write)
        index &+= 1
      }
    }
  }

  /// What a level needs that only its end shows: the sign of an empty one, the escape of a level
  /// that would be a wildcard, and the wildcards of a filter.
  @inline(__always)
  private static func finishLevel(
    _ topic: UnsafeRawBufferPointer, _ start: Int, _ end: Int,
    _ write: inout UnsafeMutableRawPointer
  ) {
    if start == end {
      put(UInt8(ascii: "/"), &write)
    } else if end &- start == 1 {
      switch topic[start] {
      case UInt8(ascii: "*"), UInt8(ascii: ">"):
        write -= 1
        putEscape(topic[start], &write)
      case UInt8(ascii: "+"):
        write -= 1
        put(UInt8(ascii: "*"), &write)
      case UInt8(ascii: "#"):
        write -= 1
        put(UInt8(ascii: ">"), &write)
      default: break
      }
    }
  }

  /// Whether the canonical form of a name or filter holds an escape: for what no NATS subject may
  /// hold, or for what looks like such an escape.
  ///
  /// - Parameter topic: a name that `MQTTTopicName.isValid` or a filter that `MQTTTopicFilter`
  ///   accepted.
  public static func needsEscape(_ topic: UnsafeRawBufferPointer) -> Bool {
    let separator = UInt8(ascii: "/")
    var start = 0
    for index in 0..<topic.count {
      switch topic[index] {
      case separator: start = index &+ 1
      case 0...0x20: return true
      case UInt8(ascii: "*"), UInt8(ascii: ">"):
        if index == start, endsLevel(topic, index &+ 1, separator) { return true }
      case UInt8(ascii: "%"):
        let escape = escape(topic, index, levelStart: start, separator: separator)
        if escape?.isForNATS == true { return true }
      default: break
      }
    }
    return false
  }

  /// Writes the MQTT form of a canonical topic.
  ///
  /// - Parameters:
  ///   - canonical: the topic.
  ///   - out: at least `capacity(canonical.count)` bytes.
  /// - Returns: how many bytes were written, or `nil` when MQTT cannot say that topic.
  public static func decode(
    _ canonical: UnsafeRawBufferPointer, into out: UnsafeMutableRawPointer
  ) -> Int? {
    guard canonical.count > 0 else { return nil }
    var write = out
    var index = 0
    var start = 0
    var isASCII = true
    let count = canonical.count
    while true {
      guard index < count, canonical[index] != UInt8(ascii: ".") else {
        if start == index { return nil }
        guard index < count else { break }
        put(UInt8(ascii: "/"), &write)
        index &+= 1
        start = index
        continue
      }
      let byte = canonical[index]
      switch byte {
      case UInt8(ascii: "/"):
        if index &+ 1 < count, canonical[index &+ 1] == UInt8(ascii: "/") {
          put(UInt8(ascii: "."), &write)
          index &+= 2
        } else {
          let isWholeLevel =
            index == start && (index &+ 1 == count || canonical[index &+ 1] == UInt8(ascii: "."))
          guard isWholeLevel else { return nil }
          index &+= 1
        }
      case UInt8(ascii: "%"):
        index = copyPercent(canonical, index, start, separator: UInt8(ascii: "."), &write)
      case UInt8(ascii: "+"), UInt8(ascii: "#"), 0:
        putEscape(byte, &write)
        index &+= 1
      case 1...0x20: return nil
      case UInt8(ascii: "*"), UInt8(ascii: ">"):
        let isWholeLevel =
          index == start && (index &+ 1 == count || canonical[index &+ 1] == UInt8(ascii: "."))
        guard !isWholeLevel else { return nil }
        put(byte, &write)
        index &+= 1
      default:
        if byte >= 0x80 { isASCII = false }
        put(byte, &write)
        index &+= 1
      }
    }
    let written = write - out
    // `/` alone would be an empty name, which MQTT does not have.
    guard written > 0 else { return nil }
    guard isASCII || MQTTText.isValid(UnsafeRawBufferPointer(start: out, count: written)) else {
      return nil
    }
    return written
  }

  /// Writes what stands for the `%` at `index` and returns where to read on.
  ///
  /// The side that may hold the escaped character raw has one `25` more than the other.
  private static func copyPercent(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, _ start: Int, separator: UInt8,
    _ write: inout UnsafeMutableRawPointer
  ) -> Int {
    guard let escape = escape(bytes, index, levelStart: start, separator: separator) else {
      put(UInt8(ascii: "%"), &write)
      return index &+ 1
    }
    let sourceMayHoldIt = escape.isForNATS == (separator == UInt8(ascii: "/"))
    if sourceMayHoldIt {
      put(UInt8(ascii: "%"), &write)
      put(UInt8(ascii: "2"), &write)
      put(UInt8(ascii: "5"), &write)
      return index &+ 1
    }
    put(escape.depth > 0 ? UInt8(ascii: "%") : escape.byte, &write)
    return index &+ 3
  }

  /// `%`, `depth` times `25`, and the two digits of `byte`.
  private struct Escape {
    var depth: Int
    var byte: UInt8

    /// Whether NATS needs the escape and MQTT does not; for `+`, `#` and NUL it is the reverse.
    var isForNATS: Bool {
      byte != 0 && byte != UInt8(ascii: "+") && byte != UInt8(ascii: "#")
    }
  }

  /// The escape that begins with the `%` at `index`. It ends with its level at the latest, as a
  /// separator is no digit: a topic takes time in proportion to its length.
  private static func escape(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, levelStart: Int, separator: UInt8
  ) -> Escape? {
    var position = index &+ 1
    var depth = 0
    while position &+ 2 <= bytes.count {
      guard let high = hex(bytes[position]), let low = hex(bytes[position &+ 1]) else { return nil }
      let byte = high << 4 | low
      position &+= 2
      switch byte {
      case UInt8(ascii: "%"): depth &+= 1
      case 0...0x20, UInt8(ascii: "+"), UInt8(ascii: "#"):
        return Escape(depth: depth, byte: byte)
      case UInt8(ascii: "*"), UInt8(ascii: ">"):
        guard index == levelStart, endsLevel(bytes, position, separator) else { return nil }
        return Escape(depth: depth, byte: byte)
      default: return nil
      }
    }
    return nil
  }

  @inline(__always)
  private static func endsLevel(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, _ separator: UInt8
  ) -> Bool {
    index == bytes.count || bytes[index] == separator
  }

  @inline(__always)
  private static func put(_ byte: UInt8, _ write: inout UnsafeMutableRawPointer) {
    write.storeBytes(of: byte, as: UInt8.self)
    write += 1
  }

  private static func putEscape(_ byte: UInt8, _ write: inout UnsafeMutableRawPointer) {
    put(UInt8(ascii: "%"), &write)
    put(digit(byte >> 4), &write)
    put(digit(byte & 0x0F), &write)
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "A") &+ value &- 10
  }

  /// Only upper-case digits, so that each escape has one form.
  private static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- UInt8(ascii: "A") &+ 10
    default: nil
    }
  }
}
