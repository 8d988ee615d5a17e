import MQTTWire
import NIOCore

/// What carries a message's facts over MQTT 3.1.1, which has no properties: the list of properties
/// that an MQTT 5.0 PUBLISH would have, before the body.
///
/// | bytes | what |
/// |---|---|
/// | 5 | `00 47 57 45 01` |
/// | 1 to 4 | length of the list, a variable byte integer |
/// | that many | the list, as in MQTT 5.0, 2.2.2 |
/// | the rest | the body |
enum MQTTDriverEnvelope {
  static let mark: [UInt8] = [0x00, 0x47, 0x57, 0x45, 0x01]

  static func seal(_ properties: MQTTProperties, _ body: ByteBuffer) -> ByteBuffer {
    var out = ByteBuffer()
    out.reserveCapacity(
      Self.mark.count + 4 + properties.bytes.readableBytes + body.readableBytes)
    out.writeBytes(Self.mark)
    withUnsafeTemporaryAllocation(byteCount: 4, alignment: 1) { memory in
      guard let base = memory.baseAddress else { return }
      let count = MQTTVarint.write(properties.bytes.readableBytes, to: base)
      out.writeBytes(UnsafeRawBufferPointer(start: base, count: count))
    }
    out.writeImmutableBuffer(properties.bytes)
    out.writeImmutableBuffer(body)
    return out
  }

  /// What is in it; a payload that is no envelope is a body without properties.
  static func open(_ payload: ByteBuffer) -> (MQTTProperties, ByteBuffer) {
    let bare = (MQTTProperties(), payload)
    return payload.withUnsafeReadableBytes { bytes in
      guard bytes.starts(with: Self.mark),
        case .value(let count, let size) = MQTTVarint.scan(bytes, at: Self.mark.count)
      else { return bare }
      let start = Self.mark.count + size
      guard count <= bytes.count - start,
        let properties = try? MQTTProperties(
          copying: UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)]), in: .publish)
      else { return bare }
      return (
        properties,
        ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[(start + count)...]))
      )
    }
  }
}
