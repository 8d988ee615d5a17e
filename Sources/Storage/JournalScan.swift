import NIOCore

/// What a journal's file holds.
///
/// Behind bytes that cannot be read there may be more entries: if one of them knows that what is
/// missing was committed, the file was damaged later, and what is left of it is used. If none does,
/// the power went while they were written, and nothing can stand behind a gap.
struct JournalScan {
  /// The entries, oldest first.
  private(set) var entries: [ByteBuffer] = []
  /// How many of them, the last ones, may not have been committed, as far as the file tells.
  private(set) var uncertainCount = 0
  /// The number after the last one's.
  private(set) var entryCount: UInt64 = 0
  /// Where the last one ends.
  private(set) var end = FileHeader.byteCount
  /// Behind which places entries are missing that were committed.
  private(set) var damage: [Int] = []

  init(_ bytes: ByteBuffer, _ header: FileHeader) {
    let format = header.format
    var place = self.end
    var gap: (end: Int, entries: Int, number: UInt64)?
    var numbers: [UInt64] = []
    var certain: UInt64 = 0
    bytes.withUnsafeReadableBytes { raw in
      while place < raw.count {
        guard let body = format.entry(at: place, in: raw),
          body.count >= FrameFormat.journalHeadBytes,
          raw.bigEndian(UInt64.self, at: body.lowerBound) >= self.entryCount
        else {
          gap = gap ?? (self.end, self.entries.count, self.entryCount)
          place += 1
          continue
        }
        let number = raw.bigEndian(UInt64.self, at: body.lowerBound)
        let committed = raw.bigEndian(UInt64.self, at: body.lowerBound + 8)
        if number > self.entryCount { gap = gap ?? (self.end, self.entries.count, self.entryCount) }
        if let known = gap, committed > known.number {
          self.damage.append(known.end)
          gap = nil
        }
        let start = body.lowerBound + FrameFormat.journalHeadBytes
        self.entries.append(
          bytes.getSlice(at: bytes.readerIndex + start, length: body.upperBound - start)
            ?? ByteBuffer())
        numbers.append(number)
        certain = max(certain, committed)
        self.entryCount = number == .max ? number : number + 1
        place = body.upperBound
        self.end = place
      }
    }
    if let gap {
      self.end = gap.end
      self.entries.removeLast(self.entries.count - gap.entries)
      numbers.removeLast(numbers.count - gap.entries)
      self.entryCount = gap.number
    }
    self.uncertainCount = numbers.count { $0 >= certain }
  }
}
