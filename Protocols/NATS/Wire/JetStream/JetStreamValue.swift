public import GodwitWire

/// Something that can be a field of the JetStream API's JSON.
public protocol JetStreamValue: Hashable, Sendable {
  /// Reads the value; `nil` when the JSON is of another type or out of range.
  ///
  /// - Parameter context: notes what was found wrong inside the value.
  static func read(_ json: JSONValue, in context: inout JetStreamFields) -> Self?

  /// Writes the value.
  func write(to writer: inout JSONWriter)

  /// Whether the value is left out where Go's `omitempty` says so: zero, false, empty, absent.
  var isEmptyField: Bool { get }
}

extension Bool: JetStreamValue {
  /// Reads the value.
  public static func read(_ json: JSONValue, in context: inout JetStreamFields) -> Bool? {
    json.bool
  }

  /// Writes the value.
  public func write(to writer: inout JSONWriter) { writer.bool(self) }

  /// Whether it counts as nothing.
  public var isEmptyField: Bool { !self }
}

extension String: JetStreamValue {
  /// Reads the value.
  public static func read(_ json: JSONValue, in context: inout JetStreamFields) -> String? {
    json.string
  }

  /// Writes the value.
  public func write(to writer: inout JSONWriter) { writer.string(self) }

  /// Whether it counts as nothing.
  public var isEmptyField: Bool { self.isEmpty }
}

extension JetStreamValue where Self: FixedWidthInteger {
  /// Reads a whole number that fits.
  public static func read(_ json: JSONValue, in context: inout JetStreamFields) -> Self? {
    json.integer.flatMap { Self(exactly: $0) }
  }

  /// Writes the number.
  public func write(to writer: inout JSONWriter) { writer.integer(self) }

  /// Whether it is zero.
  public var isEmptyField: Bool { self == 0 }
}

extension Int: JetStreamValue {}
extension Int32: JetStreamValue {}
extension Int64: JetStreamValue {}
extension UInt64: JetStreamValue {}

extension Array: JetStreamValue where Element: JetStreamValue {
  /// Reads the value.
  public static func read(_ json: JSONValue, in context: inout JetStreamFields) -> [Element]? {
    guard let elements = json.elements else { return nil }
    var values: [Element] = []
    for element in elements {
      guard let value = Element.read(element, in: &context) else { return nil }
      values.append(value)
    }
    return values
  }

  /// Writes the value.
  public func write(to writer: inout JSONWriter) {
    writer.array { for element in self { element.write(to: &$0) } }
  }

  /// Whether it counts as nothing.
  public var isEmptyField: Bool { self.isEmpty }
}

extension Dictionary: JetStreamValue where Key == String, Value: JetStreamValue {
  /// Reads the value.
  public static func read(
    _ json: JSONValue, in context: inout JetStreamFields
  ) -> [String: Value]? {
    guard let members = json.members else { return nil }
    var values: [String: Value] = [:]
    for member in members {
      guard let value = Value.read(member.value, in: &context) else { return nil }
      values[member.name] = value
    }
    return values
  }

  /// Sorted by name, as Go writes maps.
  public func write(to writer: inout JSONWriter) {
    writer.object {
      for (name, value) in self.sorted(by: { $0.key < $1.key }) {
        $0.name(name)
        value.write(to: &$0)
      }
    }
  }

  /// Whether it counts as nothing.
  public var isEmptyField: Bool { self.isEmpty }
}

extension Optional: JetStreamValue where Wrapped: JetStreamValue {
  /// Reads the value.
  public static func read(_ json: JSONValue, in context: inout JetStreamFields) -> Wrapped?? {
    Wrapped.read(json, in: &context).map { $0 }
  }

  /// Writes the value.
  public func write(to writer: inout JSONWriter) {
    switch self {
    case .none: writer.null()
    case .some(let value): value.write(to: &writer)
    }
  }

  /// Whether it counts as nothing.
  public var isEmptyField: Bool { self == nil }
}

/// One of a few words. A word that is none of them is an error.
public protocol JetStreamWord: JetStreamValue, RawRepresentable, CaseIterable
where RawValue == String {
  /// Other spellings that a server takes as well.
  static var synonyms: [String: Self] { get }
}

extension JetStreamWord {
  /// None.
  public static var synonyms: [String: Self] { [:] }

  /// Reads the word.
  public static func read(_ json: JSONValue, in context: inout JetStreamFields) -> Self? {
    guard let text = json.string else { return nil }
    if let word = Self(rawValue: text) ?? Self.synonyms[text] { return word }
    context.fail("can not unmarshal \(String(reflecting: "\"\(text)\""))")
    return nil
  }

  /// Writes the word.
  public func write(to writer: inout JSONWriter) { writer.string(self.rawValue) }

  /// Whether it is the first one, which stands for nothing said.
  public var isEmptyField: Bool { self == Self.allCases.first }
}
