/// One property where it stands in received bytes. Valid as long as those bytes.
public struct MQTTPropertyView {
  /// Which property.
  public var id: MQTTPropertyID
  /// The value of a number; 0 for others.
  public var number: UInt32
  /// The name of a user property; empty for others.
  public var name: UnsafeRawBufferPointer
  /// The bytes of a text, of binary data, or of a user property's value.
  public var value: UnsafeRawBufferPointer
  /// Identifier and value as they stand on the wire.
  public var raw: UnsafeRawBufferPointer
}

/// Walks a list of properties, without its length, in order and without allocating.
public struct MQTTPropertyReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  /// `bytes` outlives the reader.
  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next property, `nil` at the end.
  ///
  /// Checks the form, not the meaning: text may still be ill-formed.
  /// - Throws: malformed packet when bytes are missing or the identifier does not exist.
  public mutating func next() throws(MQTTWireError) -> MQTTPropertyView? {
    guard offset < bytes.count else { return nil }
    let start = offset
    guard let id = MQTTPropertyID(rawValue: bytes[start]) else {
      throw .malformed("unknown property identifier")
    }
    offset = start &+ 1
    var number: UInt32 = 0
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    var name = none
    var value = none
    switch id.form {
    case .byte: number = UInt32(try take(1)[0])
    case .twoBytes:
      number = UInt32(UInt16(bigEndian: try take(2).loadUnaligned(as: UInt16.self)))
    case .fourBytes: number = UInt32(bigEndian: try take(4).loadUnaligned(as: UInt32.self))
    case .varint:
      guard case .value(let read, let size) = MQTTVarint.scan(bytes, at: offset) else {
        throw .malformed("a property's variable byte integer is wrong")
      }
      number = UInt32(truncatingIfNeeded: read)
      offset &+= size
    case .text, .binary: value = try takeCounted()
    case .pair:
      name = try takeCounted()
      value = try takeCounted()
    }
    return MQTTPropertyView(
      id: id, number: number, name: name, value: value,
      raw: UnsafeRawBufferPointer(rebasing: bytes[start..<offset]))
  }

  private mutating func take(_ count: Int) throws(MQTTWireError) -> UnsafeRawBufferPointer {
    guard count <= bytes.count &- offset else { throw .malformed("a property is cut short") }
    let taken = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset &+ count])
    offset &+= count
    return taken
  }

  private mutating func takeCounted() throws(MQTTWireError) -> UnsafeRawBufferPointer {
    let count = UInt16(bigEndian: try take(2).loadUnaligned(as: UInt16.self))
    return try take(Int(count))
  }
}

extension MQTTPropertyReader {
  /// Checks a whole list: identifiers, duplicates, text, and the values the specification fixes.
  ///
  /// - Throws: malformed packet or protocol error.
  public static func validate(
    _ bytes: UnsafeRawBufferPointer, in scope: MQTTPropertyScope
  ) throws(MQTTWireError) {
    var reader = MQTTPropertyReader(bytes)
    var seen: UInt64 = 0
    while let property = try reader.next() {
      let bit: UInt64 = 1 << UInt64(property.id.rawValue)
      guard scope.allowed & bit != 0 else { throw .protocolError("property not allowed here") }
      guard seen & bit == 0 || scope.repeatable & bit != 0 else {
        throw .protocolError("property given twice")
      }
      seen |= bit
      try check(property)
    }
    let data: UInt64 = 1 << UInt64(MQTTPropertyID.authenticationData.rawValue)
    let method: UInt64 = 1 << UInt64(MQTTPropertyID.authenticationMethod.rawValue)
    guard seen & data == 0 || seen & method != 0 else {
      throw .protocolError("authentication data without a method")
    }
  }

  private static func check(_ property: MQTTPropertyView) throws(MQTTWireError) {
    switch property.id.form {
    case .byte:
      // Every one-byte property of the specification is 0 or 1.
      guard property.number <= 1 else { throw .protocolError("property is neither 0 nor 1") }
    case .text:
      guard MQTTText.isValid(property.value) else { throw .malformed("ill-formed text") }
      if property.id == .responseTopic, !MQTTTopicName.isValid(property.value) {
        throw .protocolError("response topic is empty or has a wildcard")
      }
    case .pair:
      guard MQTTText.isValid(property.name), MQTTText.isValid(property.value) else {
        throw .malformed("ill-formed text in a user property")
      }
    case .twoBytes, .fourBytes, .varint:
      guard property.number == 0 else { return }
      switch property.id {
      case .receiveMaximum, .maximumPacketSize, .subscriptionIdentifier:
        throw .protocolError("property must not be 0")
      case .topicAlias: throw MQTTWireError(.topicAliasInvalid, "topic alias 0")
      default: return
      }
    case .binary: return
    }
  }
}
