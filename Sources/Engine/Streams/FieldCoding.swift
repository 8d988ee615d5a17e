import GodwitPrimitives
import NIOCore

/// Writes a definition as fields: a tag, a length and bytes each. A reader passes over tags that it
/// does not know, and what is not there has its default, so that definitions outlive versions.
struct FieldWriter {
  private(set) var buffer = ByteBuffer()

  mutating func write(_ tag: UInt8, _ bytes: some Collection<UInt8>) {
    self.buffer.writeInteger(tag)
    self.buffer.writeInteger(UInt32(truncatingIfNeeded: bytes.count))
    self.buffer.writeBytes(bytes)
  }

  mutating func write(_ tag: UInt8, _ text: String) { self.write(tag, text.utf8) }

  mutating func write(_ tag: UInt8, _ number: some FixedWidthInteger) {
    self.buffer.writeInteger(tag)
    self.buffer.writeInteger(UInt32(8))
    self.buffer.writeInteger(Int64(truncatingIfNeeded: number))
  }

  mutating func write(_ tag: UInt8, _ flag: Bool) { self.write(tag, flag ? 1 : 0) }

  mutating func write(_ tag: UInt8, _ pattern: TopicPattern) {
    let tail: UInt8 =
      switch pattern.tail {
      case .exact: 0
      case .oneOrMore: 1
      case .zeroOrMore: 2
      }
    let reserved: UInt8 =
      switch pattern.reserved {
      case .system: 0
      case .dollar: 1
      case .nothing: 2
      }
    self.write(tag, [tail, reserved] + pattern.bytes)
  }

  mutating func write(_ tag: UInt8, _ transform: TopicTransform) {
    var inner = FieldWriter()
    inner.write(1, transform.source)
    inner.write(2, transform.template)
    self.write(tag, inner.buffer.readableBytesView)
  }

  mutating func write(_ tag: UInt8, _ table: [String: String]) {
    for (key, value) in table.sorted(by: { $0.key < $1.key }) {
      var inner = FieldWriter()
      inner.write(1, key)
      inner.write(2, value)
      self.write(tag, inner.buffer.readableBytesView)
    }
  }
}

/// One field of a definition.
struct Field {
  let tag: UInt8
  private let bytes: ByteBuffer

  /// The fields of a definition, up to the first that is none.
  static func all(in buffer: ByteBuffer) -> [Field] {
    var buffer = buffer
    var fields: [Field] = []
    while let (tag, count) = buffer.readMultipleIntegers(as: (UInt8, UInt32).self),
      let bytes = buffer.readSlice(length: Int(count))
    {
      fields.append(Field(tag: tag, bytes: bytes))
    }
    return fields
  }

  var array: [UInt8] { Array(self.bytes.readableBytesView) }
  var text: String { String(buffer: self.bytes) }
  var number: Int64 {
    self.bytes.getInteger(at: self.bytes.readerIndex, as: Int64.self) ?? 0
  }
  var count: Int { Int(truncatingIfNeeded: self.number) }
  var flag: Bool { self.number != 0 }

  var pattern: TopicPattern? {
    let array = self.array
    guard array.count >= 2 else { return nil }
    return TopicPattern(
      canonical: Array(array[2...]), openTail: array[0] == 2 ? .zeroOrMore : .oneOrMore,
      reserved: array[1] == 1 ? .dollar : array[1] == 2 ? .nothing : .system)
  }

  var transform: TopicTransform? {
    var source: TopicPattern?
    var template = ""
    for field in Field.all(in: self.bytes) {
      if field.tag == 1 { source = field.pattern }
      if field.tag == 2 { template = field.text }
    }
    return source.flatMap { try? TopicTransform(source: $0, template: template) }
  }

  var entry: (key: String, value: String) {
    var key = ""
    var value = ""
    for field in Field.all(in: self.bytes) {
      if field.tag == 1 { key = field.text }
      if field.tag == 2 { value = field.text }
    }
    return (key, value)
  }
}
