import GodwitWireTesting
import MQTTWire
import NIOCore
import Testing

@Suite struct MQTTDecoderTests {
  @Test(arguments: Vectors.packets)
  func decodesGoldenBytes(_ vector: Vectors.Packet) throws {
    let packet = try #require(GoldenPackets.all[vector.name])
    let isConnect = packet.type == .connect
    try verifyDecoder(vector.bytes, packet) {
      MQTTDecoder(version: isConnect ? nil : vector.version)
    }
  }

  @Test func everyGoldenPacketHasItsBytes() {
    #expect(Set(GoldenPackets.all.keys) == Set(Vectors.packets.map(\.name)))
  }

  @Test(arguments: Vectors.refusals)
  func refuses(_ vector: Vectors.Refusal) throws {
    let error = try verifyRefusal(vector.bytes) { MQTTDecoder(version: vector.version) }
    #expect(error.reason == vector.reason, "\(error.message)")
  }

  @Test func thereAreRefusals() { #expect(Vectors.refusals.count > 90) }

  @Test func learnsTheVersion() throws {
    var decoder = MQTTDecoder()
    var buffer = ByteBuffer()
    MQTTEncoder.encode(
      .connect(MQTTConnect(version: .v5, clientID: ByteBuffer())), .v5, into: &buffer)
    #expect(try decoder.decode(&buffer) != nil)
    #expect(decoder.version == .v5)
  }

  @Test func packetLimitCountsTheWholePacket() throws {
    let packet = MQTTPacket.publish(
      MQTTPublish(topic: ByteBuffer(string: "a"), payload: ByteBuffer(repeating: 1, count: 95)))
    var bytes = ByteBuffer()
    MQTTEncoder.encode(packet, .v311, into: &bytes)
    #expect(bytes.readableBytes == 100)
    var limits = MQTTDecoder.Limits()
    limits.packetSizeMax = 100
    var decoder = MQTTDecoder(version: .v311, limits: limits)
    var whole = bytes
    #expect(try decoder.decode(&whole) == packet)
    limits.packetSizeMax = 99
    decoder = MQTTDecoder(version: .v311, limits: limits)
    // The header alone is enough to refuse.
    var header = try #require(bytes.getSlice(at: 0, length: 2))
    #expect(throws: MQTTWireError(.packetTooLarge, "")) { try decoder.decode(&header) }
  }

  @Test func filtersAreCounted() throws {
    let request = MQTTSubscribe.Request(filter: ByteBuffer(string: "a"), qos: .atMostOnce)
    var limits = MQTTDecoder.Limits()
    limits.filtersMax = 2
    for (count, isTaken) in [(2, true), (3, false)] {
      var bytes = ByteBuffer()
      MQTTEncoder.encode(
        .subscribe(
          MQTTSubscribe(packetID: 1, requests: Array(repeating: request, count: count))), .v311,
        into: &bytes)
      var decoder = MQTTDecoder(version: .v311, limits: limits)
      if isTaken {
        #expect(try decoder.decode(&bytes) != nil)
      } else {
        #expect(throws: MQTTWireError(.quotaExceeded, "")) { try decoder.decode(&bytes) }
      }
    }
  }

  @Test func packetsStaySmall() {
    #expect(MemoryLayout<MQTTPacket>.size <= 80)
    #expect(MemoryLayout<MQTTPublishView>.size <= 56)
  }

  @Test func mutatedBytesNeverTrap() {
    var mutator = ByteMutator(
      seed: FuzzEffort.seed(0x6D71_7474),
      corpus: Vectors.packets.map(\.bytes) + Vectors.refusals.map(\.bytes))
    var taken = 0
    var refused = 0
    for round in 0..<FuzzEffort.rounds(60_000) {
      let version: MQTTVersion? = [nil, .v31, .v311, .v5][round & 3]
      var decoder = MQTTDecoder(version: version)
      var buffer = ByteBuffer(bytes: mutator.next())
      do {
        while let packet = try decoder.decode(&buffer) {
          taken += 1
          // What was taken can be said again and means the same.
          let spoken = decoder.version ?? .v311
          var again = ByteBuffer()
          MQTTEncoder.encode(packet, spoken, into: &again)
          var second = MQTTDecoder(version: packet.type == .connect ? nil : spoken)
          #expect(try second.decode(&again) == packet)
          #expect(again.readableBytes == 0)
        }
      } catch {
        refused += 1
      }
    }
    #expect(taken > 1000 && refused > 1000, "\(taken) taken, \(refused) refused")
  }
}
