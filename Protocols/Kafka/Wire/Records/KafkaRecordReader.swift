/// A record where it stands. Offsets count from the first byte that the reader was given.
public struct KafkaRecordView: Hashable, Sendable {
  /// The whole record, its length included.
  public var record: Range<Int>
  /// Bits that nobody uses yet.
  public var attributes: Int8
  /// The timestamp, counted from the batch's first.
  public var timestampDelta: Int64
  /// The offset, counted from the batch's first.
  public var offsetDelta: Int32
  /// The key, `nil` for null.
  public var key: Range<Int>?
  /// The value, `nil` for null: a tombstone in compacted topics.
  public var value: Range<Int>?
  /// How many headers there are.
  public var headerCount: Int
  /// Where they stand.
  public var headers: Range<Int>
}

/// A header of a record where it stands.
public struct KafkaRecordHeaderView: Hashable, Sendable {
  /// The key.
  public var key: Range<Int>
  /// The value, `nil` for null.
  public var value: Range<Int>?
}

/// Finds the records of a batch one after another, in place, without allocating.
public struct KafkaRecordReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0
  private var left: Int
  private var index = 0

  /// A reader of records.
  ///
  /// - Parameters:
  ///   - bytes: what stands behind the batch's header, decompressed. It must outlive the reader.
  ///   - count: how many records the header announces.
  public init(_ bytes: UnsafeRawBufferPointer, count: Int) {
    self.bytes = bytes
    self.left = count
  }

  /// The next record, or `nil` behind the last one.
  ///
  /// - Throws: `invalidRecord` for a record that is not well formed, or bytes behind the last.
  public mutating func next() throws(KafkaBatchError) -> KafkaRecordView? {
    guard left > 0 else {
      guard offset == bytes.count else { throw .invalid("bytes behind the last record") }
      return nil
    }
    let start = offset
    var cursor = KafkaRecordCursor(bytes, start..<bytes.count)
    guard let size = cursor.length(), let size, let end = cursor.end(of: size) else {
      throw .invalid("a record ends too early", record: index)
    }
    cursor.range = cursor.range.lowerBound..<end
    guard let record = Self.record(&cursor, from: start) else {
      throw .invalid("a record is not well formed", record: index)
    }
    offset = end
    left -= 1
    index += 1
    return record
  }

  private static func record(
    _ cursor: inout KafkaRecordCursor, from start: Int
  ) -> KafkaRecordView? {
    let end = cursor.range.upperBound
    guard let attributes = cursor.byte(), let timestamp = cursor.varlong(),
      let offsetDelta = cursor.varint(), let keyLength = cursor.length(),
      let key = cursor.part(keyLength), let valueLength = cursor.length(),
      let value = cursor.part(valueLength), let count = cursor.varint(), count >= 0
    else { return nil }
    let headers = cursor.range
    for _ in 0..<count {
      guard cursor.header() != nil else { return nil }
    }
    guard cursor.range.isEmpty else { return nil }
    return KafkaRecordView(
      record: start..<end, attributes: Int8(bitPattern: attributes), timestampDelta: timestamp,
      offsetDelta: offsetDelta, key: key, value: value, headerCount: Int(count), headers: headers)
  }

  /// Shows each header of a record that this reader has returned.
  public func forEachHeader(
    of record: KafkaRecordView, _ body: (KafkaRecordHeaderView) -> Void
  ) {
    var cursor = KafkaRecordCursor(bytes, record.headers)
    for _ in 0..<record.headerCount {
      guard let header = cursor.header() else { return }
      body(header)
    }
  }
}

/// Reads the numbers and parts of a record. `nil` means that there are too few bytes, or that a
/// number is too long.
struct KafkaRecordCursor {
  let bytes: UnsafeRawBufferPointer
  /// What is left, always within `bytes`.
  var range: Range<Int>

  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    self.bytes = bytes
    self.range = range
  }

  @inline(__always)
  mutating func byte() -> UInt8? {
    guard !range.isEmpty else { return nil }
    let byte = bytes[range.lowerBound]
    range = range.lowerBound &+ 1..<range.upperBound
    return byte
  }

  /// A zig-zag number of at most five bytes.
  @inline(__always)
  mutating func varint() -> Int32? {
    guard let first = byte() else { return nil }
    if first < 0x80 { return Int32(first >> 1) ^ -Int32(first & 1) }
    guard let long = unsigned(after: first, bits: 32) else { return nil }
    let value = UInt32(truncatingIfNeeded: long)
    return Int32(bitPattern: value >> 1) ^ -Int32(bitPattern: value & 1)
  }

  /// A zig-zag number of at most ten bytes.
  @inline(__always)
  mutating func varlong() -> Int64? {
    guard let first = byte() else { return nil }
    if first < 0x80 { return Int64(first >> 1) ^ -Int64(first & 1) }
    guard let value = unsigned(after: first, bits: 64) else { return nil }
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  private mutating func unsigned(after first: UInt8, bits: UInt64) -> UInt64? {
    var value = UInt64(first & 0x7F)
    var shift: UInt64 = 7
    while shift < bits, let byte = byte() {
      let part = UInt64(byte & 0x7F)
      // What does not fit is refused and not cut off.
      guard bits - shift >= 7 || part >> (bits - shift) == 0 else { return nil }
      value |= part << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  /// A length: `.some(nil)` for -1, which is null.
  @inline(__always)
  mutating func length() -> Int?? {
    guard let length = varint(), length >= -1 else { return nil }
    return .some(length < 0 ? nil : Int(length))
  }

  /// Where `count` more bytes end, if they are there.
  @inline(__always)
  func end(of count: Int) -> Int? {
    count <= range.count ? range.lowerBound &+ count : nil
  }

  /// The next bytes: `.some(nil)` for null.
  @inline(__always)
  mutating func part(_ length: Int?) -> Range<Int>?? {
    guard let length else { return .some(nil) }
    guard let end = end(of: length) else { return nil }
    let part = range.lowerBound..<end
    range = end..<range.upperBound
    return .some(part)
  }

  mutating func header() -> KafkaRecordHeaderView? {
    guard let keyLength = length(), let keyLength, let key = part(keyLength), let key,
      let valueLength = length(), let value = part(valueLength)
    else { return nil }
    return KafkaRecordHeaderView(key: key, value: value)
  }
}
