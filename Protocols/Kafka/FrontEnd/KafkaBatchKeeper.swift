import GodwitEngine
import KafkaWire
import NIOCore

/// Opens batches for topics that keep the last record of each key. Those of transactions stay
/// whole, for what was aborted must not count as the last.
final class KafkaBatchKeeper: BatchKeeper {
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

  private static func batch(_ bytes: ByteBuffer) -> KafkaBatch? {
    var bytes = bytes
    guard let batch = try? KafkaBatch.next(from: &bytes, checksCRC: false),
      !batch.header.attributes.isControl, !batch.header.attributes.isTransactional
    else { return nil }
    return batch
  }
}
