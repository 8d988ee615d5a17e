public import NIOCore

/// A type that fields of messages have.
public protocol KafkaField: Equatable, Sendable {
  /// Zero, false, or empty.
  init()
  /// Reads a value in the form of the reader's version.
  init(from reader: inout KafkaReader) throws(KafkaWireError)
  /// Writes the value in the form of the writer's version.
  func write(to writer: inout KafkaWriter) throws(KafkaWireError)
}

/// A type whose fields can be null.
public protocol KafkaNullableField: KafkaField {
  /// Reads a value, or `nil` for null.
  static func readNullable(from reader: inout KafkaReader) throws(KafkaWireError) -> Self?
  /// Writes a value, or null for `nil`.
  static func writeNullable(
    _ value: Self?, to writer: inout KafkaWriter
  ) throws(KafkaWireError)
}

extension Optional: KafkaField where Wrapped: KafkaNullableField {
  /// Null.
  public init() { self = nil }

  /// Reads a value that may be null.
  @inline(__always)
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self = try Wrapped.readNullable(from: &reader)
  }

  /// Writes a value that may be null.
  @inline(__always)
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    try Wrapped.writeNullable(self, to: &writer)
  }
}

extension KafkaField where Self: FixedWidthInteger {
  /// Reads it big-endian.
  @inline(__always)
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self = try reader.integer()
  }

  /// Writes it big-endian.
  @inline(__always)
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    writer.integer(self)
  }
}

extension Int8: KafkaField {}
extension Int16: KafkaField {}
extension Int32: KafkaField {}
extension Int64: KafkaField {}

extension Bool: KafkaField {
  /// Reads a byte: everything but 0 is true.
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    let byte: UInt8 = try reader.integer()
    self = byte != 0
  }

  /// Writes a byte.
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    writer.integer(UInt8(self ? 1 : 0))
  }
}

extension Double: KafkaField {
  /// Reads the bits big-endian.
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self.init(bitPattern: try reader.integer())
  }

  /// Writes the bits big-endian.
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    writer.integer(bitPattern)
  }
}

extension KafkaUUID: KafkaField {
  /// Reads sixteen bytes.
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self.init(high: try reader.integer(), low: try reader.integer())
  }

  /// Writes sixteen bytes.
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    writer.integer(high)
    writer.integer(low)
  }
}

extension KafkaField where Self: KafkaNullableField {
  /// Reads a value that may not be null.
  fileprivate static func readPresent(
    from reader: inout KafkaReader
  ) throws(KafkaWireError) -> Self {
    guard let value = try readNullable(from: &reader) else {
      throw .malformed("null where a value must be")
    }
    return value
  }
}

extension String: KafkaNullableField {
  /// Reads text. What is no UTF-8 becomes U+FFFD.
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self = try Self.readPresent(from: &reader)
  }

  /// Writes text; in versions that are not flexible at most 32,767 bytes of it.
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    try writer.stringLength(utf8.count)
    writer.text(self)
  }

  /// Reads text, or `nil` for null.
  public static func readNullable(
    from reader: inout KafkaReader
  ) throws(KafkaWireError) -> String? {
    guard let length = try reader.stringLength() else { return nil }
    return try reader.text(length)
  }

  /// Writes text, or null for `nil`.
  public static func writeNullable(
    _ value: String?, to writer: inout KafkaWriter
  ) throws(KafkaWireError) {
    guard let value else { return try writer.stringLength(nil) }
    try value.write(to: &writer)
  }
}

extension ByteBuffer: KafkaNullableField {
  /// Reads bytes without copying them.
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self = try Self.readPresent(from: &reader)
  }

  /// Writes bytes.
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    try writer.length(readableBytes)
    writer.bytes(self)
  }

  /// Reads bytes without copying them, or `nil` for null.
  public static func readNullable(
    from reader: inout KafkaReader
  ) throws(KafkaWireError) -> ByteBuffer? {
    guard let length = try reader.length() else { return nil }
    return try reader.slice(length)
  }

  /// Writes bytes, or null for `nil`.
  public static func writeNullable(
    _ value: ByteBuffer?, to writer: inout KafkaWriter
  ) throws(KafkaWireError) {
    guard let value else { return try writer.length(nil) }
    try value.write(to: &writer)
  }
}

extension Array: KafkaField, KafkaNullableField where Element: KafkaField {
  /// Reads the elements.
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self = try Self.readPresent(from: &reader)
  }

  /// Writes the elements.
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    try writer.length(count)
    for element in self { try element.write(to: &writer) }
  }

  /// Reads the elements, or `nil` for null.
  public static func readNullable(
    from reader: inout KafkaReader
  ) throws(KafkaWireError) -> [Element]? {
    guard let count = try reader.length() else { return nil }
    return try reader.elements(count)
  }

  /// Writes the elements, or null for `nil`.
  public static func writeNullable(
    _ value: [Element]?, to writer: inout KafkaWriter
  ) throws(KafkaWireError) {
    guard let value else { return try writer.length(nil) }
    try value.write(to: &writer)
  }
}
