public import NIOCore

/// Makes a batch of records.
public struct KafkaBatchBuilder: Sendable {
  /// Transaction, control; the compression is that of `compression`.
  public var attributes = KafkaBatchAttributes()
  /// How to compress. Default not at all.
  public var compression = KafkaCompression.none
  /// The offset of the first record. Default 0.
  public var baseOffset: Int64 = 0
  /// The leader's epoch. Default -1.
  public var leaderEpoch: Int32 = -1
  /// The producer, -1 for none.
  public var producerID: Int64 = -1
  /// The producer's epoch, -1 for none.
  public var producerEpoch: Int16 = -1
  /// The sequence number of the first record, -1 for none.
  public var baseSequence: Int32 = -1

  /// How many records there are.
  public private(set) var count: Int32 = 0
  private var body = ByteBuffer()
  private var record = ByteBuffer()
  private var baseTimestamp: Int64 = -1
  private var maxTimestamp: Int64 = .min

  /// An empty batch.
  public init() {}

  /// How many bytes the batch has, before compression.
  public var plainSize: Int { KafkaBatchHeader.size + body.readableBytes }

  /// Adds a record. Its offset is the next one, whatever it says.
  ///
  /// - Throws: `invalidRecord` when the batch, or the record, becomes too large for the format.
  public mutating func append(_ record: KafkaRecord) throws(KafkaBatchError) {
    if count == 0 { baseTimestamp = record.timestamp }
    self.record.clear()
    self.record.writeInteger(UInt8(0))
    KafkaVarint.write(record.timestamp &- baseTimestamp, to: &self.record)
    KafkaVarint.write(Int64(count), to: &self.record)
    Self.write(record.key, to: &self.record)
    Self.write(record.value, to: &self.record)
    KafkaVarint.write(Int64(record.headers.count), to: &self.record)
    for header in record.headers {
      KafkaVarint.write(Int64(header.key.utf8.count), to: &self.record)
      self.record.writeString(header.key)
      Self.write(header.value, to: &self.record)
    }
    let size = self.record.readableBytes
    guard count < .max, body.readableBytes + size < Int(Int32.max) - 100 else {
      throw .invalid("the batch becomes too large", record: Int(count))
    }
    KafkaVarint.write(Int64(size), to: &body)
    body.writeImmutableBuffer(self.record)
    maxTimestamp = max(maxTimestamp, record.timestamp)
    count += 1
  }

  /// The whole batch.
  ///
  /// - Throws: `invalidRecord` if there is no record.
  public func finish() throws(KafkaBatchError) -> ByteBuffer {
    guard count > 0 else { throw .invalid("a batch without records") }
    let body = compression.compress(body)
    var header = KafkaBatchHeader()
    header.baseOffset = baseOffset
    header.length = Int32(
      truncatingIfNeeded: KafkaBatchHeader.size - KafkaBatchHeader.lengthOverhead
        + body.readableBytes)
    header.leaderEpoch = leaderEpoch
    header.attributes = attributes.with(compression)
    header.lastOffsetDelta = count - 1
    header.baseTimestamp = baseTimestamp
    header.maxTimestamp = maxTimestamp
    header.producerID = producerID
    header.producerEpoch = producerEpoch
    header.baseSequence = baseSequence
    header.count = count
    var batch = ByteBuffer()
    batch.reserveCapacity(KafkaBatchHeader.size + body.readableBytes)
    header.write(to: &batch)
    batch.writeImmutableBuffer(body)
    let crc = batch.withUnsafeReadableBytes { KafkaBatchHeader.checksum(of: $0) }
    batch.setInteger(crc, at: 17)
    return batch
  }

  private static func write(_ bytes: ByteBuffer?, to buffer: inout ByteBuffer) {
    guard let bytes else { return KafkaVarint.write(-1, to: &buffer) }
    KafkaVarint.write(Int64(bytes.readableBytes), to: &buffer)
    buffer.writeImmutableBuffer(bytes)
  }
}

/// Zig-zag numbers of variable length.
enum KafkaVarint {
  static func write(_ value: Int64, to buffer: inout ByteBuffer) {
    var bits = UInt64(bitPattern: value << 1 ^ value >> 63)
    while bits >= 0x80 {
      buffer.writeInteger(UInt8(truncatingIfNeeded: bits) | 0x80)
      bits >>= 7
    }
    buffer.writeInteger(UInt8(truncatingIfNeeded: bits))
  }
}
