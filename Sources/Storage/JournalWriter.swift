import NIOCore

/// Writes entries to a journal's file that nobody uses yet, a piece at a time.
struct JournalWriter {
  private static var pieceBytes: Int { 1 << 20 }

  private let file: any DiskFile
  private let format: FrameFormat
  private var bytes = ByteBuffer()
  /// What of the file is written.
  private(set) var end = 0
  /// How many entries it has.
  private(set) var entryCount: UInt64 = 0

  init(_ file: any DiskFile, _ header: FileHeader) {
    self.file = file
    self.format = header.format
    header.write(to: &self.bytes)
  }

  /// Adds an entry. The file takes its place when it is synced: then all of them are committed.
  mutating func add(_ entry: ByteBuffer) throws(DiskError) {
    self.format.write(
      entry: entry, number: self.entryCount, committed: self.entryCount, to: &self.bytes)
    self.entryCount += 1
    if self.bytes.readableBytes >= Self.pieceBytes { try self.flush() }
  }

  /// Writes what is left.
  mutating func flush() throws(DiskError) {
    try self.file.write(self.bytes, at: self.end)
    self.end += self.bytes.readableBytes
    if self.bytes.capacity > 2 * Self.pieceBytes {
      self.bytes = ByteBuffer()
    } else {
      self.bytes.clear()
    }
  }
}
