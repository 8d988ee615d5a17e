public import NIOCore

/// One batch of records with its bytes.
public struct KafkaBatch: Hashable, Sendable {
  /// What stands before the records.
  public let header: KafkaBatchHeader
  /// The whole batch.
  public let bytes: ByteBuffer

  /// Takes the first batch from the front of bytes, as responses to Fetch have them: several, the
  /// last one perhaps cut off.
  ///
  /// - Parameters:
  ///   - bytes: batches. What is taken is removed.
  ///   - checksCRC: whether a wrong checksum is an error. Default true.
  /// - Returns: `nil` when what is left is no whole batch.
  /// - Throws: `corruptMessage` (size, checksum), `invalidRecord` (magic).
  public static func next(
    from bytes: inout ByteBuffer, checksCRC: Bool = true
  ) throws(KafkaBatchError) -> KafkaBatch? {
    let readable = bytes
    let found: Result<KafkaBatchHeader?, KafkaBatchError> = readable.withUnsafeReadableBytes {
      bytes in
      do throws(KafkaBatchError) {
        guard bytes.count >= KafkaBatchHeader.size else { return .success(nil) }
        let header = try KafkaBatchValidator.header(bytes)
        guard header.batchSize <= bytes.count else { return .success(nil) }
        let batch = UnsafeRawBufferPointer(rebasing: bytes[..<header.batchSize])
        guard !checksCRC || header.crc == KafkaBatchHeader.checksum(of: batch) else {
          return .failure(.corrupt("the checksum is wrong"))
        }
        return .success(header)
      } catch {
        return .failure(error)
      }
    }
    guard let header = try found.get(), let slice = bytes.readSlice(length: header.batchSize)
    else { return nil }
    return KafkaBatch(header: header, bytes: slice)
  }

  /// What stands behind the header: records, or records compressed.
  public var body: ByteBuffer {
    bytes.getSlice(
      at: bytes.readerIndex + KafkaBatchHeader.size,
      length: bytes.readableBytes - KafkaBatchHeader.size) ?? ByteBuffer()
  }

  /// The records, decompressed if need be.
  ///
  /// - Parameter sizeMax: the most bytes that they may have when decompressed.
  /// - Throws: `unsupportedCompressionType`, `corruptMessage` for what cannot be decompressed,
  ///   `messageTooLarge` beyond the limit, `invalidRecord`.
  public func records(sizeMax: Int) throws(KafkaBatchError) -> [KafkaRecord] {
    let plain = try plainBody(sizeMax: sizeMax)
    let header = header
    let found: Result<[KafkaRecord], KafkaBatchError> = plain.withUnsafeReadableBytes { bytes in
      do throws(KafkaBatchError) {
        var reader = KafkaRecordReader(bytes, count: Int(header.count))
        var records: [KafkaRecord] = []
        while let view = try reader.next() {
          records.append(Self.record(view, header, plain, reader))
        }
        return .success(records)
      } catch {
        return .failure(error)
      }
    }
    return try found.get()
  }

  /// The body, decompressed if need be.
  ///
  /// - Parameter sizeMax: the most bytes that it may have then.
  /// - Throws: `unsupportedCompressionType`, `corruptMessage`, `messageTooLarge`.
  public func plainBody(sizeMax: Int) throws(KafkaBatchError) -> ByteBuffer {
    guard let compression = header.attributes.compression else {
      throw KafkaBatchError(.unsupportedCompressionType, "the compression is not known")
    }
    return try compression.decompress(body, sizeMax: sizeMax)
  }

  /// The same batch, not compressed. Its checksum is not renewed.
  ///
  /// - Parameter sizeMax: the most bytes that the records may have then.
  /// - Throws: as `plainBody(sizeMax:)`.
  public func plain(sizeMax: Int) throws(KafkaBatchError) -> ByteBuffer {
    let body = try plainBody(sizeMax: sizeMax)
    var changed = header
    changed.attributes = changed.attributes.with(.none)
    changed.length = Int32(
      clamping: KafkaBatchHeader.size + body.readableBytes - KafkaBatchHeader.lengthOverhead)
    var batch = ByteBuffer()
    batch.reserveCapacity(KafkaBatchHeader.size + body.readableBytes)
    changed.write(to: &batch)
    batch.writeImmutableBuffer(body)
    return batch
  }

  private static func record(
    _ view: KafkaRecordView, _ header: KafkaBatchHeader, _ plain: ByteBuffer,
    _ reader: KafkaRecordReader
  ) -> KafkaRecord {
    func slice(_ range: Range<Int>) -> ByteBuffer {
      plain.getSlice(at: plain.readerIndex + range.lowerBound, length: range.count)
        ?? ByteBuffer()
    }
    var headers: [KafkaRecord.Header] = []
    reader.forEachHeader(of: view) { header in
      headers.append(
        KafkaRecord.Header(String(buffer: slice(header.key)), header.value.map(slice)))
    }
    return KafkaRecord(
      offset: header.baseOffset &+ Int64(view.offsetDelta),
      timestamp: header.attributes.hasAppendTime
        ? header.maxTimestamp : header.baseTimestamp &+ view.timestampDelta,
      key: view.key.map(slice), value: view.value.map(slice), headers: headers)
  }
}
