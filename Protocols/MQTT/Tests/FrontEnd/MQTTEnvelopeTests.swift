import GodwitEngine
import MQTTWire
import NIOCore
import Testing

@testable import MQTTFrontEnd

@Suite struct MQTTEnvelopeTests {
  @Test func metadataGoesThereAndBack() {
    var properties = MQTTProperties()
    properties.append(.payloadFormatIndicator, 1)
    properties.append(.contentType, "text/plain")
    properties.append(.responseTopic, "re/ply.x")
    properties.append(.correlationData, ByteBuffer(bytes: [0, 255]))
    properties.append(userProperty: "b", "1")
    properties.append(userProperty: "a", "2")
    properties.append(userProperty: "b", "1")
    properties.append(userProperty: "message-id", "m1")
    properties.append(userProperty: "Godwit-Key", "base64:AP8=")
    properties.append(userProperty: "Godwit-Time", "1600000000123000000")
    let metadata = properties.bytes.withUnsafeReadableBytes { MQTTEnvelope.metadata(of: $0) }
    #expect(metadata.payloadIsText == true)
    #expect(metadata.replyTopic == Array("re.ply//x".utf8))
    #expect(metadata.headers.map { String(decoding: $0.name, as: UTF8.self) } == ["b", "a", "b"])
    #expect(metadata.messageID == Array("m1".utf8))
    #expect(metadata.key == [0, 0xFF])
    #expect(metadata.sentAt == 1_600_000_000_123_000_000)
    #expect(metadata.dropped == 0)
    let back = MQTTEnvelope.properties(of: metadata)
    #expect(back.0 == properties)
    #expect(back.dropped == 0)
  }

  @Test func whatIsNoTimeAndASecondKeyStayUserProperties() {
    var properties = MQTTProperties()
    let pairs = [
      ("Godwit-Time", "soon"), ("Godwit-Key", ""), ("Godwit-Key", "b"), ("godwit-key", "c"),
    ]
    for (name, value) in pairs { properties.append(userProperty: name, value) }
    let metadata = properties.bytes.withUnsafeReadableBytes { MQTTEnvelope.metadata(of: $0) }
    #expect(metadata.key == [])
    #expect(metadata.sentAt == nil)
    #expect(
      metadata.headers.map { String(decoding: $0.value, as: UTF8.self) } == ["soon", "b", "c"])
  }

  @Test func aKeyThatIsTooLargeForATextIsCounted() {
    var metadata = Metadata()
    metadata.key = Array(repeating: 0, count: 60_000)
    let (properties, dropped) = MQTTEnvelope.properties(of: metadata)
    #expect(properties.isEmpty)
    #expect(dropped == 1)
  }

  @Test func whatMQTTCannotSayIsCounted() {
    var metadata = Metadata()
    metadata.headers = [.init(name: [0x61], value: [0xFF]), .init(name: [0], value: [0x61])]
    metadata.replyTopic = Array("a/b".utf8)
    let (properties, dropped) = MQTTEnvelope.properties(of: metadata)
    #expect(properties.isEmpty)
    #expect(dropped == 3)
  }

  /// A protocol that calls every payload text.
  private final class CallsItText: EnvelopeReader {
    func metadata(of publication: borrowing Publication) -> Metadata {
      var metadata = Metadata()
      metadata.payloadIsText = true
      return metadata
    }
  }

  @Test(
    arguments: [
      ([0x61], true, true), ([0xFF], true, false), ([0xFF], false, true),
    ] as [([UInt8], Bool, Bool)])
  func onlyTextIsCalledText(_ payload: [UInt8], _ checks: Bool, _ isCalledText: Bool) {
    let engine = Engine(now: 1)
    let origin = engine.register(origin: "other", reader: CallsItText())
    let packet = Array("t".utf8).withUnsafeBytes { topic in
      payload.withUnsafeBytes { bytes in
        var publication = Publication(
          topic: topic, payload: bytes, origin: origin, native: bytes, quality: .atMostOnce)
        return MQTTEnvelope.packet(of: &publication, engine, checksPayload: checks)
      }
    }
    let metadata = packet.withUnsafeReadableBytes { packet in
      MQTTFrame(packet, form: MQTTFrame.form5).map { MQTTEnvelope.metadata(of: $0.properties) }
    }
    #expect(metadata?.payloadIsText == (isCalledText ? true : nil))
    #expect(engine.counters.droppedProperties == (isCalledText ? 0 : 1))
  }
}
