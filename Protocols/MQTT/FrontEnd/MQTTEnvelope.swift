import GodwitEngine
import GodwitWire
import MQTTWire
import NIOCore

/// MQTT's properties and the common metadata, both ways. Pure.
final class MQTTEnvelope: EnvelopeReader {
  /// The name under which a message id, which MQTT has no property for, travels as a user property.
  static let messageIDName = "message-id"
  /// And those of the key, as `CarriedBytes`, and of when it was sent, as `CarriedTime`.
  static let keyName = "Godwit-Key"
  static let timeName = "Godwit-Time"

  func metadata(of publication: borrowing Publication) -> Metadata {
    guard let frame = MQTTFrame(publication.native, form: publication.nativeForm) else {
      return Metadata()
    }
    return Self.metadata(of: frame.properties)
  }

  /// The metadata of a list of properties.
  static func metadata(of properties: UnsafeRawBufferPointer) -> Metadata {
    var metadata = Metadata()
    var reader = MQTTPropertyReader(properties)
    while let property = try? reader.next() {
      switch property.id {
      case .payloadFormatIndicator: metadata.payloadIsText = property.number == 1
      case .contentType: metadata.contentType = Array(property.value)
      case .correlationData: metadata.correlation = Array(property.value)
      case .responseTopic:
        if MQTTTopicName.isValid(property.value) {
          metadata.replyTopic = MQTTTopicCodec.canonical(property.value)
        } else {
          metadata.dropped += 1
        }
      case .userProperty: add(property, to: &metadata)
      default: break
      }
    }
    return metadata
  }

  private static func add(_ property: MQTTPropertyView, to metadata: inout Metadata) {
    func isNamed(_ name: String) -> Bool { property.name.elementsEqual(name.utf8) }
    let value = Array(property.value)
    if metadata.messageID == nil, isNamed(messageIDName) {
      metadata.messageID = value
    } else if metadata.key == nil, isNamed(keyName) {
      metadata.key = CarriedBytes.bytes(of: value)
    } else if metadata.sentAt == nil, isNamed(timeName),
      let time = CarriedTime.nanoseconds(of: value)
    {
      metadata.sentAt = time
    } else {
      metadata.headers.append(.init(name: Array(property.name), value: value))
    }
  }

  /// The properties that say the same; what MQTT cannot say is counted in the second value.
  static func properties(of metadata: Metadata) -> (MQTTProperties, dropped: Int) {
    var properties = MQTTProperties()
    var dropped = 0
    func isText(_ bytes: [UInt8]) -> Bool {
      bytes.count <= Int(UInt16.max) && bytes.withUnsafeBytes { MQTTText.isValid($0) }
    }
    func appendPair(_ name: [UInt8], _ value: [UInt8]) {
      if isText(name), isText(value) {
        properties.append(userProperty: name, value)
      } else {
        dropped += 1
      }
    }
    if let isText = metadata.payloadIsText {
      properties.append(.payloadFormatIndicator, isText ? 1 : 0)
    }
    if let value = metadata.contentType {
      if isText(value) {
        properties.append(.contentType, ByteBuffer(bytes: value))
      } else {
        dropped += 1
      }
    }
    if let reply = metadata.replyTopic {
      if let topic = MQTTTopicCodec.name(reply), topic.count <= Int(UInt16.max) {
        properties.append(.responseTopic, ByteBuffer(bytes: topic))
      } else {
        dropped += 1
      }
    }
    if let correlation = metadata.correlation {
      if correlation.count <= Int(UInt16.max) {
        properties.append(.correlationData, ByteBuffer(bytes: correlation))
      } else {
        dropped += 1
      }
    }
    for header in metadata.headers { appendPair(header.name, header.value) }
    if let id = metadata.messageID { appendPair(Array(messageIDName.utf8), id) }
    if let key = metadata.key { appendPair(Array(keyName.utf8), CarriedBytes.text(of: key)) }
    if let time = metadata.sentAt {
      appendPair(Array(timeName.utf8), CarriedTime.text(of: time))
    }
    return (properties, dropped)
  }

  /// A message of another protocol as one MQTT 5.0 packet; see `MQTTFrame`. Empty when MQTT cannot
  /// say the topic.
  ///
  /// - Parameter checksPayload: whether a payload is called text only when it is UTF-8.
  static func packet(
    of publication: inout Publication, _ engine: Engine, checksPayload: Bool
  ) -> ByteBuffer {
    guard let topic = MQTTTopicCodec.name(Array(publication.topic)),
      topic.count <= Int(UInt16.max)
    else { return ByteBuffer() }
    var metadata = publication.metadata(engine)
    let isWronglyText =
      checksPayload && metadata.payloadIsText == true
      && !MQTTText.isValidPayload(publication.payload)
    if isWronglyText { metadata.payloadIsText = nil }
    var (properties, dropped) = properties(of: metadata)
    if isWronglyText { dropped += 1 }
    engine.counters.droppedProperties &+= UInt64(truncatingIfNeeded: dropped)
    if publication.expiresAt > 0 {
      let left = max(0, publication.expiresAt - engine.now)
      properties.append(
        .messageExpiryInterval, UInt32(clamping: (left + 999_999_999) / 1_000_000_000))
    }
    var packet = ByteBuffer()
    MQTTEncoder.encode(
      .publish(
        MQTTPublish(
          topic: ByteBuffer(bytes: topic), payload: ByteBuffer(bytes: publication.payload),
          properties: properties)), .v5, into: &packet)
    return packet
  }
}
