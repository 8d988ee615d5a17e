public import NIOCore

/// Reads the fields of one message in the form of its version. Everything is checked against what
/// is there before anything is allocated.
public struct KafkaReader: Sendable {
  /// The version of the message.
  public let version: Int16
  /// Whether the version has compact lengths and tagged fields (KIP-482).
  public let isFlexible: Bool
  /// What is left to read.
  public internal(set) var buffer: ByteBuffer
  /// How many more array elements the message may have.
  var elementsLeft: Int

  /// A reader of a message's body.
  ///
  /// - Parameters:
  ///   - buffer: the bytes behind the header.
  ///   - version: the message's version.
  ///   - isFlexible: whether that version is flexible.
  ///   - limits: what to refuse.
  public init(
    _ buffer: ByteBuffer, version: Int16, isFlexible: Bool, limits: KafkaLimits = KafkaLimits()
  ) {
    self.buffer = buffer
    self.version = version
    self.isFlexible = isFlexible
    self.elementsLeft = limits.elementsMax
  }

  /// Insists that nothing is left.
  public func finish() throws(KafkaWireError) {
    guard buffer.readableBytes == 0 else { throw .malformed("bytes behind the message") }
  }

  mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws(KafkaWireError) -> T {
    guard let value = buffer.readInteger(as: T.self) else { throw .truncated }
    return value
  }

  /// An unsigned number of at most five bytes, seven bits each, the lowest first.
  mutating func unsignedVarint() throws(KafkaWireError) -> UInt32 {
    var value: UInt32 = 0
    var shift: UInt32 = 0
    while shift < 35 {
      let byte: UInt8 = try integer()
      let bits = UInt32(byte & 0x7F)
      guard shift < 28 || bits <= 0x0F else { break }
      value |= bits << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw .malformed("a number of variable length is too long")
  }

  /// The next bytes, or an error when there are fewer.
  mutating func slice(_ count: Int) throws(KafkaWireError) -> ByteBuffer {
    guard let slice = buffer.readSlice(length: count) else { throw .truncated }
    return slice
  }

  /// The length of a string, `nil` for null.
  mutating func stringLength() throws(KafkaWireError) -> Int? {
    if isFlexible { return try compactLength() }
    let length: Int16 = try integer()
    guard length >= -1 else { throw .malformed("a negative length") }
    return length < 0 ? nil : Int(length)
  }

  /// The length of bytes or the count of an array, `nil` for null.
  mutating func length() throws(KafkaWireError) -> Int? {
    if isFlexible { return try compactLength() }
    let length: Int32 = try integer()
    guard length >= -1 else { throw .malformed("a negative length") }
    return length < 0 ? nil : Int(length)
  }

  private mutating func compactLength() throws(KafkaWireError) -> Int? {
    let length = try unsignedVarint()
    return length == 0 ? nil : Int(length - 1)
  }

  /// Text of `count` bytes. What is no UTF-8 becomes U+FFFD.
  mutating func text(_ count: Int) throws(KafkaWireError) -> String {
    guard let text = buffer.readString(length: count) else { throw .truncated }
    return text
  }

  /// The elements of an array. It grows as they come, whatever count was announced: each takes at
  /// least a byte of the message.
  mutating func elements<Element: KafkaField>(
    _ count: Int
  ) throws(KafkaWireError) -> [Element] {
    guard count <= buffer.readableBytes else { throw .truncated }
    guard count <= elementsLeft else {
      throw KafkaWireError(.tooLarge, "too many elements in one message")
    }
    elementsLeft -= count
    var elements: [Element] = []
    elements.reserveCapacity(min(count, 64))
    for _ in 0..<count { elements.append(try Element(from: &self)) }
    return elements
  }

  /// The fields of a structure and the tagged ones behind them.
  mutating func structure<S: KafkaStructure>(_: S.Type) throws(KafkaWireError) -> S {
    var structure = S()
    try structure.visit(&self)
    if isFlexible { try readTags(of: &structure) }
    return structure
  }

  /// Tagged fields, each within its own bounds; unknown ones are passed over.
  mutating func readTags<S: KafkaStructure>(of structure: inout S) throws(KafkaWireError) {
    var previous: UInt32?
    let count = try unsignedVarint()
    for _ in 0..<count {
      let tag = try unsignedVarint()
      if let previous, tag <= previous { throw .malformed("tagged fields out of order") }
      previous = tag
      let field = try slice(Int(try unsignedVarint()))
      var reader = KafkaTagReader(tag: tag, self, field)
      try structure.visitTags(&reader)
      if reader.isTaken { try reader.reader.finish() }
      elementsLeft = reader.reader.elementsLeft
    }
  }

  /// Passes over tagged fields of which none is known.
  mutating func skipTags() throws(KafkaWireError) {
    let count = try unsignedVarint()
    for _ in 0..<count {
      _ = try unsignedVarint()
      _ = try slice(Int(try unsignedVarint()))
    }
  }
}

extension KafkaReader: KafkaVisitor {
  /// Reads one field.
  public mutating func visit<T: KafkaField>(_ value: inout T) throws(KafkaWireError) {
    value = try T(from: &self)
  }
}

/// Reads one tagged field: that of the structure's fields which has its tag.
public struct KafkaTagReader: KafkaTagVisitor {
  let tag: UInt32
  var reader: KafkaReader
  /// Whether a field of the structure has taken the bytes.
  private(set) var isTaken = false

  /// The version of the message.
  public var version: Int16 { reader.version }

  init(tag: UInt32, _ reader: KafkaReader, _ field: ByteBuffer) {
    self.tag = tag
    self.reader = reader
    self.reader.buffer = field
  }

  /// Reads the field if the tag is its own.
  public mutating func visit<T: KafkaField>(
    _ tag: UInt32, _ value: inout T, default _: @autoclosure () -> T
  ) throws(KafkaWireError) {
    guard tag == self.tag else { return }
    isTaken = true
    value = try T(from: &reader)
  }
}
