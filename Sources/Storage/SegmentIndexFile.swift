import GodwitPrimitives
import NIOCore

/// What is known of a segment, in a file beside it, so that a start does not read the segment: of
/// all of one that is full, and of as much as there was at an orderly end. A missing or damaged one
/// costs that, nothing more.
///
/// A header; the offset after the last frame, the segment's length, its records and their bytes,
/// the number of blocks (8 bytes each); each block's first offset, its position, and the latest
/// time in it and before it (8 each); the number of missing ranges and their bounds (8 each); a
/// CRC-32C of it all (4).
enum SegmentIndexFile {
  static func write(_ scan: SegmentScan, _ header: FileHeader) -> ByteBuffer {
    var buffer = ByteBuffer()
    FileHeader(.index, header.number, salt: header.salt).write(to: &buffer)
    buffer.writeMultipleIntegers(
      scan.endOffset, UInt64(scan.end), UInt64(scan.count), UInt64(scan.byteCount),
      UInt64(scan.index.count))
    for entry in scan.index {
      buffer.writeMultipleIntegers(entry.offset, UInt64(entry.position), entry.latest)
    }
    buffer.writeInteger(UInt64(scan.missing.count))
    for range in scan.missing {
      buffer.writeMultipleIntegers(range.lowerBound, range.upperBound)
    }
    buffer.writeInteger(buffer.withUnsafeReadableBytes { CRC32C.checksum($0) })
    return buffer
  }

  /// - Parameter size: the segment's length, which is the most that the index may know.
  static func read(_ buffer: ByteBuffer, _ header: FileHeader, size: Int) -> SegmentScan? {
    var buffer = buffer
    let count = buffer.readableBytes - 4
    guard count > FileHeader.byteCount,
      let checksum = buffer.getInteger(at: buffer.readerIndex + count, as: UInt32.self),
      buffer.withUnsafeReadableBytes({
        CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[0..<count]))
      }) == checksum,
      let own = buffer.withUnsafeReadableBytes({ FileHeader($0) }), own.kind == .index,
      own.number == header.number, own.salt == header.salt
    else { return nil }
    buffer.moveReaderIndex(forwardBy: FileHeader.byteCount)
    guard
      let (endOffset, end, records, bytes, blocks) = buffer.readMultipleIntegers(
        as: (UInt64, UInt64, UInt64, UInt64, UInt64).self),
      end <= UInt64(size), blocks <= UInt64(buffer.readableBytes / 24)
    else { return nil }
    var scan = SegmentScan(header)
    scan.endOffset = endOffset
    scan.end = Int(end)
    scan.count = Int(clamping: records)
    scan.byteCount = Int(clamping: bytes)
    for _ in 0..<blocks {
      guard
        let (offset, position, latest) = buffer.readMultipleIntegers(
          as: (UInt64, UInt64, Int64).self), position < end, offset < endOffset
      else { return nil }
      scan.index.append(
        Segment.IndexEntry(offset: offset, position: Int(position), latest: latest))
    }
    guard let missing = buffer.readInteger(as: UInt64.self),
      missing <= UInt64(buffer.readableBytes / 16)
    else { return nil }
    for _ in 0..<missing {
      guard let (from, to) = buffer.readMultipleIntegers(as: (UInt64, UInt64).self), from < to,
        from >= header.number, to <= endOffset
      else { return nil }
      scan.missing.append(from..<to)
    }
    return scan
  }
}
