import GodwitPrimitives
public import NIOCore

/// The 61 bytes before the records of a batch, magic 2.
///
/// The CRC-32C covers everything from the attributes on. What stands before it, base offset and
/// leader epoch above all, can be changed without it.
public struct KafkaBatchHeader: Hashable, Sendable {
  /// How many bytes the header has.
  public static var size: Int { 61 }
  /// How many bytes stand before those that `length` counts.
  public static var lengthOverhead: Int { 12 }
  /// From which byte on the checksum counts.
  static var checkedFrom: Int { 21 }

  /// The offset of the first record.
  public var baseOffset: Int64 = 0
  /// How many bytes follow the length.
  public var length: Int32 = 0
  /// The epoch of the leader that appended the batch, -1 if not known.
  public var leaderEpoch: Int32 = -1
  /// The form of the batch: 2.
  public var magic: Int8 = 2
  /// The checksum.
  public var crc: UInt32 = 0
  /// Compression, transaction, and so on.
  public var attributes = KafkaBatchAttributes()
  /// The offset of the last record, counted from the first.
  public var lastOffsetDelta: Int32 = 0
  /// What the records' timestamps are counted from, in milliseconds since 1970.
  public var baseTimestamp: Int64 = -1
  /// The largest timestamp of the records, or the time at which they were appended.
  public var maxTimestamp: Int64 = -1
  /// The producer, -1 if it has no identifier.
  public var producerID: Int64 = -1
  /// The producer's epoch, -1 if none.
  public var producerEpoch: Int16 = -1
  /// The sequence number of the first record, -1 if none.
  public var baseSequence: Int32 = -1
  /// How many records there are.
  public var count: Int32 = 0

  /// A header at its defaults.
  public init() {}

  /// Reads the header in place. Nothing of it is judged.
  ///
  /// - Parameter bytes: from the batch's first byte on.
  /// - Returns: `nil` if there are fewer than 61 bytes.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.size else { return nil }
    func load<T: FixedWidthInteger>(_ offset: Int, _: T.Type = T.self) -> T {
      T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
    baseOffset = load(0)
    length = load(8)
    leaderEpoch = load(12)
    magic = load(16)
    crc = load(17)
    attributes = KafkaBatchAttributes(rawValue: load(21))
    lastOffsetDelta = load(23)
    baseTimestamp = load(27)
    maxTimestamp = load(35)
    producerID = load(43)
    producerEpoch = load(51)
    baseSequence = load(53)
    count = load(57)
  }

  /// Writes the header.
  public func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(baseOffset, length, leaderEpoch, magic, crc)
    buffer.writeMultipleIntegers(attributes.rawValue, lastOffsetDelta, baseTimestamp)
    buffer.writeMultipleIntegers(maxTimestamp, producerID, producerEpoch, baseSequence, count)
  }

  /// How many bytes the whole batch has. Meaningful when `length` is not negative.
  public var batchSize: Int { Self.lengthOverhead + Int(length) }
  /// The offset of the last record.
  public var lastOffset: Int64 { baseOffset &+ Int64(lastOffsetDelta) }
  /// The offset behind the last record.
  public var nextOffset: Int64 { lastOffset &+ 1 }
  /// The sequence number of the last record, -1 if none. Behind the largest comes 0.
  public var lastSequence: Int32 {
    baseSequence < 0 ? -1 : (baseSequence &+ lastOffsetDelta) & .max
  }

  /// The checksum that the bytes of a whole batch ought to have.
  public static func checksum(of batch: UnsafeRawBufferPointer) -> UInt32 {
    guard batch.count >= size else { return 0 }
    return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: batch[checkedFrom...]))
  }

  /// Gives a batch its place in the log, in place. The checksum does not cover it.
  ///
  /// - Parameters:
  ///   - baseOffset: the offset of its first record.
  ///   - leaderEpoch: the epoch of the leader.
  ///   - batch: a whole batch.
  public static func assign(
    baseOffset: Int64, leaderEpoch: Int32, in batch: UnsafeMutableRawBufferPointer
  ) {
    guard batch.count >= size else { return }
    batch.storeBytes(of: baseOffset.bigEndian, toByteOffset: 0, as: Int64.self)
    batch.storeBytes(of: leaderEpoch.bigEndian, toByteOffset: 12, as: Int32.self)
  }

  /// Gives all records of a batch the time at which they were appended, in place, and the batch
  /// the checksum that it has then.
  ///
  /// - Parameters:
  ///   - appendTime: milliseconds since 1970.
  ///   - batch: a whole batch.
  public static func stamp(appendTime: Int64, in batch: UnsafeMutableRawBufferPointer) {
    setTimestamp(appendTime, isAppendTime: true, in: batch)
  }

  /// Corrects the largest timestamp of a batch in place, and the checksum with it.
  ///
  /// - Parameters:
  ///   - maxTimestamp: milliseconds since 1970.
  ///   - batch: a whole batch.
  public static func correct(maxTimestamp: Int64, in batch: UnsafeMutableRawBufferPointer) {
    setTimestamp(maxTimestamp, isAppendTime: false, in: batch)
  }

  private static func setTimestamp(
    _ timestamp: Int64, isAppendTime: Bool, in batch: UnsafeMutableRawBufferPointer
  ) {
    guard var header = Self(UnsafeRawBufferPointer(batch)) else { return }
    header.attributes.hasAppendTime = isAppendTime
    batch.storeBytes(
      of: header.attributes.rawValue.bigEndian, toByteOffset: checkedFrom, as: Int16.self)
    batch.storeBytes(of: timestamp.bigEndian, toByteOffset: 35, as: Int64.self)
    let crc = checksum(of: UnsafeRawBufferPointer(batch))
    batch.storeBytes(of: crc.bigEndian, toByteOffset: 17, as: UInt32.self)
  }
}
