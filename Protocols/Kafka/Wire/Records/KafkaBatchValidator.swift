/// Judges a batch as a broker must before it appends it.
public struct KafkaBatchValidator: Hashable, Sendable {
  /// What a batch is beyond its header.
  public struct Verdict: Hashable, Sendable {
    /// The header.
    public var header: KafkaBatchHeader
    /// The largest timestamp of the records, if they were looked at. When the header has another,
    /// `KafkaBatchHeader.correct` puts it right.
    public var maxTimestamp: Int64?
  }

  /// The largest batch in bytes. Default 1,048,588, as `message.max.bytes` of Kafka.
  public var sizeMax = 1_048_588
  /// Whether to look at each record of a batch that is not compressed. Default true.
  public var opensRecords = true
  /// Whether each record must have a key, as compacted topics need it. It is noticed in batches
  /// that are not compressed. Default false.
  public var requiresKeys = false
  /// Whether Zstandard is taken: producers may use it from version 7 of Produce on. Default true.
  public var allowsZstandard = true

  /// The defaults.
  public init() {}

  /// Judges one batch: what a producer sends for one partition.
  ///
  /// - Parameter bytes: exactly one batch.
  /// - Throws: `corruptMessage` (size, checksum), `messageTooLarge`, `invalidRecord` (magic, counts,
  ///   offsets, control batches, a second batch), `unsupportedCompressionType`.
  public func validate(_ bytes: UnsafeRawBufferPointer) throws(KafkaBatchError) -> Verdict {
    let header = try Self.header(bytes)
    guard header.batchSize <= bytes.count else { throw .corrupt("the batch ends too early") }
    guard header.batchSize == bytes.count else { throw .invalid("more than one batch") }
    guard bytes.count <= sizeMax else {
      throw KafkaBatchError(.messageTooLarge, "a batch beyond the limit")
    }
    guard header.crc == KafkaBatchHeader.checksum(of: bytes) else {
      throw .corrupt("the checksum is wrong")
    }
    let compression = try check(header)
    guard compression == .none, opensRecords else {
      return Verdict(header: header, maxTimestamp: nil)
    }
    let body = UnsafeRawBufferPointer(rebasing: bytes[KafkaBatchHeader.size...])
    return Verdict(header: header, maxTimestamp: try check(records: body, of: header))
  }

  /// The header, if size and magic are those of a batch.
  static func header(_ bytes: UnsafeRawBufferPointer) throws(KafkaBatchError) -> KafkaBatchHeader {
    guard bytes.count > 16 else { throw .corrupt("the batch ends too early") }
    guard bytes[16] == 2 else { throw .invalid("the batch is not of magic 2") }
    guard let header = KafkaBatchHeader(bytes), header.batchSize >= KafkaBatchHeader.size else {
      throw .corrupt("the batch is shorter than its header")
    }
    return header
  }

  /// What the header alone can have wrong.
  private func check(_ header: KafkaBatchHeader) throws(KafkaBatchError) -> KafkaCompression {
    guard header.count > 0 else { throw .invalid("a batch without records") }
    guard header.lastOffsetDelta == header.count - 1 else {
      throw .invalid("count and offsets of the batch do not agree")
    }
    guard !header.attributes.isControl else { throw .invalid("a control batch of a client") }
    if header.producerID >= 0 {
      guard header.baseSequence >= 0 else { throw .invalid("a producer without sequence number") }
      guard header.producerEpoch >= 0 else { throw .invalid("a producer without epoch") }
    } else if header.attributes.isTransactional {
      throw .invalid("a transaction without producer")
    }
    guard let compression = header.attributes.compression,
      allowsZstandard || compression != .zstd
    else {
      throw KafkaBatchError(.unsupportedCompressionType, "the compression is not supported")
    }
    return compression
  }

  /// Each record, and that the offsets are dense. Serves decompressed records as well.
  ///
  /// - Returns: the largest timestamp.
  public func check(
    records: UnsafeRawBufferPointer, of header: KafkaBatchHeader
  ) throws(KafkaBatchError) -> Int64 {
    var reader = KafkaRecordReader(records, count: Int(header.count))
    var maxDelta = Int64.min
    var index = 0
    while let record = try reader.next() {
      guard Int(record.offsetDelta) == index else {
        throw .invalid("the offsets of the records are not dense", record: index)
      }
      guard !requiresKeys || record.key != nil else {
        throw .invalid("a compacted topic takes no record without a key", record: index)
      }
      maxDelta = max(maxDelta, record.timestampDelta)
      index += 1
    }
    return header.baseTimestamp &+ maxDelta
  }
}
