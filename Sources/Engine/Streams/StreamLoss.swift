import GodwitPrimitives

/// What a stream cannot know of its log, for the disk would not say.
///
/// A record that a start cannot read counts for nothing, and the snapshot names it: so a start that
/// finds it readable again knows that it has to look at everything. One that cannot be read later,
/// when it is to go or is looked for, has counted already, and nobody can say for which topic: then
/// no snapshot is written any more, and the next start finds out.
struct StreamLoss {
  /// Offsets that the log has, and that count for nothing; oldest first.
  private(set) var unread: [Range<UInt64>] = []
  /// Whether what the stream counts may be wrong.
  var isInexact = false

  init(_ unread: [Range<UInt64>] = []) { self.unread = unread }

  /// How many offsets count for nothing.
  var count: Int { self.unread.reduce(0) { $0 + $1.count } }

  private func place(of offset: UInt64) -> Int? {
    let place = self.unread.partitioningIndex { $0.upperBound > offset }
    return place < self.unread.count && self.unread[place].contains(offset) ? place : nil
  }

  func contains(_ offset: UInt64) -> Bool { self.place(of: offset) != nil }

  /// Adds an offset behind all others.
  mutating func add(_ offset: UInt64) {
    if let last = self.unread.last, last.upperBound == offset {
      self.unread[self.unread.count - 1] = last.lowerBound..<offset + 1
    } else {
      self.unread.append(offset..<offset + 1)
    }
  }

  /// - Returns: whether it was there.
  mutating func remove(_ offset: UInt64) -> Bool {
    guard let place = self.place(of: offset) else { return false }
    let range = self.unread[place]
    let rest = [range.lowerBound..<offset, offset + 1..<range.upperBound]
    self.unread.replaceSubrange(place...place, with: rest.filter { !$0.isEmpty })
    return true
  }

  mutating func remove(before end: UInt64) {
    self.unread = self.unread.map { max($0.lowerBound, end)..<max($0.upperBound, end) }
      .filter { !$0.isEmpty }
  }

  /// The last offset before `end` that counts; `nil` where there is none.
  func lastCounting(before end: UInt64) -> UInt64? {
    guard end > 0 else { return nil }
    guard let place = self.place(of: end - 1) else { return end - 1 }
    let first = self.unread[place].lowerBound
    return first > 0 ? first - 1 : nil
  }
}

extension Stream {
  /// Offsets of records that are in the log, could not be read by the last start, and count for
  /// nothing until one can; oldest first.
  public var unreadOffsets: [Range<UInt64>] { self.loss.unread }

  /// Whether something could not be read that counted, so that `count`, `byteCount` and what is
  /// known of topics may be wrong until the next start, which reads the log.
  public var isInexact: Bool { self.loss.isInexact }

  /// The record at `offset`, for somebody who has to know. Where the log has one that cannot be
  /// read, what the stream knows is not exact any more.
  func examine(_ offset: UInt64) -> Record? {
    if let record = self.log.record(at: offset) { return record }
    if offset < self.log.committedOffset, self.log.next(from: offset) == offset,
      !self.loss.contains(offset)
    {
      self.noteInexact(offset)
    }
    return nil
  }

  func noteInexact(_ offset: UInt64) {
    guard !self.loss.isInexact else { return }
    self.loss.isInexact = true
    self.tenant.streams.report?(
      self,
      "what it counts may be wrong until the next start, which will read the log:"
        + " \(offset) cannot be read")
  }

  /// Says what a start could not read.
  func reportUnread() {
    guard let first = self.loss.unread.first?.lowerBound else { return }
    let count = self.loss.count
    self.tenant.streams.report?(
      self,
      "\(count) \(count == 1 ? "record" : "records") from \(first) on cannot be read,"
        + " and \(count == 1 ? "counts" : "count") for nothing")
  }

  /// What of it the log still has.
  func unreadAndThere(before end: UInt64) -> [Range<UInt64>] {
    var there: [Range<UInt64>] = []
    for range in self.loss.unread where range.lowerBound < end {
      let upper = min(range.upperBound, end)
      var offset = self.log.next(from: range.lowerBound)
      while offset < upper {
        let hole = min(self.log.nextHole(from: offset), upper)
        there.append(offset..<hole)
        offset = self.log.next(from: hole)
      }
    }
    return there
  }
}
