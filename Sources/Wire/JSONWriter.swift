/// Writes one JSON document as compact UTF-8, members in the order of the calls.
///
///     var writer = JSONWriter()
///     writer.object {
///       $0.member("port", 4222)
///       $0.array("urls") { $0.string("127.0.0.1:4222") }
///     }
///
/// The writer puts commas; that values stand where JSON allows them is the caller's part.
public struct JSONWriter: Sendable {
  /// What was written so far.
  public private(set) var bytes: [UInt8] = []
  private var needsComma = false

  /// Makes an empty writer.
  public init(reservingBytes count: Int = 256) {
    self.bytes.reserveCapacity(count)
  }

  private mutating func separate() {
    if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
    self.needsComma = true
  }

  /// Writes an object whose members `body` writes.
  public mutating func object(_ body: (inout Self) -> Void) {
    self.separate()
    self.enclose(UInt8(ascii: "{"), UInt8(ascii: "}"), body)
  }

  /// Writes an array whose elements `body` writes.
  public mutating func array(_ body: (inout Self) -> Void) {
    self.separate()
    self.enclose(UInt8(ascii: "["), UInt8(ascii: "]"), body)
  }

  private mutating func enclose(_ open: UInt8, _ close: UInt8, _ body: (inout Self) -> Void) {
    self.bytes.append(open)
    self.needsComma = false
    body(&self)
    self.bytes.append(close)
    self.needsComma = true
  }

  /// Writes a member's name; its value must be written next.
  public mutating func name(_ name: String) {
    self.string(name)
    self.bytes.append(UInt8(ascii: ":"))
    self.needsComma = false
  }

  /// Writes a string with the escapes that RFC 8259 section 7 demands.
  public mutating func string(_ text: String) {
    self.separate()
    self.bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        self.bytes.append(UInt8(ascii: "\\"))
        self.bytes.append(byte)
      case 0x0A: self.bytes.append(contentsOf: "\\n".utf8)
      case 0x0D: self.bytes.append(contentsOf: "\\r".utf8)
      case 0x09: self.bytes.append(contentsOf: "\\t".utf8)
      case 0..<0x20, 0x7F:
        self.bytes.append(contentsOf: "\\u00".utf8)
        self.bytes.append(Self.hexDigit(byte >> 4))
        self.bytes.append(Self.hexDigit(byte & 0xF))
      default: self.bytes.append(byte)
      }
    }
    self.bytes.append(UInt8(ascii: "\""))
  }

  private static func hexDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
  }

  /// Writes a whole number.
  public mutating func integer(_ number: some BinaryInteger) {
    self.separate()
    self.bytes.append(contentsOf: String(number).utf8)
  }

  /// Writes a number; one that is not finite, which JSON cannot say, becomes `null`.
  public mutating func double(_ number: Double) {
    self.separate()
    self.bytes.append(contentsOf: (number.isFinite ? number.description : "null").utf8)
  }

  /// Writes `true` or `false`.
  public mutating func bool(_ flag: Bool) {
    self.separate()
    self.bytes.append(contentsOf: (flag ? "true" : "false").utf8)
  }

  /// Writes `null`.
  public mutating func null() {
    self.separate()
    self.bytes.append(contentsOf: "null".utf8)
  }

  /// Writes a value that is JSON already.
  public mutating func verbatim(_ json: some Sequence<UInt8>) {
    self.separate()
    self.bytes.append(contentsOf: json)
  }

  /// Writes a whole document or part.
  public mutating func value(_ value: JSONValue) {
    switch value {
    case .null: self.null()
    case .bool(let flag): self.bool(flag)
    case .integer(let number): self.integer(number)
    case .double(let number): self.double(number)
    case .string(let text): self.string(text)
    case .array(let elements):
      self.array { for element in elements { $0.value(element) } }
    case .object(let members):
      self.object { for member in members { $0.member(member.name, member.value) } }
    }
  }
}

extension JSONWriter {
  /// Writes a member with a text value.
  public mutating func member(_ name: String, _ text: String) {
    self.name(name)
    self.string(text)
  }

  /// Writes a member with a whole number.
  public mutating func member(_ name: String, _ number: some BinaryInteger) {
    self.name(name)
    self.integer(number)
  }

  /// Writes a member with a number.
  public mutating func member(_ name: String, _ number: Double) {
    self.name(name)
    self.double(number)
  }

  /// Writes a member with a truth value.
  public mutating func member(_ name: String, _ flag: Bool) {
    self.name(name)
    self.bool(flag)
  }

  /// Writes a member with any value.
  public mutating func member(_ name: String, _ value: JSONValue) {
    self.name(name)
    self.value(value)
  }

  /// Writes a member with a list of texts.
  public mutating func member(_ name: String, _ texts: [String]) {
    self.array(name) { for text in texts { $0.string(text) } }
  }

  /// Writes a member that is an object.
  public mutating func object(_ name: String, _ body: (inout Self) -> Void) {
    self.name(name)
    self.object(body)
  }

  /// Writes a member that is an array.
  public mutating func array(_ name: String, _ body: (inout Self) -> Void) {
    self.name(name)
    self.array(body)
  }
}
