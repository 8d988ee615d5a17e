import NIOCore

/// Reads the fields of one packet's body, in order. Never reads past its end.
struct MQTTBody {
  private var bytes: ByteBuffer

  init(_ packet: ByteBuffer, skipping headerSize: Int) {
    bytes = packet
    bytes.moveReaderIndex(forwardBy: min(headerSize, packet.readableBytes))
  }

  var isEmpty: Bool { bytes.readableBytes == 0 }

  mutating func byte() throws(MQTTWireError) -> UInt8 {
    guard let value = bytes.readInteger(as: UInt8.self) else { throw Self.short }
    return value
  }

  mutating func twoBytes() throws(MQTTWireError) -> UInt16 {
    guard let value = bytes.readInteger(as: UInt16.self) else { throw Self.short }
    return value
  }

  /// A packet identifier, which is never 0 (MQTT-2.2.1-3).
  mutating func packetID() throws(MQTTWireError) -> UInt16 {
    let value = try twoBytes()
    guard value != 0 else { throw .protocolError("packet identifier 0") }
    return value
  }

  /// Binary data.
  mutating func binary() throws(MQTTWireError) -> ByteBuffer {
    let count = Int(try twoBytes())
    guard let value = bytes.readSlice(length: count) else { throw Self.short }
    return value
  }

  /// A UTF-8 string.
  mutating func text() throws(MQTTWireError) -> ByteBuffer {
    let value = try binary()
    guard value.withUnsafeReadableBytes({ MQTTText.isValid($0) }) else {
      throw .malformed("ill-formed text")
    }
    return value
  }

  /// A topic filter; a wrong one is a malformed packet.
  mutating func filter() throws(MQTTWireError) -> ByteBuffer {
    let value = try binary()
    guard value.withUnsafeReadableBytes({ MQTTTopicFilter($0) != nil }) else {
      throw .malformed("topic filter is ill-formed")
    }
    return value
  }

  /// A list of properties with its length; empty before MQTT 5.0.
  mutating func properties(
    _ scope: MQTTPropertyScope, _ version: MQTTVersion
  ) throws(MQTTWireError) -> MQTTProperties {
    guard version == .v5 else { return MQTTProperties() }
    let scan = bytes.withUnsafeReadableBytes { MQTTVarint.scan($0, at: 0) }
    guard case .value(let count, let size) = scan else {
      throw .malformed("property length is wrong")
    }
    bytes.moveReaderIndex(forwardBy: size)
    guard let list = bytes.readSlice(length: count) else { throw Self.short }
    let failure: MQTTWireError? = list.withUnsafeReadableBytes { pointer in
      do throws(MQTTWireError) {
        try MQTTPropertyReader.validate(pointer, in: scope)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
    return MQTTProperties(validated: list)
  }

  /// Nothing may be left over.
  func finish() throws(MQTTWireError) {
    guard isEmpty else { throw .malformed("bytes after the end of a packet") }
  }

  private static var short: MQTTWireError { .malformed("packet is cut short") }
}
