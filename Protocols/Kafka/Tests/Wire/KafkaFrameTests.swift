import GodwitWireTesting
import KafkaWire
import NIOCore
import Testing

@Suite struct KafkaFrameTests {
  @Test func decodesFrames() throws {
    try verifyDecoder([0, 0, 0, 3, 1, 2, 3], ByteBuffer(bytes: [1, 2, 3])) { KafkaFrameDecoder() }
    try verifyDecoder([0, 0, 0, 0], ByteBuffer()) { KafkaFrameDecoder() }
  }

  @Test func refusesFramesBeyondTheLimit() throws {
    var limits = KafkaLimits()
    limits.frameSizeMax = 256
    #expect(
      try verifyRefusal([0, 0, 1, 1]) { KafkaFrameDecoder(limits: limits) }.reason == .tooLarge)
    #expect(
      try verifyRefusal([0xFF, 0xFF, 0xFF, 0xFF]) { KafkaFrameDecoder() }.reason == .malformed)
    var buffer = ByteBuffer(bytes: [0, 0, 1, 0])
    var decoder = KafkaFrameDecoder(limits: limits)
    #expect(try decoder.decode(&buffer) == nil)
  }

  @Test func scansInPlace() throws {
    let bytes: [UInt8] = [0, 0, 0, 2, 8, 9, 0]
    func scan(_ count: Int) throws -> KafkaFrame.Scan {
      try bytes.withUnsafeBytes {
        try KafkaFrame.scan(UnsafeRawBufferPointer(rebasing: $0[..<count]), sizeMax: 2)
      }
    }
    for count in 0..<4 { #expect(try scan(count) == .incomplete(needed: 4)) }
    for count in 4..<6 { #expect(try scan(count) == .incomplete(needed: 6)) }
    for count in 6...7 { #expect(try scan(count) == .frame(size: 6)) }
    for head: [UInt8] in [[0, 0, 0, 3], [0xFF, 0, 0, 0]] {
      #expect(throws: KafkaWireError.self) {
        try head.withUnsafeBytes { try KafkaFrame.scan($0, sizeMax: 2) }
      }
    }
  }

  private func check<A: KafkaAPI>(_: A.Type, _ vector: Vectors.Frame) throws {
    var stream = ByteBuffer(bytes: vector.bytes)
    var decoder = KafkaFrameDecoder()
    var frame = try #require(try decoder.decode(&stream))
    if vector.isRequest {
      let header = try KafkaRequestHeader(from: &frame)
      #expect(
        header
          == KafkaRequestHeader(
            key: A.key, version: vector.version, correlationID: 77, clientID: vector.clientID))
      let request = try A.decodeRequest(frame, version: vector.version)
      let written = try A.encode(
        request, correlationID: 77, version: vector.version, clientID: vector.clientID)
      #expect(Array(written.readableBytesView) == vector.bytes)
    } else {
      let header = try KafkaResponseHeader(from: &frame, A.self, version: vector.version)
      #expect(header.correlationID == 77)
      let response = try A.decodeResponse(frame, version: vector.version)
      let written = try A.encode(response, correlationID: 77, version: vector.version)
      #expect(Array(written.readableBytesView) == vector.bytes)
    }
  }

  @Test func goldenFramesAreReadAndWritten() throws {
    #expect(Vectors.frames.count == 14)
    for vector in Vectors.frames { try check(vector.api, vector) }
  }

  @Test func aVersionThatNobodyKnowsLeavesItsHeaderReadable() throws {
    for (key, version) in [(KafkaAPIKey.apiVersions, Int16(99)), (KafkaAPIKey(rawValue: 999), 0)] {
      var frame = ByteBuffer()
      frame.writeMultipleIntegers(key.rawValue, version, Int32(5))
      frame.writeBytes([1, 2, 3])
      let header = try KafkaRequestHeader(from: &frame)
      #expect(
        header == KafkaRequestHeader(key: key, version: version, correlationID: 5, clientID: nil))
      #expect(Array(frame.readableBytesView) == [1, 2, 3])
    }
    #expect(throws: KafkaWireError(.unsupportedVersion, "")) {
      try KafkaAPIVersions.decodeRequest(ByteBuffer(), version: 99)
    }
    #expect(throws: KafkaWireError(.unsupportedVersion, "")) {
      try KafkaAPIVersions.encode(.init(), correlationID: 1, version: -1)
    }
  }

  @Test func recordsAreTakenOverInPieces() throws {
    let records = ByteBuffer(repeating: 7, count: 5000)
    let response = KafkaFetch.Response.with {
      $0.responses = [
        .with {
          $0.topic = "t"
          $0.partitions = [
            .with { $0.records = records }, .with { $0.records = ByteBuffer(string: "few") },
          ]
        }
      ]
    }
    for version in KafkaFetch.versions {
      let whole = try KafkaFetch.encode(response, correlationID: 3, version: version)
      let pieces = try KafkaFetch.encodePieces(
        response, correlationID: 3, version: version, gathersFrom: 4096)
      #expect(pieces.count == 3 && pieces[1] == records)
      #expect(pieces.flatMap { Array($0.readableBytesView) } == Array(whole.readableBytesView))
      #expect(whole.getInteger(at: 0, as: Int32.self) == Int32(whole.readableBytes - 4))
    }
  }

  @Test func mutatedHeadersNeverTrap() {
    var mutator = ByteMutator(
      seed: FuzzEffort.seed(5), corpus: Vectors.frames.map { Array($0.bytes.dropFirst(4)) })
    for _ in 0..<FuzzEffort.rounds(20_000) {
      var frame = ByteBuffer(bytes: mutator.next())
      guard let header = try? KafkaRequestHeader(from: &frame),
        let api = KafkaAPIs.api(header.key)
      else { continue }
      _ = try? api.decodeRequest(frame, version: header.version)
    }
  }
}
