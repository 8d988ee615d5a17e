import KafkaWire
import NIOCore
import Testing

@Suite struct KafkaReaderTests {
  private func request(
    _ bytes: [UInt8], version: Int16, limits: KafkaLimits = KafkaLimits()
  ) throws -> KafkaHeartbeat.Request {
    try KafkaHeartbeat.decodeRequest(ByteBuffer(bytes: bytes), version: version, limits: limits)
  }

  /// group "g", generation 1, member "m", no instance.
  private let heartbeat: [UInt8] = [2, 0x67, 0, 0, 0, 1, 2, 0x6D, 0]

  @Test func unknownTaggedFieldsArePassedOver() throws {
    let plain = try request(heartbeat + [0], version: 4)
    #expect(plain.groupID == "g" && plain.generationID == 1 && plain.memberID == "m")
    #expect(try request(heartbeat + [2, 5, 1, 0xAA, 0xC8, 1, 0], version: 4) == plain)
  }

  @Test func taggedFieldsStayWithinTheirBounds() {
    let wrong: [[UInt8]] = [
      [1], [1, 5], [1, 5, 2, 0], [2, 5, 0], [2, 5, 0, 5, 0], [2, 5, 0, 4, 0],
      [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [1, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
      [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0], [0x80, 0x80, 0x80, 0x80, 0x10],
    ]
    for tail in wrong {
      #expect(throws: KafkaWireError.self, "\(tail)") {
        try request(heartbeat + tail, version: 4)
      }
    }
    // A known one whose value is shorter than its bounds: the rack is null, a byte follows.
    #expect(throws: KafkaWireError.self) {
      try KafkaFetch.decodeRequest(
        ByteBuffer(
          bytes: [UInt8](repeating: 0, count: 25) + [1, 1, 1] + [1, 0, 2, 0, 0]), version: 12)
    }
  }

  @Test func nullIsRefusedWhereItMayNotBe() {
    #expect(throws: KafkaWireError.self) {
      try request([0xFF, 0xFF, 0, 0, 0, 1, 0, 0], version: 0)
    }
    #expect(throws: KafkaWireError.self) {
      try request([0, 0, 0, 0, 1, 1, 0, 0], version: 4)
    }
    // Below -1 there is nothing.
    #expect(throws: KafkaWireError.self) {
      try request([0x80, 0, 0, 0, 0, 1, 0, 0], version: 0)
    }
  }

  @Test func countsAreCheckedBeforeAnythingIsAllocated() {
    for bytes: [UInt8] in [
      [0x7F, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF, 0, 0], [0, 0, 0, 1],
    ] {
      #expect(throws: KafkaWireError(.malformed, "")) {
        try KafkaMetadata.decodeRequest(ByteBuffer(bytes: bytes), version: 1)
      }
    }
  }

  @Test func elementsOfAMessageAreLimited() throws {
    var limits = KafkaLimits()
    limits.elementsMax = 3
    for (count, isTaken) in [(3, true), (4, false)] {
      let request = KafkaMetadata.Request.with {
        $0.topics = (0..<count).map { _ in .with { $0.name = "t" } }
      }
      var frame = try KafkaMetadata.encode(
        request, correlationID: 1, version: 9, clientID: nil)
      frame.moveReaderIndex(forwardBy: 4)
      _ = try KafkaRequestHeader(from: &frame)
      if isTaken {
        #expect(try KafkaMetadata.decodeRequest(frame, version: 9, limits: limits) == request)
      } else {
        #expect(throws: KafkaWireError(.tooLarge, "")) {
          try KafkaMetadata.decodeRequest(frame, version: 9, limits: limits)
        }
      }
    }
  }

  @Test func textOfOlderVersionsHasItsLimit() throws {
    for (count, isTaken) in [(32_767, true), (32_768, false)] {
      let request = KafkaHeartbeat.Request.with {
        $0.groupID = String(repeating: "g", count: count)
      }
      if isTaken {
        _ = try KafkaHeartbeat.encode(request, correlationID: 1, version: 3, clientID: nil)
      } else {
        #expect(throws: KafkaWireError(.unrepresentable, "")) {
          try KafkaHeartbeat.encode(request, correlationID: 1, version: 3, clientID: nil)
        }
      }
      _ = try KafkaHeartbeat.encode(request, correlationID: 1, version: 4, clientID: nil)
    }
  }

  @Test func nilIsEmptyInVersionsWithoutNull() throws {
    let response = KafkaMetadata.Response.with { $0.topics = [.with { $0.name = nil }] }
    for (version, name) in [(Int16(11), String?.some("")), (12, nil)] {
      var frame = try KafkaMetadata.encode(response, correlationID: 1, version: version)
      frame.moveReaderIndex(forwardBy: 4)
      _ = try KafkaResponseHeader(from: &frame, KafkaMetadata.self, version: version)
      let again = try KafkaMetadata.decodeResponse(frame, version: version)
      #expect(again.topics.first?.name == name)
    }
  }

  @Test func identifiersPrintAsKafkaPrintsThem() {
    #expect(KafkaUUID().description == "AAAAAAAAAAAAAAAAAAAAAA")
    #expect(KafkaUUID(high: 0, low: 1).description == "AAAAAAAAAAAAAAAAAAAAAQ")
    #expect(KafkaUUID(high: .max, low: .max).description == "_____________________w")
    #expect(
      KafkaUUID(high: 0x0001_0203_0405_0607, low: 0x0809_0A0B_0C0D_0E0F).description
        == "AAECAwQFBgcICQoLDA0ODw")
    #expect(KafkaUUID().isZero && !KafkaUUID.random().isZero)
    #expect(KafkaUUID.random().high >> 12 & 0xF == 4)
  }

  @Test func errorsHaveNamesAndSayWhetherToTryAgain() {
    #expect(KafkaErrorCode.noError.description == "NONE" && KafkaErrorCode().rawValue == 0)
    #expect(KafkaErrorCode.notLeaderOrFollower.rawValue == 6)
    #expect(KafkaErrorCode.notLeaderOrFollower.isRetriable)
    #expect(!KafkaErrorCode.offsetOutOfRange.isRetriable)
    #expect(KafkaErrorCode.unsupportedCompressionType.description == "UNSUPPORTED_COMPRESSION_TYPE")
    #expect(KafkaErrorCode.invalidRecord.rawValue == 87)
    #expect(KafkaErrorCode(rawValue: 9999).description == "9999")
  }
}
