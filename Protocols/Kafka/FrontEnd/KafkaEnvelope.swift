import GodwitEngine
import KafkaWire
import NIOCore

/// Reads Kafka's messages for other protocols, and writes theirs for Kafka's clients.
///
/// | Kafka | common form |
/// |---|---|
/// | key | key |
/// | timestamp | when it was sent |
/// | header `content-type` (any case) | content type |
/// | header `correlation-data` | correlation |
/// | header `reply-topic`, a Kafka topic | reply topic |
/// | header `message-id` | message id |
/// | header `payload-format-indicator`: `1` or `0` | whether the payload is text |
/// | other headers, in order | headers |
///
/// The native form of a message is its timestamp in milliseconds (8 bytes, big-endian) and the
/// record as it stood in its batch.
final class KafkaEnvelope: EnvelopeReader {
  private enum Name {
    static let contentType = "content-type"
    static let correlation = "correlation-data"
    static let replyTopic = "reply-topic"
    static let messageID = "message-id"
    static let payloadFormat = "payload-format-indicator"
    static let expiry = "expiry-ms"
  }

  /// How many bytes precede the record.
  static let headSize = 8

  // MARK: From Kafka

  /// When a record was made, as its batch says: milliseconds since 1970.
  static func timestamp(_ record: KafkaRecordView, _ header: KafkaBatchHeader) -> Int64 {
    header.attributes.hasAppendTime
      ? header.maxTimestamp : header.baseTimestamp &+ record.timestampDelta
  }

  /// Calls `body` with a record of a batch as a message.
  ///
  /// - Parameter plain: the batch's body, decompressed.
  static func withMessage<Result>(
    _ record: KafkaRecordView, _ plain: UnsafeRawBufferPointer, _ header: KafkaBatchHeader,
    origin: Origin, topic: [UInt8], _ body: (inout Publication) -> Result
  ) -> Result {
    var native = ByteBuffer()
    native.reserveCapacity(headSize + record.record.count)
    native.writeInteger(timestamp(record, header))
    native.writeBytes(plain[record.record])
    return native.withUnsafeReadableBytes { native in
      let shift = headSize - record.record.lowerBound
      let payload = record.value.map { $0.lowerBound + shift..<$0.upperBound + shift } ?? 0..<0
      return topic.withUnsafeBytes { topic in
        var publication = Publication(
          topic: topic, payload: UnsafeRawBufferPointer(rebasing: native[payload]),
          origin: origin, native: native, quality: .atLeastOnce)
        return body(&publication)
      }
    }
  }

  func metadata(of publication: borrowing Publication) -> Metadata {
    var metadata = Metadata()
    let native = publication.native
    guard native.count > Self.headSize else { return metadata }
    let timestamp = Int64(bigEndian: native.loadUnaligned(as: Int64.self))
    if timestamp >= 0 { metadata.sentAt = KafkaTopicConfig.nanoseconds(timestamp) }
    let bytes = UnsafeRawBufferPointer(rebasing: native[Self.headSize...])
    var reader = KafkaRecordReader(bytes, count: 1)
    guard let record = try? reader.next() else { return metadata }
    metadata.key = record.key.map { Array(bytes[$0]) }
    reader.forEachHeader(of: record) { header in
      Self.add(
        Array(bytes[header.key]), header.value.map { Array(bytes[$0]) }, to: &metadata)
    }
    return metadata
  }

  private static func add(_ name: [UInt8], _ said: [UInt8]?, to metadata: inout Metadata) {
    guard let value = said else {
      // A header without a value, which no other protocol has.
      metadata.dropped += 1
      return
    }
    switch String(decoding: name, as: UTF8.self).lowercased() {
    case Name.contentType where metadata.contentType == nil: metadata.contentType = value
    case Name.correlation where metadata.correlation == nil: metadata.correlation = value
    case Name.messageID where metadata.messageID == nil: metadata.messageID = value
    case Name.payloadFormat
    where metadata.payloadIsText == nil && (value == [0x30] || value == [0x31]):
      metadata.payloadIsText = value == [0x31]
    case Name.replyTopic where metadata.replyTopic == nil:
      if let topic = KafkaTopicCodec.canonical(value) {
        metadata.replyTopic = topic
      } else {
        metadata.dropped += 1
      }
    default: metadata.headers.append(.init(name: name, value: value))
    }
  }

  // MARK: To Kafka

  /// A kept message of another protocol as one of Kafka's.
  static func record(of record: Record, offset: UInt64, _ engine: Engine) -> KafkaRecord {
    record.withPublication { publication in
      let metadata = publication.metadata(engine)
      var dropped = 0
      var headers: [KafkaRecord.Header] = []
      func add(_ name: String, _ value: [UInt8]) {
        headers.append(KafkaRecord.Header(name, ByteBuffer(bytes: value)))
      }
      for header in metadata.headers {
        if let name = String(validating: header.name, as: UTF8.self) {
          add(name, header.value)
        } else {
          dropped += 1
        }
      }
      if let value = metadata.contentType { add(Name.contentType, value) }
      if let value = metadata.correlation { add(Name.correlation, value) }
      if let value = metadata.messageID { add(Name.messageID, value) }
      if let isText = metadata.payloadIsText {
        add(Name.payloadFormat, isText ? [0x31] : [0x30])
      }
      if let reply = metadata.replyTopic {
        if let name = KafkaTopicCodec.name(reply) {
          add(Name.replyTopic, name)
        } else {
          dropped += 1
        }
      }
      if record.expiresAt > 0 {
        add(Name.expiry, Array(String(record.expiresAt / 1_000_000).utf8))
      }
      engine.counters.droppedProperties &+= UInt64(truncatingIfNeeded: dropped)
      // When it was sent is its time already, where the topic believes that (`KafkaTopic.time`).
      return KafkaRecord(
        offset: Int64(clamping: offset), timestamp: record.receivedAt / 1_000_000,
        key: metadata.key.map { ByteBuffer(bytes: $0) }, value: record.body, headers: headers)
    }
  }
}
