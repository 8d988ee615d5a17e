import GodwitFrontEndKit
import GodwitWire

/// Short ways to write the admin API's answers.
extension JSONValue {
  /// An object.
  static func record(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(members.map { Member($0.key, $0.value) })
  }

  /// A count.
  static func count(_ number: some BinaryInteger) -> JSONValue {
    .integer(Int64(clamping: number))
  }

  /// A time of the engine's clock, as seconds since 1970.
  static func time(_ nanoseconds: Int64) -> JSONValue {
    .double(Double(nanoseconds / 1_000_000) / 1_000)
  }

  /// Bytes that are text in most cases; what is not UTF-8 is repaired.
  static func text(_ bytes: some Sequence<UInt8>) -> JSONValue {
    .string(String(decoding: Array(bytes), as: UTF8.self))
  }

  /// A setting's value.
  init(_ value: SettingValue) {
    switch value {
    case .bool(let flag): self = .bool(flag)
    case .integer(let number): self = .integer(Int64(number))
    case .double(let number): self = .double(number)
    case .text(let text): self = .string(text)
    case .list(let values): self = .array(values.map { JSONValue($0) })
    case .map(let entries): self = .object(entries.map { Member($0.key, JSONValue($0.value)) })
    }
  }
}

extension AdminResponse {
  /// A refusal: one sentence for people.
  static func refusal(_ status: Int, _ sentence: String) -> AdminResponse {
    AdminResponse(
      .record(["error": .string(sentence), "status": .integer(Int64(status))]), status: status)
  }
}

extension AdminRequest {
  /// The query's parameters that are whole numbers, wherever they are known.
  private static var numbers: [String] { ["limit", "offset", "rate", "preview"] }

  /// A whole number from the query, within bounds; `fallback` when it is absent.
  func number(_ name: String, default fallback: Int, max bound: Int) -> Int {
    guard let text = self.first(name) else { return min(fallback, bound) }
    // What `firstNonsense` lets pass and has no place in an `Int` is beyond every bound.
    return min(max(0, Int(text) ?? bound), bound)
  }

  /// Why the query makes no sense to a path that knows `parameters`; `nil` when it does.
  func firstNonsense(in parameters: [String]) -> AdminRefusal? {
    for name in Self.numbers where parameters.contains(name) {
      guard let text = self.first(name), Int(text) == nil else { continue }
      let isHuge =
        !text.isEmpty && text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
      if !isHuge { return AdminRefusal(400, "\(name) is a whole number") }
    }
    return nil
  }
}
