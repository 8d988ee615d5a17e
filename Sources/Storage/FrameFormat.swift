import GodwitPrimitives
import NIOCore

/// The bytes of segments and journals: a header, then frames. Numbers are big-endian.
///
/// A frame is the length of what follows its checksum (4 bytes), the checksum of that (4), and then,
/// in a segment, the offset (8), the number of offsets it stands for (4), its kind (1) and a
/// body; in a journal, its number (8), the number of entries that were committed before (8), and
/// a body. Checksums are salted with the file's own number, so that nobody can send a message whose
/// payload holds frames that a search behind damage would take for real. `docs/storage.md` is the
/// reference.
struct FrameFormat {
  /// How the checksum of a frame is taken: the lower half of an XXH64 with the salt as its seed, or,
  /// in files of version 1, a CRC-32C that goes on from the salt.
  enum Checksum {
    case crc32c
    case xxh64
  }

  let checksum: Checksum
  /// What makes the file's checksums its own.
  let salt: UInt32

  /// What precedes the checked part.
  static let prefixBytes = 8
  /// What the checked part begins with, in a segment.
  static let headBytes = 13
  /// The same, in a journal.
  static let journalHeadBytes = 16
  /// The longest checked part that is believed.
  static let lengthMax = 1 << 30
  /// One stored record.
  static let recordKind: UInt8 = 1
  /// Records that their sender packed together; see `BatchBody`.
  static let batchKind: UInt8 = 2
  /// Offsets that are gone, at the end of a segment that was written anew.
  static let holeKind: UInt8 = 3
  /// Where in a body of either kind its time stands.
  static let timePosition = 4

  /// Where a frame's parts lie, when it is whole and its checksum is right.
  struct Frame {
    /// The first offset; 0 in a journal.
    var offset: UInt64
    /// How many offsets it stands for.
    var count: UInt32
    /// The kind of its body.
    var kind: UInt8
    /// Where it begins.
    var start: Int
    /// Its body.
    var body: Range<Int>
    /// Where the next one begins.
    var end: Int { self.body.upperBound }
    /// What it stands for.
    var offsets: Range<UInt64> { self.offset..<self.offset + UInt64(self.count) }

    /// The same frame in another place, and of another size.
    func moved(to start: Int, size: Int) -> Frame {
      var frame = self
      frame.start = start
      frame.body = start + self.body.lowerBound - self.start..<start + size
      return frame
    }
  }

  /// Adds a frame with `body` to a segment.
  func write(
    offset: UInt64, count: UInt32, kind: UInt8, to buffer: inout ByteBuffer,
    _ body: (inout ByteBuffer) -> Void
  ) {
    let start = buffer.writerIndex
    // At once, and not number by number: this is the message path.
    let headBytes = Self.prefixBytes + Self.headBytes
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: headBytes) { target in
      target.storeBytes(of: 0, as: UInt64.self)
      target.storeBytes(of: offset.bigEndian, toByteOffset: 8, as: UInt64.self)
      target.storeBytes(of: count.bigEndian, toByteOffset: 16, as: UInt32.self)
      target.storeBytes(of: kind, toByteOffset: 20, as: UInt8.self)
      return headBytes
    }
    body(&buffer)
    self.finish(start, &buffer)
  }

  /// Adds a frame with `body` to a journal.
  ///
  /// - Parameters:
  ///   - number: how many entries stand before it in the file.
  ///   - committed: how many entries of the file were committed when it was written.
  func write(
    entry body: ByteBuffer, number: UInt64, committed: UInt64, to buffer: inout ByteBuffer
  ) {
    let start = buffer.writerIndex
    buffer.writeMultipleIntegers(UInt32(0), UInt32(0), number, committed)
    buffer.writeImmutableBuffer(body)
    self.finish(start, &buffer)
  }

  private func finish(_ start: Int, _ buffer: inout ByteBuffer) {
    let place = start - buffer.readerIndex
    buffer.withUnsafeMutableReadableBytes { bytes in
      let frame = UnsafeMutableRawBufferPointer(rebasing: bytes[place...])
      let checked = UnsafeRawBufferPointer(rebasing: frame[Self.prefixBytes...])
      let length = UInt32(truncatingIfNeeded: checked.count)
      frame.storeBytes(of: length.bigEndian, as: UInt32.self)
      frame.storeBytes(of: self.sum(checked).bigEndian, toByteOffset: 4, as: UInt32.self)
    }
  }

  private func sum(_ checked: UnsafeRawBufferPointer) -> UInt32 {
    switch self.checksum {
    case .crc32c: CRC32C.checksum(checked, continuing: self.salt)
    case .xxh64: UInt32(truncatingIfNeeded: XXH64.checksum(checked, seed: UInt64(self.salt)))
    }
  }

  /// The frame of a segment that begins at `start`; `nil` when there is none that can be believed.
  func frame(at start: Int, in bytes: UnsafeRawBufferPointer) -> Frame? {
    guard let body = self.entry(at: start, in: bytes), body.count >= Self.headBytes else {
      return nil
    }
    let offset = bytes.bigEndian(UInt64.self, at: body.lowerBound)
    let count = bytes.bigEndian(UInt32.self, at: body.lowerBound + 8)
    let (_, overflows) = offset.addingReportingOverflow(UInt64(count))
    guard count > 0, !overflows else { return nil }
    return Frame(
      offset: offset, count: count, kind: bytes[body.lowerBound + 12], start: start,
      body: body.lowerBound + Self.headBytes..<body.upperBound)
  }

  /// The time that the frame has, a record's or a batch's.
  func time(of frame: Frame, in bytes: UnsafeRawBufferPointer) -> Int64 {
    guard frame.body.count >= Self.timePosition + 8 else { return 0 }
    return bytes.bigEndian(Int64.self, at: frame.body.lowerBound + Self.timePosition)
  }

  /// How far offsets may have come in so many bytes that cannot be read: 16 for a byte, since
  /// batches may be compressed.
  static func offsetMax(behind offset: UInt64, bytes: Int) -> UInt64 {
    let (product, isTooMuch) = UInt64(bytes).multipliedReportingOverflow(by: 16)
    let (end, overflows) = offset.addingReportingOverflow(product)
    return isTooMuch || overflows ? .max : end
  }

  /// Where, from `start` on, the next frame of a segment begins that can be believed: the way on
  /// behind damage. Its offset is `offset` or greater, by no more than a file of so many bytes may
  /// have stood for.
  func frame(
    after start: Int, offset: UInt64, in bytes: UnsafeRawBufferPointer, fileBytes: Int
  ) -> Frame? {
    var place = start
    while bytes.count - place >= Self.prefixBytes + Self.headBytes {
      let length = Int(bytes.bigEndian(UInt32.self, at: place))
      let found = bytes.bigEndian(UInt64.self, at: place + Self.prefixBytes)
      if length >= Self.headBytes, length <= bytes.count - place - Self.prefixBytes,
        found >= offset, found <= Self.offsetMax(behind: offset, bytes: fileBytes),
        let frame = self.frame(at: place, in: bytes)
      {
        return frame
      }
      place += 1
    }
    return nil
  }

  /// The checked part of the frame that begins at `start`.
  func entry(at start: Int, in bytes: UnsafeRawBufferPointer) -> Range<Int>? {
    guard start >= 0, bytes.count - start >= Self.prefixBytes else { return nil }
    let length = Int(bytes.bigEndian(UInt32.self, at: start))
    let from = start + Self.prefixBytes
    guard length > 0, length <= Self.lengthMax, length <= bytes.count - from else { return nil }
    let checked = UnsafeRawBufferPointer(rebasing: bytes[from..<from + length])
    guard self.sum(checked) == bytes.bigEndian(UInt32.self, at: start + 4) else { return nil }
    return from..<from + length
  }
}

/// What a segment or a journal begins with: who wrote it, the format's version, a number, the salt.
struct FileHeader {
  static let byteCount = 32
  /// The version of the formats that is written. The one before is read, and added to.
  static let version: UInt32 = 2

  enum Kind: UInt32 {
    case segment = 1
    case journal = 2
    case index = 4
    /// A segment that was written anew, of one or more.
    case compacted = 5

    /// Whether frames with offsets follow.
    var isSegment: Bool { self == .segment || self == .compacted }
  }

  var kind: Kind
  /// A segment's first offset.
  var number: UInt64
  /// What makes the file's checksums its own.
  var salt: UInt32
  /// The version of its format: 1 or 2.
  var version: UInt32

  /// How its frames are written.
  var format: FrameFormat {
    FrameFormat(checksum: self.version == 1 ? .crc32c : .xxh64, salt: self.salt)
  }

  /// `godwit`, two zero bytes, version, kind, number, salt, checksum.
  func write(to buffer: inout ByteBuffer) {
    let start = buffer.writerIndex
    buffer.writeString("godwit")
    buffer.writeMultipleIntegers(
      UInt16(0), self.version, self.kind.rawValue, self.number, self.salt)
    let checksum = buffer.withUnsafeReadableBytes { bytes in
      let from = start - buffer.readerIndex
      return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[from..<from + 28]))
    }
    buffer.writeInteger(checksum)
  }

  /// The header that `bytes` begin with.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.byteCount,
      bytes.prefix(6).elementsEqual("godwit".utf8),
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[0..<28]))
        == bytes.bigEndian(UInt32.self, at: 28),
      (1...Self.version).contains(bytes.bigEndian(UInt32.self, at: 8)),
      let kind = Kind(rawValue: bytes.bigEndian(UInt32.self, at: 12))
    else { return nil }
    self.kind = kind
    self.number = bytes.bigEndian(UInt64.self, at: 16)
    self.salt = bytes.bigEndian(UInt32.self, at: 24)
    self.version = bytes.bigEndian(UInt32.self, at: 8)
  }

  init(_ kind: Kind, _ number: UInt64, salt: UInt32, version: UInt32 = FileHeader.version) {
    self.kind = kind
    self.number = number
    self.salt = salt
    self.version = version
  }
}

extension UnsafeRawBufferPointer {
  /// The number at `offset`, which is within the bytes.
  func bigEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
    Number(bigEndian: self.loadUnaligned(fromByteOffset: offset, as: type))
  }
}
