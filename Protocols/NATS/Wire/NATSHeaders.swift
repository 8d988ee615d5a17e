public import NIOCore

/// A header block as a value: an optional status and an ordered list of fields, names repeatable.
public struct NATSHeaders: Hashable, Sendable {
  /// One header field.
  public struct Field: Hashable, Sendable {
    /// The name; case is significant.
    public var name: String
    /// The value.
    public var value: String

    /// Makes a field.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// An inline status such as 503; `nil` for an ordinary message.
  public var status: Int?
  /// The text behind the status.
  public var statusDescription = ""
  /// The fields in order.
  public var fields: [Field] = []

  /// Makes headers from fields.
  public init(_ fields: [Field] = []) {
    self.fields = fields
  }

  /// Reads a header block. Bytes that are not UTF-8 become replacement characters.
  ///
  /// - Throws: `NATSWireError` with code `malformedHeaders`.
  public init(parsing block: UnsafeRawBufferPointer) throws(NATSWireError) {
    var reader = try NATSHeaderReader(block)
    self.status = reader.status
    self.statusDescription = String(decoding: reader.statusDescription, as: UTF8.self)
    while let field = try reader.next() {
      self.fields.append(
        Field(
          String(decoding: field.name, as: UTF8.self),
          String(decoding: field.value, as: UTF8.self)))
    }
  }

  /// The first value under exactly this name.
  public subscript(name: String) -> String? {
    self.fields.first { $0.name == name }?.value
  }

  /// All values under exactly this name, in order.
  public func values(_ name: String) -> [String] {
    self.fields.compactMap { $0.name == name ? $0.value : nil }
  }

  /// Whether a text can be a field's name: visible ASCII without a colon, not empty.
  @inlinable
  public static func isValidName(_ name: some Collection<UInt8>) -> Bool {
    !name.isEmpty && name.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
  }

  /// Whether a text can be a field's value: no CR, LF or NUL.
  @inlinable
  public static func isValidValue(_ value: some Collection<UInt8>) -> Bool {
    value.allSatisfy { $0 != 0x0D && $0 != 0x0A && $0 != 0 }
  }

  /// Appends the block to `buffer`, its closing empty line included.
  ///
  /// Fields whose name or value cannot be written (`isValidName`, `isValidValue`) are left out.
  ///
  /// - Returns: the number of fields left out.
  @discardableResult
  public func encode(into buffer: inout ByteBuffer) -> Int {
    buffer.writeStaticString("NATS/1.0")
    if let status = self.status {
      buffer.writeStaticString(" ")
      buffer.writeString(String(status))
      if !self.statusDescription.isEmpty, Self.isValidValue(self.statusDescription.utf8) {
        buffer.writeStaticString(" ")
        buffer.writeString(self.statusDescription)
      }
    }
    buffer.writeStaticString("\r\n")
    var leftOut = 0
    for field in self.fields {
      guard Self.isValidName(field.name.utf8), Self.isValidValue(field.value.utf8) else {
        leftOut += 1
        continue
      }
      buffer.writeString(field.name)
      buffer.writeStaticString(": ")
      buffer.writeString(field.value)
      buffer.writeStaticString("\r\n")
    }
    buffer.writeStaticString("\r\n")
    return leftOut
  }
}
