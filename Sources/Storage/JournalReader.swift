import NIOCore

/// A journal's file, read a piece at a time: what a start takes of memory does not grow with it.
struct JournalReader {
  /// One entry of the file.
  struct Entry {
    var number: UInt64
    /// How many entries were committed when it was written.
    var committed: UInt64
    var body: ByteBuffer
    /// Where the next one begins.
    var end: Int
  }

  /// So much is read at a time; more where an entry is longer.
  private static var pieceBytes: Int { 1 << 20 }

  let size: Int
  private let file: any DiskFile
  private var piece = ByteBuffer()
  private var start = 0

  init(_ file: any DiskFile) throws(DiskError) {
    self.file = file
    self.size = try file.size()
  }

  /// Whether what is in memory is not all of the file.
  var isInPieces: Bool { self.start > 0 || self.piece.readableBytes < self.size }

  /// Lets go of what is in memory.
  mutating func forget() { self.piece = ByteBuffer() }

  /// What the file begins with.
  mutating func header() throws(DiskError) -> FileHeader? {
    try self.bytes(at: 0, FileHeader.byteCount).withUnsafeReadableBytes { FileHeader($0) }
  }

  /// The bytes from `place` on; fewer where the file ends.
  private mutating func bytes(at place: Int, _ count: Int) throws(DiskError) -> ByteBuffer {
    let count = max(0, min(count, self.size - place))
    if place < self.start || place + count > self.start + self.piece.readableBytes {
      // The old piece goes before there is another.
      self.forget()
      self.piece = try self.file.read(
        min(max(count, Self.pieceBytes), self.size - place), at: place)
      self.start = place
    }
    let from = self.piece.readerIndex + place - self.start
    return self.piece.getSlice(at: from, length: min(count, self.piece.writerIndex - from))
      ?? ByteBuffer()
  }

  /// The entry that begins at `place`; `nil` where there is none that can be believed.
  ///
  /// - Parameter first: the lowest number that it may have.
  mutating func entry(
    at place: Int, from first: UInt64, _ format: FrameFormat
  ) throws(DiskError) -> Entry? {
    let prefix = FrameFormat.prefixBytes
    var head = try self.bytes(at: place, prefix + FrameFormat.journalHeadBytes)
    // What is lost cannot have been more entries than bytes: of what is none, little is read whole.
    guard
      let (length, _, number, committed) = head.readMultipleIntegers(
        as: (UInt32, UInt32, UInt64, UInt64).self),
      length >= FrameFormat.journalHeadBytes, Int(length) <= self.size - place - prefix,
      number >= first, number - first <= UInt64(self.size)
    else { return nil }
    let frame = try self.bytes(at: place, prefix + Int(length))
    guard let checked = frame.withUnsafeReadableBytes({ format.entry(at: 0, in: $0) }),
      let body = frame.getSlice(
        at: frame.readerIndex + checked.lowerBound + FrameFormat.journalHeadBytes,
        length: checked.count - FrameFormat.journalHeadBytes)
    else { return nil }
    return Entry(
      number: number, committed: committed, body: body, end: place + checked.upperBound)
  }
}
