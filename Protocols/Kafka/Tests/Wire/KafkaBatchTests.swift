import GodwitWireTesting
import KafkaWire
import NIOCore
import Testing

@Suite struct KafkaBatchTests {
  static let batches: [(name: String, compression: String, bytes: [UInt8])] =
    Vectors.lines("batches.txt").map { ($0[0], $0[1], Vectors.hex($0[2])) }

  private static let values = ["one", String(repeating: "two ", count: 12) + "two", "", nil]

  /// The forty records of the golden batches.
  private static func isGolden(_ record: KafkaRecord, librdkafka: Bool = false) -> Bool {
    let index = Int(record.timestamp - 1_700_000_000_000)
    guard (0..<40).contains(index) else { return false }
    let value = values[index % 4]
    var headers = index % 5 == 0 ? [KafkaRecord.Header("h", ByteBuffer(string: "v"))] : []
    if librdkafka, index % 5 == 0 { headers.append(KafkaRecord.Header("h", nil)) }
    return record.key == (index % 3 == 0 ? nil : ByteBuffer(string: "k\(index)"))
      && record.value == value.map { ByteBuffer(string: $0) } && record.headers == headers
  }

  @Test func goldenBatchesAreRead() throws {
    #expect(Self.batches.count == 9)
    for (name, compression, bytes) in Self.batches {
      var buffer = ByteBuffer(bytes: bytes)
      let batch = try #require(try KafkaBatch.next(from: &buffer))
      #expect(buffer.readableBytes == 0)
      #expect(batch.header.producerID == 7000 && batch.header.producerEpoch == 3)
      #expect(batch.header.baseSequence == 11 && batch.header.lastSequence == 50)
      #expect(batch.header.attributes.isTransactional)
      #expect(batch.header.attributes.compression.map { "\($0)" } == compression)
      let records = try batch.records(sizeMax: 1 << 20)
      #expect(records.count == 40 && records.allSatisfy { Self.isGolden($0) }, "\(name)")
      #expect(records.map(\.offset) == Array(0..<40))
      let verdict = try bytes.withUnsafeBytes { try KafkaBatchValidator().validate($0) }
      #expect(verdict.header == batch.header)
      #expect(verdict.maxTimestamp == (compression == "none" ? 1_700_000_000_039 : nil))
    }
  }

  @Test func whatClientsSentIsTaken() throws {
    var produced: Set<String> = []
    for fields in Vectors.lines("clients.txt") {
      var frame = ByteBuffer(bytes: Vectors.hex(fields[3]))
      let header = try KafkaRequestHeader(from: &frame)
      let api = try #require(KafkaAPIs.api(header.key))
      #expect("\(api)" == "Kafka" + fields[1] && "\(header.version)" == fields[2])
      #expect(header.clientID != nil)
      let request = try api.decodeRequest(frame, version: header.version)
      guard let produce = request as? KafkaProduce.Request else { continue }
      let records = try #require(produce.topicData.first?.partitionData.first?.records)
      _ = try records.withUnsafeReadableBytes { try KafkaBatchValidator().validate($0) }
      var rest = records
      let batch = try #require(try KafkaBatch.next(from: &rest))
      let isLibrdkafka = fields[0].hasPrefix("librdkafka")
      for record in try batch.records(sizeMax: 1 << 20) {
        #expect(Self.isGolden(record, librdkafka: isLibrdkafka), "\(fields[0])")
      }
      #expect(fields[0].hasSuffix("-\(try #require(batch.header.attributes.compression))"))
      produced.insert(fields[0])
    }
    #expect(produced.count == 9)
  }

  private func records(_ count: Int) -> [KafkaRecord] {
    (0..<count).map { index in
      KafkaRecord(
        offset: Int64(index), timestamp: 1000 + Int64(index * 7 % 50 * (index % 2 == 0 ? 1 : -1)),
        key: index % 3 == 0 ? nil : ByteBuffer(string: "key \(index)"),
        value: index % 7 == 0 ? nil : ByteBuffer(repeating: UInt8(index % 256), count: index * 3),
        headers: (0..<index % 3).map { .init("h\($0)", $0 == 1 ? nil : ByteBuffer(string: "v")) })
    }
  }

  private func batch(
    _ count: Int, _ change: (inout KafkaBatchBuilder) -> Void = { _ in }
  ) throws -> ByteBuffer {
    var builder = KafkaBatchBuilder()
    change(&builder)
    for record in records(count) { try builder.append(record) }
    return try builder.finish()
  }

  @Test(arguments: KafkaCompression.allCases)
  func builtBatchesAreReadAgain(_ compression: KafkaCompression) throws {
    var bytes = try batch(200) {
      $0.compression = compression
      $0.baseOffset = 500
    }
    let verdict = try bytes.withUnsafeReadableBytes { try KafkaBatchValidator().validate($0) }
    #expect(verdict.header.nextOffset == 700 && verdict.header.lastOffset == 699)
    let batch = try #require(try KafkaBatch.next(from: &bytes))
    let expected = records(200).map { record in
      var record = record
      record.offset += 500
      return record
    }
    #expect(try batch.records(sizeMax: 1 << 20) == expected)
    #expect(batch.header.maxTimestamp == expected.map(\.timestamp).max())
    let plain = try batch.plainBody(sizeMax: 1 << 20)
    let max = try plain.withUnsafeReadableBytes {
      try KafkaBatchValidator().check(records: $0, of: batch.header)
    }
    #expect(max == batch.header.maxTimestamp)
    let limited: KafkaBatchError = .init(code: .messageTooLarge)
    if compression != .none {
      #expect(throws: limited) { try batch.records(sizeMax: plain.readableBytes - 1) }
    }
  }

  private func refusal(
    _ bytes: ByteBuffer, fixesCRC: Bool = true, _ change: (inout ByteBuffer) -> Void = { _ in },
    settings: (inout KafkaBatchValidator) -> Void = { _ in }
  ) -> KafkaErrorCode? {
    var bytes = bytes
    change(&bytes)
    if fixesCRC, bytes.readableBytes >= KafkaBatchHeader.size {
      let crc = bytes.withUnsafeReadableBytes { KafkaBatchHeader.checksum(of: $0) }
      bytes.setInteger(crc, at: 17)
    }
    var validator = KafkaBatchValidator()
    settings(&validator)
    do {
      _ = try bytes.withUnsafeReadableBytes { try validator.validate($0) }
      return nil
    } catch {
      return (error as? KafkaBatchError)?.code
    }
  }

  @Test func brokersRefuseWhatIsWrong() throws {
    let good = try batch(20)
    #expect(refusal(good) == nil)
    // Sizes.
    for count in 0..<good.readableBytes {
      let cut = try #require(good.getSlice(at: 0, length: count))
      #expect(refusal(cut, fixesCRC: false) == .corruptMessage)
    }
    #expect(refusal(good, { $0.writeImmutableBuffer(good) }) == .invalidRecord)
    for length: Int32 in [-1, 0, 48, .min, .max] {
      #expect(refusal(good, { $0.setInteger(length, at: 8) }) == .corruptMessage)
    }
    let size = good.readableBytes
    #expect(refusal(good, settings: { $0.sizeMax = size - 1 }) == .messageTooLarge)
    #expect(refusal(good, settings: { $0.sizeMax = size }) == nil)
    // Form.
    for magic: Int8 in [0, 1, 3, -1] {
      #expect(refusal(good, { $0.setInteger(magic, at: 16) }) == .invalidRecord)
    }
    for at in [17, 21, 40, size - 1] {
      let bit = try #require(good.getInteger(at: at, as: UInt8.self)) ^ 0x40
      #expect(refusal(good, fixesCRC: false, { $0.setInteger(bit, at: at) }) == .corruptMessage)
    }
    for compression: Int16 in [5, 6, 7] {
      #expect(
        refusal(good, { $0.setInteger(compression, at: 21) }) == .unsupportedCompressionType)
    }
    #expect(refusal(good, { $0.setInteger(Int16(0x20), at: 21) }) == .invalidRecord)
    #expect(refusal(good, { $0.setInteger(Int16(0x10), at: 21) }) == .invalidRecord)
    // Counts and numbers.
    for (count, delta) in [(0, -1), (19, 18), (21, 20), (20, 18), (-1, -2), (.min, .max)]
      as [(Int32, Int32)]
    {
      #expect(
        refusal(
          good,
          {
            $0.setInteger(delta, at: 23)
            $0.setInteger(count, at: 57)
          }) == .invalidRecord)
    }
    #expect(refusal(good, { $0.setInteger(Int64(5), at: 43) }) == .invalidRecord)
    let zstd = try batch(2) { $0.compression = .zstd }
    #expect(refusal(zstd) == nil)
    #expect(
      refusal(zstd, settings: { $0.allowsZstandard = false }) == .unsupportedCompressionType)
    #expect(refusal(good, settings: { $0.requiresKeys = true }) == .invalidRecord)
  }

  @Test func offsetsOfRecordsMustBeDense() throws {
    var builder = KafkaBatchBuilder()
    for _ in 0..<3 { try builder.append(KafkaRecord(timestamp: 0, value: ByteBuffer())) }
    let bytes = try builder.finish()
    // Each record: length, attributes, timestamp, offset, ...
    let second = KafkaBatchHeader.size + 7
    #expect(bytes.getInteger(at: second + 3, as: UInt8.self) == 2)
    #expect(refusal(bytes, { $0.setInteger(UInt8(4), at: second + 3) }) == .invalidRecord)
    #expect(
      refusal(
        bytes, { $0.setInteger(UInt8(4), at: second + 3) }, settings: { $0.opensRecords = false })
        == nil)
    // A length that reaches too far, and one that is too short.
    for length: UInt8 in [100, 10, 14] where length != 12 {
      #expect(refusal(bytes, { $0.setInteger(length, at: second) }) == .invalidRecord)
    }
  }

  @Test func aPlaceInTheLogNeedsNoChecksum() throws {
    var bytes = try batch(5)
    let crc = try #require(bytes.getInteger(at: 17, as: UInt32.self))
    bytes.withUnsafeMutableReadableBytes {
      KafkaBatchHeader.assign(baseOffset: 1 << 40, leaderEpoch: 9, in: $0)
    }
    #expect(refusal(bytes, fixesCRC: false) == nil)
    let header = try #require(bytes.withUnsafeReadableBytes { KafkaBatchHeader($0) })
    #expect(header.baseOffset == 1 << 40 && header.leaderEpoch == 9 && header.crc == crc)
    #expect(header.nextOffset == 1 << 40 + 5)
  }

  @Test func theTimeOfAppendingCountsForAllRecords() throws {
    var bytes = try batch(5)
    bytes.withUnsafeMutableReadableBytes { KafkaBatchHeader.stamp(appendTime: 123_456, in: $0) }
    #expect(refusal(bytes, fixesCRC: false) == nil)
    var rest = bytes
    let batch = try #require(try KafkaBatch.next(from: &rest))
    #expect(batch.header.attributes.hasAppendTime && batch.header.maxTimestamp == 123_456)
    #expect(try batch.records(sizeMax: 1 << 20).allSatisfy { $0.timestamp == 123_456 })
    bytes.withUnsafeMutableReadableBytes { KafkaBatchHeader.correct(maxTimestamp: 77, in: $0) }
    #expect(refusal(bytes, fixesCRC: false) == nil)
    let header = try #require(bytes.withUnsafeReadableBytes { KafkaBatchHeader($0) })
    #expect(!header.attributes.hasAppendTime && header.maxTimestamp == 77)
  }

  @Test func severalBatchesComeOneAfterAnother() throws {
    var bytes = try batch(3)
    bytes.writeImmutableBuffer(try batch(4) { $0.baseOffset = 3 })
    let whole = bytes
    bytes.writeImmutableBuffer(try #require(try batch(5).getSlice(at: 0, length: 70)))
    var counts: [Int32] = []
    while let batch = try KafkaBatch.next(from: &bytes) { counts.append(batch.header.count) }
    #expect(counts == [3, 4] && bytes.readableBytes == 70)
    var broken = whole
    broken.setInteger(UInt8(0xFF), at: whole.readableBytes - 1)
    _ = try KafkaBatch.next(from: &broken)
    #expect(throws: KafkaBatchError(code: .corruptMessage)) { try KafkaBatch.next(from: &broken) }
    #expect(try KafkaBatch.next(from: &broken, checksCRC: false) != nil)
  }

  @Test func endsOfTransactionsAreControlBatches() throws {
    for isCommit in [true, false] {
      let mark = KafkaControlRecord(isCommit: isCommit, coordinatorEpoch: 6)
      var bytes = try mark.batch(producerID: 1, producerEpoch: 2, timestamp: 3)
      let batch = try #require(try KafkaBatch.next(from: &bytes))
      #expect(batch.header.attributes.isControl && batch.header.attributes.isTransactional)
      let record = try #require(try batch.records(sizeMax: 100).first)
      #expect(KafkaControlRecord(record) == mark)
      #expect(record.key.map { Array($0.readableBytesView) } == [0, 0, 0, isCommit ? 1 : 0])
    }
    #expect(KafkaControlRecord(KafkaRecord(timestamp: 0, value: nil)) == nil)
  }

  @Test func mutatedBatchesNeverTrap() throws {
    var corpus = Self.batches.map(\.bytes)
    for compression in KafkaCompression.allCases {
      corpus.append(Array(try batch(6) { $0.compression = compression }.readableBytesView))
    }
    var mutator = ByteMutator(seed: FuzzEffort.seed(23), corpus: corpus)
    for _ in 0..<FuzzEffort.rounds(8000) {
      var bytes = ByteBuffer(bytes: mutator.next())
      _ = bytes.withUnsafeReadableBytes { try? KafkaBatchValidator().validate($0) }
      let header = bytes.withUnsafeReadableBytes { KafkaBatchHeader($0) }
      _ = (header?.lastSequence, header?.nextOffset, header?.batchSize)
      bytes.withUnsafeMutableReadableBytes { KafkaBatchHeader.stamp(appendTime: 5, in: $0) }
      // With the checksum that fits what is there now, more of it is looked at.
      _ = bytes.withUnsafeReadableBytes { try? KafkaBatchValidator().validate($0) }
      while let batch = try? KafkaBatch.next(from: &bytes, checksCRC: false) {
        _ = try? batch.records(sizeMax: 100_000)
      }
    }
  }
}
