public import NIOCore

/// Writes the fields of one message in the form of its version.
public struct KafkaWriter: Sendable {
  /// The version of the message.
  public let version: Int16
  /// Whether the version has compact lengths and tagged fields (KIP-482).
  public let isFlexible: Bool
  /// What was written since the last piece that was taken over whole.
  var buffer: ByteBuffer
  /// Pieces before `buffer`.
  private(set) var pieces: [ByteBuffer] = []
  /// From how many bytes on record data is taken over in place of copied.
  private let gathersFrom: Int

  /// A writer behind what `buffer` holds.
  ///
  /// - Parameters:
  ///   - buffer: where to write, behind what is there.
  ///   - version: the message's version.
  ///   - isFlexible: whether that version is flexible.
  ///   - gathersFrom: byte fields of that many bytes become pieces of their own. Default: none.
  public init(
    _ buffer: ByteBuffer, version: Int16, isFlexible: Bool, gathersFrom: Int = .max
  ) {
    self.buffer = buffer
    self.version = version
    self.isFlexible = isFlexible
    self.gathersFrom = gathersFrom
  }

  /// What was written, unless pieces were taken over whole.
  public var written: ByteBuffer { buffer }

  /// How many bytes there are in all pieces.
  var count: Int { pieces.reduce(buffer.readableBytes) { $0 + $1.readableBytes } }

  /// All that was written, in pieces to send one after another.
  mutating func takePieces() -> [ByteBuffer] {
    defer { pieces = [] }
    return pieces + [buffer]
  }

  mutating func integer<T: FixedWidthInteger>(_ value: T) {
    buffer.writeInteger(value)
  }

  mutating func unsignedVarint(_ value: UInt32) {
    var value = value
    while value >= 0x80 {
      buffer.writeInteger(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    buffer.writeInteger(UInt8(truncatingIfNeeded: value))
  }

  /// The length of a string, `nil` for null.
  mutating func stringLength(_ length: Int?) throws(KafkaWireError) {
    if isFlexible { return try compactLength(length) }
    guard let short = Int16(exactly: length ?? -1) else { throw Self.tooLong }
    integer(short)
  }

  /// The length of bytes or the count of an array, `nil` for null.
  mutating func length(_ length: Int?) throws(KafkaWireError) {
    if isFlexible { return try compactLength(length) }
    guard let long = Int32(exactly: length ?? -1) else { throw Self.tooLong }
    integer(long)
  }

  private mutating func compactLength(_ length: Int?) throws(KafkaWireError) {
    guard let length else { return unsignedVarint(0) }
    guard length < Int32.max else { throw Self.tooLong }
    unsignedVarint(UInt32(length) + 1)
  }

  private static var tooLong: KafkaWireError {
    KafkaWireError(.unrepresentable, "too long for the length before it")
  }

  mutating func text(_ text: String) {
    buffer.writeString(text)
  }

  mutating func bytes(_ bytes: ByteBuffer) {
    if bytes.readableBytes >= gathersFrom {
      pieces.append(buffer)
      pieces.append(bytes)
      buffer = ByteBuffer()
    } else {
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// The fields of a structure and the tagged ones behind them.
  mutating func structure<S: KafkaStructure>(_ structure: S) throws(KafkaWireError) {
    // A copy, because one description serves reading and writing; nothing in it is changed, so
    // that arrays stay shared.
    var structure = structure
    try structure.visit(&self)
    guard isFlexible else { return }
    var tags = KafkaTagWriter(version: version)
    try structure.visitTags(&tags)
    unsignedVarint(tags.count)
    buffer.writeImmutableBuffer(tags.buffer)
  }
}

extension KafkaWriter: KafkaVisitor {
  /// Writes one field.
  public mutating func visit<T: KafkaField>(_ value: inout T) throws(KafkaWireError) {
    try value.write(to: &self)
  }
}

/// Collects the tagged fields of one structure that are not at their defaults.
public struct KafkaTagWriter: KafkaTagVisitor {
  /// The version of the message.
  public let version: Int16
  var count: UInt32 = 0
  var buffer = ByteBuffer()

  init(version: Int16) {
    self.version = version
  }

  /// Writes the field unless it is at its default.
  public mutating func visit<T: KafkaField>(
    _ tag: UInt32, _ value: inout T, default unset: @autoclosure () -> T
  ) throws(KafkaWireError) {
    guard value != unset() else { return }
    var field = KafkaWriter(ByteBuffer(), version: version, isFlexible: true)
    try value.write(to: &field)
    var whole = KafkaWriter(buffer, version: version, isFlexible: true)
    whole.unsignedVarint(tag)
    whole.unsignedVarint(UInt32(field.buffer.readableBytes))
    whole.bytes(field.buffer)
    buffer = whole.buffer
    count += 1
  }
}
