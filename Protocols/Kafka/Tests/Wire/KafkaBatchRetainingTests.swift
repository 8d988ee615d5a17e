import KafkaWire
import NIOCore
import Testing

/// Batches without some of their records.
@Suite struct KafkaBatchRetainingTests {
  @Test func whatStaysIsAsItWas() throws {
    for (name, compression, bytes) in KafkaBatchTests.batches {
      var buffer = ByteBuffer(bytes: bytes)
      let batch = try #require(try KafkaBatch.next(from: &buffer))
      let records = try batch.records(sizeMax: 1 << 20)
      let made = try batch.retaining(sizeMax: 1 << 20) { $0 % 10 == 3 }
      // Zstandard is not written as well as others write it.
      guard var smaller = made else {
        #expect(compression == "zstd", "\(name)")
        continue
      }
      #expect(smaller.readableBytes < bytes.count)
      let left = try #require(try KafkaBatch.next(from: &smaller))
      #expect(smaller.readableBytes == 0)
      #expect(try left.records(sizeMax: 1 << 20) == records.filter { $0.offset % 10 == 3 })
      #expect(left.header.lastOffset == batch.header.lastOffset)
      #expect(left.header.lastSequence == batch.header.lastSequence)
      #expect(left.header.producerID == batch.header.producerID)
      #expect(left.header.attributes == batch.header.attributes)
      #expect(left.header.count == 4)
    }
  }

  @Test func allOrNothingIsNoSmallerBatch() throws {
    for (_, _, bytes) in KafkaBatchTests.batches {
      var buffer = ByteBuffer(bytes: bytes)
      let batch = try #require(try KafkaBatch.next(from: &buffer))
      #expect(try batch.retaining(sizeMax: 1 << 20) { _ in true } == nil)
      #expect(try batch.retaining(sizeMax: 1 << 20) { _ in false } == nil)
      #expect(throws: KafkaBatchError.self) { try batch.retaining(sizeMax: 10) { $0 == 1 } }
    }
  }
}
