import GodwitWireTesting
import KafkaWire
import NIOCore

/// Fills the fields of a message with random values, those at the borders of their types among
/// them.
struct ValueFill: KafkaVisitor, KafkaTagVisitor {
  let version: Int16
  var random: SplitMix64

  mutating func visit<T: KafkaField>(_ value: inout T) {
    fill(&value)
  }

  mutating func visit<T: KafkaField>(
    _ tag: UInt32, _ value: inout T, default unset: @autoclosure () -> T
  ) {
    if Bool.random(using: &random) { fill(&value) }
  }

  mutating func fill<T: KafkaField>(_ value: inout T) {
    var any: any KafkaField = value
    switch any {
    case is Int8: any = number() as Int8
    case is Int16: any = number() as Int16
    case is Int32: any = number() as Int32
    case is Int64: any = number() as Int64
    case is KafkaErrorCode: any = KafkaErrorCode(rawValue: number())
    case is KafkaAPIKey: any = KafkaAPIKey(rawValue: number())
    case is Bool: any = Bool.random(using: &random)
    case is Double: any = Double(number() as Int32) / 8
    case is String:
      any = String(
        (0..<count(200)).map { _ in "aé.0-_\u{0}𝄞".randomElement(using: &random) ?? "a" })
    case is ByteBuffer:
      any = ByteBuffer(
        bytes: (0..<count(5000)).map { _ in UInt8.random(in: 0...255, using: &random) })
    case is KafkaUUID: any = KafkaUUID.random(using: &random)
    case let array as any FillableArray: any = array.filled(by: &self)
    case let optional as any FillableOptional: any = optional.filled(by: &self)
    case var structure as any KafkaStructure:
      fill(structure: &structure)
      any = structure
    default: break
    }
    value = any as? T ?? value
  }

  mutating func fill(structure: inout some KafkaStructure) {
    try? structure.visit(&self)
    try? structure.visitTags(&self)
  }

  private mutating func fill(structure: inout any KafkaStructure) {
    var copy = structure
    func opened<S: KafkaStructure>(_ value: S, _ fill: inout ValueFill) -> any KafkaStructure {
      var value = value
      fill.fill(structure: &value)
      return value
    }
    copy = opened(copy, &self)
    structure = copy
  }

  /// Mostly small, sometimes up to `limit`.
  mutating func count(_ limit: Int) -> Int {
    Int.random(in: 0..<10, using: &random) == 0
      ? Int.random(in: 0...limit, using: &random) : Int.random(in: 0...3, using: &random)
  }

  private mutating func number<T: FixedWidthInteger>() -> T {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: [0, -1 as Int, 1].compactMap { T(exactly: $0) }.randomElement(using: &random) ?? 0
    case 1: Bool.random(using: &random) ? .min : .max
    default: T.random(in: .min ... .max, using: &random)
    }
  }
}

private protocol FillableArray {
  func filled(by fill: inout ValueFill) -> any KafkaField
}

extension Array: FillableArray where Element: KafkaField {
  fileprivate func filled(by fill: inout ValueFill) -> any KafkaField {
    (0..<Int.random(in: 0...2, using: &fill.random)).map { _ in
      var element = Element()
      fill.fill(&element)
      return element
    }
  }
}

private protocol FillableOptional {
  func filled(by fill: inout ValueFill) -> any KafkaField
}

extension Optional: FillableOptional where Wrapped: KafkaNullableField {
  fileprivate func filled(by fill: inout ValueFill) -> any KafkaField {
    guard Int.random(in: 0..<4, using: &fill.random) > 0 else { return Self.none }
    var value = Wrapped()
    fill.fill(&value)
    return Self.some(value)
  }
}
