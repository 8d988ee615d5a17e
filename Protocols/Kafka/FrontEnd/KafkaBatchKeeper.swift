import GodwitEngine
import KafkaWire
import NIOCore

/// Opens batches for topics that keep the last record of each key, and for operators who look into
/// a log. Where keys count, those of transactions that are open are not looked at, and what was
/// aborted counts for nothing.
final class KafkaBatchKeeper: BatchKeeper {
  private let origin: Origin
  /// The coordinator, once it knows what became of transactions; until then theirs stay whole.
  weak var transactions: KafkaTransactions?
  /// Which place a partition is, and what is known of it.
  var find: (Partition) -> (place: KafkaPlace, partition: KafkaPartition)? = { _ in nil }

  init(origin: Origin) { self.origin = origin }

  func standing(
    of bytes: ByteBuffer, form: UInt8, first: UInt64, in partition: Partition
  ) -> BatchStanding {
    guard let header = bytes.withUnsafeReadableBytes({ KafkaBatchHeader($0) }),
      header.attributes.isTransactional
    else { return .counts }
    guard transactions != nil, let found = find(partition) else { return .stays }
    if header.attributes.isControl { return .end(of: header.producerID) }
    return found.partition.transactions.isAborted(first, of: header.producerID)
      ? .void : .part(of: header.producerID)
  }

  func settledOffset(of partition: Partition) -> UInt64 {
    guard let found = find(partition) else { return .max }
    // A batch that is gone tells nobody what its producer has written last.
    return min(
      found.partition.settleProducers(), transactions?.settledOffset(of: found.place) ?? .max)
  }

  func opening(
    of bytes: ByteBuffer, form: UInt8, bytesMax: Int
  ) -> (@Sendable () -> ByteBuffer?)? {
    guard let header = bytes.withUnsafeReadableBytes({ KafkaBatchHeader($0) }),
      header.attributes.compression != KafkaCompression.none
    else { return nil }
    return {
      var bytes = bytes
      return (try? KafkaBatch.next(from: &bytes, checksCRC: false))?
        .flatMap { try? $0.plain(sizeMax: bytesMax) }
    }
  }

  func forEachKey(
    of bytes: ByteBuffer, form: UInt8, first: UInt64,
    _ body: (_ offset: UInt64, _ key: UnsafeRawBufferPointer, _ isGone: Bool) -> Void
  ) -> Bool {
    guard let batch = Self.batch(bytes),
      let plain = try? batch.plainBody(sizeMax: KafkaLogReading.openedBytesMax)
    else { return false }
    return plain.withUnsafeReadableBytes { records in
      var reader = KafkaRecordReader(records, count: Int(batch.header.count))
      while let view = try? reader.next() {
        guard let key = view.key, view.offsetDelta >= 0 else { continue }
        body(
          first + UInt64(view.offsetDelta), UnsafeRawBufferPointer(rebasing: records[key]),
          view.value == nil)
      }
      return true
    }
  }

  func trim(
    _ bytes: ByteBuffer, form: UInt8, first: UInt64, _ isLeft: (UInt64) -> Bool
  ) -> ByteBuffer? {
    guard let batch = Self.batch(bytes) else { return nil }
    let base = batch.header.baseOffset
    return try? batch.retaining(sizeMax: KafkaLogReading.openedBytesMax) {
      isLeft(first &+ UInt64(clamping: $0 &- base))
    }
  }

  func forEachRecord(
    of bytes: ByteBuffer, form: UInt8, first: UInt64, topic: [UInt8], bytesMax: Int,
    _ body: (_ offset: UInt64, _ message: inout Publication, _ time: Int64) -> Bool
  ) -> Bool {
    var bytes = bytes
    guard let batch = try? KafkaBatch.next(from: &bytes, checksCRC: false) else { return false }
    // A marker is the broker's own.
    guard !batch.header.attributes.isControl else { return true }
    guard let plain = try? batch.plainBody(sizeMax: bytesMax) else { return false }
    return plain.withUnsafeReadableBytes { records in
      var reader = KafkaRecordReader(records, count: Int(batch.header.count))
      while let view = try? reader.next() {
        guard view.offsetDelta >= 0 else { continue }
        let time = KafkaTopicConfig.nanoseconds(KafkaEnvelope.timestamp(view, batch.header))
        let goesOn = KafkaEnvelope.withMessage(
          view, records, batch.header, origin: origin, topic: topic
        ) { body(first + UInt64(view.offsetDelta), &$0, time) }
        guard goesOn else { break }
      }
      return true
    }
  }

  func time(of bytes: ByteBuffer, form: UInt8) -> Int64? {
    var bytes = bytes
    guard let batch = try? KafkaBatch.next(from: &bytes, checksCRC: false) else { return nil }
    return KafkaTopicConfig.nanoseconds(batch.header.baseTimestamp)
  }

  private static func batch(_ bytes: ByteBuffer) -> KafkaBatch? {
    var bytes = bytes
    guard let batch = try? KafkaBatch.next(from: &bytes, checksCRC: false),
      !batch.header.attributes.isControl
    else { return nil }
    return batch
  }
}
