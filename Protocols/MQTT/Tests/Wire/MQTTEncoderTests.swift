import GodwitWireTesting
import MQTTWire
import NIOCore
import Testing

@Suite struct MQTTEncoderTests {
  /// Packets whose bytes are not the only way to say them.
  static let alternatives: Set<String> = [
    "connect-31-flags-without-fields", "pubrel-31-dup", "subscribe-31-dup",
  ]

  @Test(arguments: Vectors.packets.filter { !alternatives.contains($0.name) })
  func writesGoldenBytes(_ vector: Vectors.Packet) throws {
    let packet = try #require(GoldenPackets.all[vector.name])
    var out = ByteBuffer()
    MQTTEncoder.encode(packet, vector.version, into: &out)
    #expect(Array(out.readableBytesView) == vector.bytes)
  }

  @Test func roundTripsFromASeed() throws {
    var random = PacketGenerator(seed: 20)
    for _ in 0..<20_000 {
      let version = MQTTVersion.allCases.randomElement(using: &random.random) ?? .v5
      let packet = random.packet(version)
      var out = ByteBuffer()
      MQTTEncoder.encode(packet, version, into: &out)
      var limits = MQTTDecoder.Limits()
      limits.packetSizeMax = 1 << 28
      var decoder = MQTTDecoder(
        version: packet.type == .connect ? nil : version, limits: limits)
      #expect(try decoder.decode(&out) == packet)
      #expect(out.readableBytes == 0)
    }
  }

  @Test func publishHeadWritesWhatTheEncoderWrites() {
    var random = PacketGenerator(seed: 21)
    for _ in 0..<5000 {
      let version = MQTTVersion.allCases.randomElement(using: &random.random) ?? .v5
      let publish = random.publish(version)
      var expected = ByteBuffer()
      MQTTEncoder.encode(.publish(publish), version, into: &expected)
      let written = publish.topic.withUnsafeReadableBytes { topic in
        publish.properties.bytes.withUnsafeReadableBytes { properties in
          let cut = properties.count / 2
          let head = MQTTPublishHead(
            qos: publish.qos, retain: publish.retain, duplicate: publish.duplicate, topic: topic,
            packetID: publish.packetID, version: version,
            ownProperties: UnsafeRawBufferPointer(rebasing: properties[..<cut]),
            sharedProperties: UnsafeRawBufferPointer(rebasing: properties[cut...]),
            payloadSize: publish.payload.readableBytes)
          var out = ByteBuffer()
          out.writeWithUnsafeMutableBytes(minimumWritableBytes: head.size) { memory in
            guard let base = memory.baseAddress else { return 0 }
            let end = head.write(to: base)
            #expect(end - base == head.size)
            return head.size
          }
          #expect(head.packetSize == expected.readableBytes)
          return out
        }
      }
      var whole = written
      whole.writeImmutableBuffer(publish.payload)
      #expect(whole == expected)
    }
  }

  @Test func olderVersionsHaveOneWordForFailure() {
    var out = ByteBuffer()
    MQTTEncoder.encode(
      .suback(MQTTSuback(packetID: 1, reasons: [.grantedQoS1, .notAuthorized])), .v311, into: &out)
    #expect(Array(out.readableBytesView) == [0x90, 4, 0, 1, 1, 0x80])
  }
}
