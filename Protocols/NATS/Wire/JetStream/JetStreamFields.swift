import GodwitWire

/// Passes over the fields of a JSON object in one order, either to read or to write them. So a type
/// names its fields once (`JetStreamObject.visit`).
///
/// Reading follows Go's `encoding/json`: names match in any case, `null` is passed over, and the
/// last of equal names wins.
public struct JetStreamFields {
  private enum Mode {
    case reading([JSONValue.Member])
    case writing(JSONWriter)
  }

  private var mode: Mode
  /// By position in the object, whether some field has taken it.
  private var isKnown: [Bool] = []
  /// Whether a member that no field takes is an error.
  let isStrict: Bool
  /// The first thing found wrong.
  public private(set) var failure: JetStreamJSONError?

  init(reading members: [JSONValue.Member], isStrict: Bool) {
    self.mode = .reading(members)
    self.isKnown = Array(repeating: false, count: members.count)
    self.isStrict = isStrict
  }

  init(writing writer: JSONWriter) {
    self.mode = .writing(writer)
    self.isStrict = false
  }

  /// Notes what is wrong, unless something was before.
  mutating func fail(_ description: String) {
    if self.failure == nil { self.failure = JetStreamJSONError(description) }
  }

  /// A field that is always written.
  public mutating func always<Value: JetStreamValue>(_ name: String, _ value: inout Value) {
    switch self.mode {
    case .reading: self.read(name, &value)
    case .writing(var writer):
      self.mode = .reading([])
      writer.name(name)
      value.write(to: &writer)
      self.mode = .writing(writer)
    }
  }

  /// A field that is left out when it is empty.
  public mutating func unlessEmpty<Value: JetStreamValue>(_ name: String, _ value: inout Value) {
    if case .writing = self.mode, value.isEmptyField { return }
    self.always(name, &value)
  }

  /// The fields of another object among these. An optional one is written when it is there; it is
  /// read when the object has its first field, which is always written.
  public mutating func embedded<Value: JetStreamObject>(_ value: inout Value?, first: String) {
    switch self.mode {
    case .reading(let members):
      guard members.contains(where: { Self.areEqual($0.name, first) }) else { return }
      var object = Value()
      object.visit(&self)
      value = object
    case .writing:
      guard var object = value else { return }
      object.visit(&self)
    }
  }

  private mutating func read<Value: JetStreamValue>(_ name: String, _ target: inout Value) {
    guard case .reading(let members) = self.mode else { return }
    var found: JSONValue?
    for (index, member) in members.enumerated() where Self.areEqual(member.name, name) {
      self.isKnown[index] = true
      found = member.value
    }
    guard let json = found, json != .null else { return }
    if let value = Value.read(json, in: &self) {
      target = value
    } else {
      self.fail("json: cannot unmarshal \(Self.kind(of: json)) into field \(name)")
    }
  }

  /// Takes over what reading an object inside this one has found.
  mutating func finish(_ inner: JetStreamFields) {
    if let failure = inner.failure { self.fail(failure.description) }
  }

  /// Ends reading: a member that no field has taken is an error when reading is strict.
  mutating func checkUnknown() {
    guard self.isStrict, case .reading(let members) = self.mode,
      let index = self.isKnown.firstIndex(of: false)
    else { return }
    self.fail("json: unknown field \(String(reflecting: members[index].name))")
  }

  /// Ends writing.
  var written: JSONWriter? {
    guard case .writing(let writer) = self.mode else { return nil }
    return writer
  }

  private static func areEqual(_ first: String, _ second: String) -> Bool {
    first.utf8.count == second.utf8.count
      && zip(first.utf8, second.utf8).allSatisfy { Self.folded($0) == Self.folded($1) }
  }

  private static func folded(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  private static func kind(of json: JSONValue) -> String {
    switch json {
    case .null: "null"
    case .bool: "bool"
    case .integer(let number): "number \(number)"
    case .double(let number): "number \(number)"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}
