import NIOCore

/// What a journal's file holds.
///
/// Behind bytes that cannot be read there may be more entries: if one of them knows that what is
/// missing was committed, the file was damaged later, and what is left of it is used. If none does,
/// the power went while they were written, and nothing can stand behind a gap.
struct JournalScan {
  /// The number after the last entry's.
  private(set) var entryCount: UInt64 = 0
  /// Where the last one ends.
  private(set) var end = FileHeader.byteCount
  /// Behind which places entries are missing that were committed.
  private(set) var damage: [Int] = []
  /// Entries from this number on may not have been committed, as far as the file tells.
  private var certain: UInt64 = 0
  private let format: FrameFormat

  /// Looks at all of the file.
  init(_ reader: inout JournalReader, _ header: FileHeader) throws(DiskError) {
    self.format = header.format
    var place = self.end
    var gap: (end: Int, number: UInt64)?
    while place < reader.size {
      guard let entry = try reader.entry(at: place, from: self.entryCount, self.format) else {
        gap = gap ?? (self.end, self.entryCount)
        place += 1
        continue
      }
      if entry.number > self.entryCount { gap = gap ?? (self.end, self.entryCount) }
      if let known = gap, entry.committed > known.number {
        self.damage.append(known.end)
        gap = nil
      }
      self.certain = max(self.certain, entry.committed)
      self.entryCount = Self.number(after: entry)
      place = entry.end
      self.end = place
    }
    if let gap {
      self.end = gap.end
      self.entryCount = gap.number
    }
  }

  private static func number(after entry: JournalReader.Entry) -> UInt64 {
    entry.number == .max ? .max : entry.number + 1
  }

  /// Calls `body` with every entry, oldest first, and whether the file tells that it was committed.
  func forEach(
    _ reader: inout JournalReader, _ body: (ByteBuffer, _ isCertain: Bool) -> Void
  ) throws(DiskError) {
    var place = FileHeader.byteCount
    var number: UInt64 = 0
    while place < self.end {
      guard let entry = try reader.entry(at: place, from: number, self.format) else {
        place += 1
        continue
      }
      body(entry.body, entry.number < self.certain)
      number = Self.number(after: entry)
      place = entry.end
    }
  }
}
