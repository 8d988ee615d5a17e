import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaEnvelopeTests {
  /// The metadata of a record as other protocols are told of it.
  private static func metadata(_ record: KafkaRecord, _ engine: Engine) throws -> Metadata {
    var builder = KafkaBatchBuilder()
    try builder.append(record)
    var batch = try builder.finish()
    batch.moveReaderIndex(forwardBy: KafkaBatchHeader.size)
    var native = ByteBuffer(integer: record.timestamp)
    native.writeBuffer(&batch)
    let origin = engine.register(origin: "kafka", reader: KafkaEnvelope())
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    return native.withUnsafeReadableBytes { native in
      var publication = Publication(
        topic: none, payload: none, origin: origin, native: native, quality: .atLeastOnce)
      return publication.metadata(engine)
    }
  }

  private static func headers(_ pairs: [(String, String?)]) -> [KafkaRecord.Header] {
    pairs.map { KafkaRecord.Header($0.0, $0.1.map { ByteBuffer(string: $0) }) }
  }

  @Test func headersFindTheirPlaces() throws {
    let record = KafkaRecord(
      timestamp: 1_700_000_000_123, key: ByteBuffer(string: "k"), value: ByteBuffer(string: "v"),
      headers: Self.headers([
        ("a", "1"), ("Content-Type", "text/plain"), ("correlation-data", "c"), ("a", "2"),
        ("reply-topic", "answers..here"), ("message-id", "m"), ("payload-format-indicator", "0"),
        ("content-type", "twice"), ("null", nil), ("reply-topic", "later"),
      ]))
    let metadata = try Self.metadata(record, Engine(now: 1))
    #expect(metadata.key == Array("k".utf8))
    #expect(metadata.sentAt == 1_700_000_000_123_000_000)
    #expect(metadata.contentType == Array("text/plain".utf8))
    #expect(metadata.correlation == Array("c".utf8))
    #expect(metadata.replyTopic == Array("answers./.here".utf8))
    #expect(metadata.messageID == Array("m".utf8))
    #expect(metadata.payloadIsText == false)
    #expect(
      metadata.headers.map { String(decoding: $0.name, as: UTF8.self) }
        == ["a", "a", "content-type", "reply-topic"])
    #expect(metadata.dropped == 1)
  }

  @Test func timesBeyondNanosecondsAreClamped() throws {
    let record = KafkaRecord(timestamp: .max, value: nil)
    #expect(try Self.metadata(record, Engine(now: 1)).sentAt == .max)
    #expect(try Self.metadata(KafkaRecord(timestamp: -1, value: nil), Engine(now: 1)).sentAt == nil)
  }

  @Test func whatOthersSendBecomesARecord() {
    let engine = Engine(now: 1_700_000_000_123_456_789)
    var metadata = Metadata()
    metadata.headers = [.init(name: Array("a".utf8), value: [0xFF])]
    metadata.headers.append(.init(name: [0xFF], value: []))
    metadata.contentType = Array("t".utf8)
    metadata.replyTopic = Array("$SYS.x".utf8)
    metadata.payloadIsText = true
    metadata.key = [0, 0xFF]
    let record = engine.tenant(named: "t").record(
      topic: Array("a.b".utf8), payload: [1, 2], metadata: metadata,
      expiresAt: 1_700_000_001_000_000_000)
    let found = KafkaEnvelope.record(of: record, offset: 7, engine)
    #expect(found.offset == 7 && found.timestamp == 1_700_000_000_123)
    #expect(found.key == ByteBuffer(bytes: [0, 0xFF]))
    #expect(found.value == ByteBuffer(bytes: [1, 2]))
    #expect(
      found.headers
        == [
          KafkaRecord.Header("a", ByteBuffer(bytes: [0xFF])),
          KafkaRecord.Header("content-type", ByteBuffer(string: "t")),
          KafkaRecord.Header("payload-format-indicator", ByteBuffer(string: "1")),
          KafkaRecord.Header("reply-topic", ByteBuffer(string: "-x24-SYS.x")),
          KafkaRecord.Header("expiry-ms", ByteBuffer(string: "1700000001000")),
        ])
    #expect(engine.counters.droppedProperties == 1)
  }

  // MARK: Time

  private static let now: Int64 = 1_700_000_000_000_000_000
  private static let hour: Int64 = 3_600_000_000_000

  @Test(
    arguments: [
      (0, [:], true), (-24 * hour, [:], true), (-now, ["retention.ms": "-1"], true),
      (-now - 1, ["retention.ms": "-1"], false), (hour, [:], true), (hour + 1, [:], false),
      (-hour - 1, ["retention.ms": "3600000"], false), (-hour, ["retention.ms": "3600000"], true),
      (-hour - 1, ["retention.ms": "3600000", "cleanup.policy": "compact"], true),
      (-hour - 1, ["retention.ms": "3600000", "cleanup.policy": "compact,delete"], false),
      (-1, ["message.timestamp.type": "LogAppendTime"], false),
    ] as [(Int64, [String: String], Bool)])
  func whoseTimeARecordHas(
    _ distance: Int64, _ values: [String: String], _ isBelieved: Bool
  ) throws {
    var config = KafkaTopicConfig()
    for (name, value) in values { #expect(config.set(name, value) == nil) }
    var settings = PartitionedTopicSettings(name: "t", topic: Array("t".utf8))
    let defaults = try KafkaSettings(SettingsValues(defaultsOf: KafkaSettings.section))
    config.apply(to: &settings, defaults: defaults)
    let topics = Engine(now: Self.now).tenant(named: "t").partitionedTopics
    let topic = KafkaTopic(try topics.create(settings))
    let said = Self.now + distance
    #expect(topic.time(sentAt: said, now: Self.now) == (isBelieved ? said : nil))
  }

  @Test func noTimeIsTooLargeToBeJudged() throws {
    let settings = PartitionedTopicSettings(name: "t", topic: Array("t".utf8))
    let topics = Engine(now: Self.now).tenant(named: "t").partitionedTopics
    let topic = KafkaTopic(try topics.create(settings))
    for time in [Int64.min, .max] { #expect(topic.time(sentAt: time, now: Self.now) == nil) }
  }
}
