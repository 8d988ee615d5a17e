import GodwitWire

/// Reads fields of a JSON object the way Go's `encoding/json` fills a structure: names match in
/// any case, unknown names and `null` are passed over, the last of equal names wins, and a wrong
/// type is an error.
struct NATSJSONFields {
  private let members: [JSONValue.Member]

  init(_ json: UnsafeRawBufferPointer) throws(NATSWireError) {
    do {
      guard let members = try JSONValue(parsing: json).members else {
        throw NATSWireError(.malformedJSON, "not a JSON object")
      }
      self.members = members
    } catch let error as JSONError {
      throw NATSWireError(.malformedJSON, error.description)
    } catch {
      throw NATSWireError(.malformedJSON, "not a JSON object")
    }
  }

  private func value(_ name: String) -> JSONValue? {
    let found = self.members.last { member in
      member.name.utf8.count == name.utf8.count
        && zip(member.name.utf8, name.utf8).allSatisfy { Self.folded($0) == $1 }
    }
    guard let value = found?.value, value != .null else { return nil }
    return value
  }

  private static func folded(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  private func wrongType(_ name: String) -> NATSWireError {
    NATSWireError(.malformedJSON, "\(name) has the wrong type")
  }

  func read(_ name: String, _ target: inout Bool) throws(NATSWireError) {
    guard let value = self.value(name) else { return }
    guard let bool = value.bool else { throw self.wrongType(name) }
    target = bool
  }

  func read(_ name: String, _ target: inout String) throws(NATSWireError) {
    guard let value = self.value(name) else { return }
    guard let string = value.string else { throw self.wrongType(name) }
    target = string
  }

  func read(_ name: String, _ target: inout Int) throws(NATSWireError) {
    guard let value = self.value(name) else { return }
    guard let integer = value.integer, let number = Int(exactly: integer) else {
      throw self.wrongType(name)
    }
    target = number
  }

  func read(_ name: String, _ target: inout UInt64) throws(NATSWireError) {
    guard let value = self.value(name) else { return }
    guard let integer = value.integer, let number = UInt64(exactly: integer) else {
      throw self.wrongType(name)
    }
    target = number
  }

  func read(_ name: String, _ target: inout [String]) throws(NATSWireError) {
    guard let value = self.value(name) else { return }
    guard let elements = value.elements else { throw self.wrongType(name) }
    var strings: [String] = []
    for element in elements {
      guard let string = element.string else { throw self.wrongType(name) }
      strings.append(string)
    }
    target = strings
  }
}
