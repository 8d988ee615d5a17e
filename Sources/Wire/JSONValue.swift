/// A JSON document (RFC 8259) as a value.
///
/// Objects keep the order of their members. Numbers without fraction and exponent that fit
/// 64 bits are `integer`; all others are `double`.
public enum JSONValue: Hashable, Sendable {
  /// The literal `null`.
  case null
  /// The literals `true` and `false`.
  case bool(Bool)
  /// A whole number within 64 bits.
  case integer(Int64)
  /// Any other number; always finite when it was parsed.
  case double(Double)
  /// Text.
  case string(String)
  /// An ordered list.
  case array([JSONValue])
  /// Named values in the order they were written.
  case object([Member])

  /// One named value of an object.
  public struct Member: Hashable, Sendable {
    /// The member's name, unescaped.
    public var name: String
    /// The member's value.
    public var value: JSONValue

    /// Makes a member.
    public init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// The value of the last member with this exact name; `nil` when there is none or this is
  /// not an object.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name == name }?.value
  }

  /// The element at this position; `nil` when there is none or this is not an array.
  public subscript(index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// The members when this is an object.
  public var members: [Member]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// The elements when this is an array.
  public var elements: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  /// The text when this is a string.
  public var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  /// The number when this is a whole number within 64 bits.
  public var integer: Int64? {
    guard case .integer(let number) = self else { return nil }
    return number
  }

  /// The number when this is any number.
  public var double: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .double(let number): number
    default: nil
    }
  }

  /// The truth value when this is one.
  public var bool: Bool? {
    guard case .bool(let flag) = self else { return nil }
    return flag
  }

  /// The document as compact UTF-8 text.
  public var encoded: [UInt8] {
    var writer = JSONWriter()
    writer.value(self)
    return writer.bytes
  }
}

extension JSONValue {
  /// Parses one whole document; only white space may follow it.
  ///
  /// - Parameters:
  ///   - bytes: the UTF-8 text.
  ///   - limits: bounds on size, depth and number of values.
  /// - Throws: `JSONError` when the text is not JSON or breaks a limit.
  public init(
    parsing bytes: UnsafeRawBufferPointer, limits: JSONLimits = .defaults
  ) throws(JSONError) {
    var reader = JSONReader(bytes, limits: limits)
    self = try reader.document()
  }

  /// Parses one whole document from an array of UTF-8 bytes.
  public init(parsing bytes: [UInt8], limits: JSONLimits = .defaults) throws(JSONError) {
    let result = bytes.withUnsafeBytes { raw -> Result<JSONValue, JSONError> in
      do throws(JSONError) {
        return .success(try JSONValue(parsing: raw, limits: limits))
      } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  /// Parses one whole document from text.
  public init(parsing text: String, limits: JSONLimits = .defaults) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }
}
