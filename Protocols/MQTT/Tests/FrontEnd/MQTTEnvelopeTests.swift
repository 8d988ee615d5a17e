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
    let metadata = properties.bytes.withUnsafeReadableBytes { MQTTEnvelope.metadata(of: $0) }
    #expect(metadata.payloadIsText == true)
    #expect(metadata.replyTopic == Array("re.ply//x".utf8))
    #expect(metadata.headers.map { String(decoding: $0.name, as: UTF8.self) } == ["b", "a", "b"])
    #expect(metadata.messageID == Array("m1".utf8))
    #expect(metadata.dropped == 0)
    let back = MQTTEnvelope.properties(of: metadata)
    #expect(back.0 == properties)
    #expect(back.dropped == 0)
  }

  @Test func whatMQTTCannotSayIsCounted() {
    var metadata = Metadata()
    metadata.headers = [.init(name: [0x61], value: [0xFF]), .init(name: [0], value: [0x61])]
    metadata.replyTopic = Array("a/b".utf8)
    let (properties, dropped) = MQTTEnvelope.properties(of: metadata)
    #expect(properties.isEmpty)
    #expect(dropped == 3)
  }
}
