public import NIOCore

/// A list of properties, in order, kept as the bytes that stand on the wire without their length.
public struct MQTTProperties: Hashable, Sendable {
  /// The encoded list. Received lists were validated before they came here.
  public private(set) var bytes: ByteBuffer

  /// No properties.
  public init() { bytes = ByteBuffer() }

  init(validated bytes: ByteBuffer) { self.bytes = bytes }

  /// Copies an encoded list after checking it.
  ///
  /// - Throws: malformed packet or protocol error.
  public init(
    copying encoded: UnsafeRawBufferPointer, in scope: MQTTPropertyScope
  ) throws(MQTTWireError) {
    try MQTTPropertyReader.validate(encoded, in: scope)
    bytes = ByteBuffer(bytes: encoded)
  }

  /// Whether there is none.
  public var isEmpty: Bool { bytes.readableBytes == 0 }

  /// The value of a number, `nil` when absent.
  public func number(_ id: MQTTPropertyID) -> UInt32? {
    bytes.withUnsafeReadableBytes { pointer in
      var reader = MQTTPropertyReader(pointer)
      while let property = try? reader.next() {
        if property.id == id { return property.number }
      }
      return nil
    }
  }

  /// The bytes of a text or of binary data, `nil` when absent.
  public func data(_ id: MQTTPropertyID) -> ByteBuffer? {
    bytes.withUnsafeReadableBytes { pointer in
      var reader = MQTTPropertyReader(pointer)
      while let property = try? reader.next() {
        if property.id == id { return ByteBuffer(bytes: property.value) }
      }
      return nil
    }
  }

  /// A text, `nil` when absent.
  public func text(_ id: MQTTPropertyID) -> String? { data(id).map { String(buffer: $0) } }

  /// User properties in their order, duplicates included.
  public var userProperties: [(name: String, value: String)] {
    bytes.withUnsafeReadableBytes { pointer in
      var list: [(name: String, value: String)] = []
      var reader = MQTTPropertyReader(pointer)
      while let property = try? reader.next() {
        guard property.id == .userProperty else { continue }
        list.append(
          (
            String(decoding: property.name, as: UTF8.self),
            String(decoding: property.value, as: UTF8.self)
          ))
      }
      return list
    }
  }

  /// Every value of a number that may occur often, in order.
  public func numbers(_ id: MQTTPropertyID) -> [UInt32] {
    bytes.withUnsafeReadableBytes { pointer in
      var list: [UInt32] = []
      var reader = MQTTPropertyReader(pointer)
      while let property = try? reader.next() {
        if property.id == id { list.append(property.number) }
      }
      return list
    }
  }

  /// Copies an encoded list that was checked before, without one property.
  public init(_ encoded: UnsafeRawBufferPointer, without id: MQTTPropertyID) {
    bytes = ByteBuffer()
    var reader = MQTTPropertyReader(encoded)
    while let property = try? reader.next() {
      if property.id != id { bytes.writeBytes(property.raw) }
    }
  }

  /// The same list without one property.
  public func without(_ id: MQTTPropertyID) -> MQTTProperties {
    bytes.withUnsafeReadableBytes { MQTTProperties($0, without: id) }
  }

  /// Appends a number in the form that its property has.
  public mutating func append(_ id: MQTTPropertyID, _ number: UInt32) {
    bytes.writeInteger(id.rawValue)
    switch id.form {
    case .byte: bytes.writeInteger(UInt8(truncatingIfNeeded: number))
    case .twoBytes: bytes.writeInteger(UInt16(truncatingIfNeeded: number))
    case .varint: bytes.writeMQTTVarint(Int(number))
    case .fourBytes, .text, .binary, .pair: bytes.writeInteger(number)
    }
  }

  /// Appends a text or binary data; what is longer than 65,535 bytes is left out.
  public mutating func append(_ id: MQTTPropertyID, _ value: ByteBuffer) {
    guard value.readableBytes <= Int(UInt16.max) else { return }
    bytes.writeInteger(id.rawValue)
    bytes.writeMQTTCounted(value)
  }

  /// Makes room for so many bytes in all.
  public mutating func reserveCapacity(_ count: Int) { bytes.reserveCapacity(count) }

  /// Appends a text; what is longer than 65,535 bytes is left out.
  public mutating func append(_ id: MQTTPropertyID, _ value: String) {
    guard value.utf8.count <= Int(UInt16.max) else { return }
    bytes.writeInteger(id.rawValue)
    appendCounted(value)
  }

  /// Appends a user property; names or values longer than 65,535 bytes are left out.
  public mutating func append(userProperty name: String, _ value: String) {
    guard name.utf8.count <= Int(UInt16.max), value.utf8.count <= Int(UInt16.max) else { return }
    bytes.writeInteger(MQTTPropertyID.userProperty.rawValue)
    appendCounted(name)
    appendCounted(value)
  }

  private mutating func appendCounted(_ text: String) {
    bytes.writeInteger(UInt16(truncatingIfNeeded: text.utf8.count))
    bytes.writeString(text)
  }

  /// Appends a user property of well-formed UTF-8; names or values longer than 65,535 bytes are
  /// left out.
  public mutating func append(userProperty name: [UInt8], _ value: [UInt8]) {
    guard name.count <= Int(UInt16.max), value.count <= Int(UInt16.max) else { return }
    bytes.writeInteger(MQTTPropertyID.userProperty.rawValue)
    bytes.writeInteger(UInt16(truncatingIfNeeded: name.count))
    bytes.writeBytes(name)
    bytes.writeInteger(UInt16(truncatingIfNeeded: value.count))
    bytes.writeBytes(value)
  }
}

extension ByteBuffer {
  mutating func writeMQTTVarint(_ value: Int) {
    var rest = value
    repeat {
      let low = UInt8(truncatingIfNeeded: rest & 0x7F)
      rest >>= 7
      writeInteger(rest > 0 ? low | 0x80 : low)
    } while rest > 0
  }

  /// Two bytes of length, then the bytes, of which those past 65,535 are cut off.
  mutating func writeMQTTCounted(_ value: ByteBuffer) {
    let count = Swift.min(value.readableBytes, Int(UInt16.max))
    writeInteger(UInt16(truncatingIfNeeded: count))
    writeImmutableBuffer(value.getSlice(at: value.readerIndex, length: count) ?? ByteBuffer())
  }
}
