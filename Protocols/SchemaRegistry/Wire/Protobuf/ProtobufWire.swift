/// The wire format of Protocol Buffers, as much of it as descriptors need.
struct ProtobufReader {
  /// A field that was read.
  enum Value {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) {
    self.rest = bytes
  }

  /// The next field; `nil` at the end.
  mutating func next() throws(SchemaError) -> (number: Int, value: Value)? {
    guard !self.rest.isEmpty else { return nil }
    let key = try self.varint()
    let number = Int(truncatingIfNeeded: key >> 3)
    switch key & 7 {
    case 0: return (number, .number(try self.varint()))
    case 1: return (number, .bytes(try self.take(8)))
    case 2:
      let count = try self.varint()
      guard count <= UInt64(self.rest.count) else { throw Self.truncated }
      return (number, .bytes(try self.take(Int(count))))
    case 5: return (number, .bytes(try self.take(4)))
    default: throw .invalid("a descriptor with a field of an unknown form")
    }
  }

  private static var truncated: SchemaError { .invalid("a descriptor that is cut off") }

  private mutating func take(_ count: Int) throws(SchemaError) -> ArraySlice<UInt8> {
    guard count <= self.rest.count else { throw Self.truncated }
    let taken = self.rest.prefix(count)
    self.rest = self.rest.dropFirst(count)
    return taken
  }

  private mutating func varint() throws(SchemaError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = self.rest.popFirst() else { throw Self.truncated }
      if shift < 64 { value |= UInt64(byte & 0x7F) << shift }
      if byte < 0x80 { return value }
    }
    throw .invalid("a descriptor with a number of too many bytes")
  }
}

extension ProtobufReader.Value {
  /// A text.
  func text() throws(SchemaError) -> String {
    guard case .bytes(let bytes) = self, let text = String(validating: bytes, as: UTF8.self) else {
      throw .invalid("a descriptor with a name that is no text")
    }
    return text
  }

  /// A message.
  func message() throws(SchemaError) -> ProtobufReader {
    guard case .bytes(let bytes) = self else { throw .invalid("a descriptor with an odd field") }
    return ProtobufReader(bytes)
  }

  /// A number of 32 bits.
  func int() throws(SchemaError) -> Int {
    guard case .number(let number) = self else { throw .invalid("a descriptor with an odd field") }
    return Int(Int32(truncatingIfNeeded: number))
  }
}

/// Writes the same.
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      self.bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    self.bytes.append(UInt8(truncatingIfNeeded: value))
  }

  mutating func write(_ number: Int, _ value: Int) {
    self.varint(UInt64(number) << 3)
    self.varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func write(_ number: Int, _ text: String) {
    self.write(number, Array(text.utf8))
  }

  mutating func write(_ number: Int, _ bytes: [UInt8]) {
    self.varint(UInt64(number) << 3 | 2)
    self.varint(UInt64(bytes.count))
    self.bytes += bytes
  }

  mutating func write(_ number: Int, _ body: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    body(&inner)
    self.write(number, inner.bytes)
  }
}
