import KafkaWire
import NIOCore

/// Prints the values of a message in the order of the wire, the tagged ones behind the others:
/// what the golden vectors have a checksum of.
struct ValueDump: KafkaVisitor, KafkaTagVisitor {
  let version: Int16
  let isFlexible: Bool
  var words: [String] = []

  static func text(_ structure: some KafkaStructure, version: Int16, isFlexible: Bool) -> String {
    var dump = ValueDump(version: version, isFlexible: isFlexible)
    dump.structure(structure)
    return dump.words.joined(separator: " ")
  }

  mutating func visit<T: KafkaField>(_ value: inout T) {
    add(value)
  }

  mutating func visit<T: KafkaField>(
    _ tag: UInt32, _ value: inout T, default unset: @autoclosure () -> T
  ) {
    if value == unset() { words.append("-") } else { add(value) }
  }

  mutating func structure(_ structure: some KafkaStructure) {
    var structure = structure
    words.append("{")
    try? structure.visit(&self)
    if isFlexible { try? structure.visitTags(&self) }
    words.append("}")
  }

  mutating func add(_ value: any KafkaField) {
    switch value {
    case let number as any FixedWidthInteger: words.append("\(number)")
    case let code as KafkaErrorCode: words.append("\(code.rawValue)")
    case let key as KafkaAPIKey: words.append("\(key.rawValue)")
    case let flag as Bool: words.append("\(flag)")
    case let number as Double: words.append("\(number.bitPattern)")
    case let text as String: words.append("s" + text)
    case let bytes as ByteBuffer: words.append("x" + Self.hex(bytes.readableBytesView))
    case let id as KafkaUUID:
      words.append("u" + Self.hex((0..<16).map { Self.byte(id, $0) }))
    case let array as any DumpableArray: array.dump(to: &self)
    case let optional as any DumpableOptional: optional.dump(to: &self)
    case let structure as any KafkaStructure: self.structure(structure)
    default: words.append("?")
    }
  }

  private static func byte(_ id: KafkaUUID, _ index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (index < 8 ? id.high : id.low) >> UInt64(56 - index % 8 * 8))
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

private protocol DumpableArray {
  func dump(to dump: inout ValueDump)
}

extension Array: DumpableArray where Element: KafkaField {
  fileprivate func dump(to dump: inout ValueDump) {
    dump.words.append("[")
    for element in self { dump.add(element) }
    dump.words.append("]")
  }
}

private protocol DumpableOptional {
  func dump(to dump: inout ValueDump)
}

extension Optional: DumpableOptional where Wrapped: KafkaNullableField {
  fileprivate func dump(to dump: inout ValueDump) {
    if let self { dump.add(self) } else { dump.words.append("null") }
  }
}
