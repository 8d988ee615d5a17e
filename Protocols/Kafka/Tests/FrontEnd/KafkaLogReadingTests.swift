import GodwitEngine
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

/// What clients find by time, and from a place on.
@Suite struct KafkaLogReadingTests {
  private let engine = Engine(now: 1)
  private let partition: Partition

  init() throws {
    let topics = self.engine.tenant(named: "a").partitionedTopics
    let settings = PartitionedTopicSettings(name: "t", topic: Array("t".utf8))
    self.partition = try topics.create(settings).partitions[0]
  }

  /// Appends a batch of records of those times, in milliseconds.
  private func append(_ times: Int64...) throws {
    var builder = KafkaBatchBuilder()
    for (index, time) in times.enumerated() {
      try builder.append(
        KafkaRecord(
          offset: Int64(index), timestamp: time, key: nil, value: ByteBuffer(string: "v"),
          headers: []))
    }
    try self.partition.append(
      batch: try builder.finish(), origin: .engine, count: times.count,
      time: (times.max() ?? 0) * 1_000_000)
  }

  private func offset(notBefore time: Int64) -> UInt64? {
    var found: UInt64?
    KafkaLogReading.offset(of: self.partition, notBefore: time, self.engine, isBeside: false) {
      answer, _ in found = answer?.offset
    }
    return found
  }

  private func latest() -> UInt64? {
    var found: UInt64?
    KafkaLogReading.latest(of: self.partition, self.engine) { answer, _ in found = answer?.offset }
    // It is opened in a later turn.
    for _ in 0..<10 {
      self.engine.advance(to: self.engine.now + 1_000_000_000)
      _ = self.engine.timers.fireDue()
    }
    return found
  }

  @Test func whatIsFoundByTimeIsNeverBeforeTheStart() throws {
    try self.append(1_000, 5_000, 2_000, 3_000)
    try self.append(4_000)
    #expect(self.offset(notBefore: 0) == 0)
    #expect(self.offset(notBefore: 1_500) == 1)
    #expect(self.latest() == 1)
    // In the middle of a batch, which stays whole.
    self.partition.trim(before: 2)
    #expect(self.offset(notBefore: 0) == 2)
    #expect(self.offset(notBefore: 2_500) == 3)
    #expect(self.offset(notBefore: 3_500) == 4)
    #expect(self.offset(notBefore: 6_000) == nil)
    #expect(self.latest() == 3)
  }

  @Test func aReaderWhoseRecordIsGoneGoesOnWithTheNext() throws {
    try self.append(1_000)
    try self.append(2_000)
    try self.append(3_000)
    self.partition.log.remove(at: 0)
    self.partition.log.remove(at: 1)
    #expect(self.partition.startOffset == 0)
    let (bytes, end) = KafkaLogReading.batches(
      of: self.partition, from: 0, before: 3, bytesMax: 1_000, self.engine)
    let header = try #require(bytes.withUnsafeReadableBytes { KafkaBatchHeader($0) })
    #expect(header.baseOffset == 2 && end == 3)
  }
}
