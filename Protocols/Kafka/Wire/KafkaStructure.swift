/// A group of fields: a message, or what an array of one holds.
///
/// The fields are described once, in the order of the wire, with the versions that have them;
/// visitors read, write, fill or print them. A field that the version lacks keeps its value when
/// it is read, and is left out when it is written.
public protocol KafkaStructure: KafkaNullableField {
  /// Shows a visitor each field that has no tag, in order.
  mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError)

  /// Shows a visitor each tagged field, in order of the tags.
  mutating func visitTags<V: KafkaTagVisitor>(_ visitor: inout V) throws(KafkaWireError)
}

extension KafkaStructure {
  /// No tagged fields.
  public mutating func visitTags<V: KafkaTagVisitor>(_ visitor: inout V) throws(KafkaWireError) {}

  /// A structure at its defaults, then changed.
  public static func with(_ change: (inout Self) -> Void) -> Self {
    var structure = Self()
    change(&structure)
    return structure
  }

  /// Reads the fields in the form of the reader's version.
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self = try reader.structure(Self.self)
  }

  /// Writes the fields in the form of the writer's version.
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    try writer.structure(self)
  }

  /// A byte tells whether the structure is there.
  public static func readNullable(
    from reader: inout KafkaReader
  ) throws(KafkaWireError) -> Self? {
    let mark: Int8 = try reader.integer()
    return mark < 0 ? nil : try Self(from: &reader)
  }

  /// A byte tells whether the structure is there.
  public static func writeNullable(
    _ value: Self?, to writer: inout KafkaWriter
  ) throws(KafkaWireError) {
    writer.integer(Int8(value == nil ? -1 : 1))
    try value?.write(to: &writer)
  }
}

/// A response that can say for how long the client is held back.
public protocol KafkaThrottledResponse: KafkaStructure {
  /// For how long no further request is taken, in milliseconds; 0 for not at all. Versions that
  /// lack it leave it out.
  var throttleTimeMs: Int32 { get set }
}

/// What walks the fields of a structure.
public protocol KafkaVisitor {
  /// The version of the message.
  var version: Int16 { get }

  /// One field that the version has.
  mutating func visit<T: KafkaField>(_ value: inout T) throws(KafkaWireError)
}

extension KafkaVisitor {
  /// A field of some versions: by default of all.
  @inline(__always)
  mutating func field<T: KafkaField>(
    _ value: inout T, from: Int16 = 0, to: Int16 = .max
  ) throws(KafkaWireError) {
    guard version >= from, version <= to else { return }
    try visit(&value)
  }

  /// A field that can be null in later versions than it is there. Before them, `nil` is written
  /// as the empty value.
  @inline(__always)
  mutating func field<T: KafkaNullableField>(
    _ value: inout T?, from: Int16 = 0, to: Int16 = .max, nullFrom: Int16
  ) throws(KafkaWireError) {
    guard version >= from, version <= to else { return }
    guard version < nullFrom else { return try visit(&value) }
    var present = value ?? T()
    try visit(&present)
    value = present
  }
}

/// What walks the tagged fields of a structure.
public protocol KafkaTagVisitor {
  /// The version of the message.
  var version: Int16 { get }

  /// One tagged field that the version has. At its default it is not written.
  mutating func visit<T: KafkaField>(
    _ tag: UInt32, _ value: inout T, default: @autoclosure () -> T
  ) throws(KafkaWireError)
}

extension KafkaTagVisitor {
  /// A tagged field of some versions.
  @inline(__always)
  mutating func field<T: KafkaField>(
    _ tag: UInt32, _ value: inout T, from: Int16 = 0, default unset: @autoclosure () -> T
  ) throws(KafkaWireError) {
    guard version >= from else { return }
    try visit(tag, &value, default: unset())
  }
}
