public import NIOCore

extension KafkaBatch {
  /// The batch without some of its records, as compaction leaves it: those that stay have their
  /// bytes, offsets and timestamps still, and the header has the first and the last offset, the
  /// producer and its sequence number.
  ///
  /// - Parameters:
  ///   - sizeMax: the most bytes that the records may have when decompressed.
  ///   - isLeft: says of an offset whether its record stays.
  /// - Returns: `nil` where all stay, or none, or the batch would not become smaller.
  /// - Throws: as `records(sizeMax:)`.
  public func retaining(
    sizeMax: Int, _ isLeft: (Int64) -> Bool
  ) throws(KafkaBatchError) -> ByteBuffer? {
    let plain = try plainBody(sizeMax: sizeMax)
    var kept = ByteBuffer()
    var count: Int32 = 0
    let failure: KafkaBatchError? = plain.withUnsafeReadableBytes { bytes in
      do throws(KafkaBatchError) {
        var reader = KafkaRecordReader(bytes, count: Int(header.count))
        while let view = try reader.next() {
          guard isLeft(header.baseOffset &+ Int64(view.offsetDelta)) else { continue }
          kept.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[view.record]))
          count += 1
        }
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
    guard count > 0, count < header.count, let compression = header.attributes.compression else {
      return nil
    }
    let body = compression.compress(kept)
    let size = KafkaBatchHeader.size + body.readableBytes
    guard size < bytes.readableBytes else { return nil }
    var changed = header
    changed.count = count
    changed.length = Int32(truncatingIfNeeded: size - KafkaBatchHeader.lengthOverhead)
    var batch = ByteBuffer()
    batch.reserveCapacity(size)
    changed.write(to: &batch)
    batch.writeImmutableBuffer(body)
    let crc = batch.withUnsafeReadableBytes { KafkaBatchHeader.checksum(of: $0) }
    batch.setInteger(crc, at: 17)
    return batch
  }
}
