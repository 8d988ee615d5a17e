public import GodwitEngine
import GodwitPrimitives
import NIOCore

/// A look at a store's folder that changes nothing: what is in it, what of it cannot be read, and
/// the records themselves. For `godwit data`.
public struct StoreInspection {
  /// One log, as its files say.
  public struct LogFacts: Hashable, Sendable {
    /// The log's name.
    public var name: String
    /// How many segments it has.
    public var segments = 0
    /// How many records can be read, those of batches among them, those aside that were removed.
    public var records = 0
    /// The bytes of its segments.
    public var bytes = 0
    /// The first offset that is there; `nextOffset` when none is.
    public var firstOffset: UInt64 = 0
    /// The offset that the next record will get.
    public var nextOffset: UInt64 = 0
    /// What cannot be read.
    public var problems: [StorageReport] = []
  }

  private let folder: String
  private let disk: any Disk

  /// A look at `folder`, which nobody may be using.
  public init(folder: String, disk: any Disk) {
    self.folder = folder
    self.disk = disk
  }

  /// The names of the logs.
  public func logs() throws(DiskError) -> [String] {
    try FileName.paths(in: "\(self.folder)/logs", of: self.disk)
      .compactMap { FileName.name(at: $0) }.sorted()
  }

  /// What is wrong with the journals, and the logs of streams and topics that they do not know of.
  public func journalProblems() throws(DiskError) -> [StorageReport] {
    var problems: [StorageReport] = []
    var defined = DefinedLogs()
    let journals = try FileName.paths(in: "\(self.folder)/journals", of: self.disk)
    for file in journals.sorted() {
      let path = "\(self.folder)/journals/\(file)"
      // What was to take another's place, and has not: a start removes it.
      if file.hasSuffix(".journal.new") { continue }
      if file.hasSuffix(Self.asideEnding) {
        problems.append(Self.aside(path))
        continue
      }
      let name = DefinedLogs.journals.first { file == "\($0).journal" }
      problems += try self.journal(path) { entry in
        if let name { defined.read(entry, of: name) }
      }
    }
    for log in try self.logs() where defined.isOrphan(log) {
      problems.append(
        StorageReport(
          kind: .damaged, path: self.path(of: log),
          message: "no journal says what it is the log of, and so a start does not open it"))
    }
    return problems
  }

  private static let asideEnding = ".quarantined"

  private static func aside(_ path: String) -> StorageReport {
    StorageReport(
      kind: .damaged, path: path, message: "a start has put it aside, as it could not be read")
  }

  private func path(of log: String) -> String {
    "\(self.folder)/logs/\(FileName.path(log) ?? FileName.escape(log))"
  }

  /// Reads all of a log.
  ///
  /// - Parameters:
  ///   - engine: knows the protocols whose messages there are.
  ///   - body: is called with everything that can be read, oldest first, until it answers `false`.
  public func read(
    _ name: String, _ engine: Engine, _ body: (LogEntry) -> Bool = { _ in true }
  ) throws(DiskError) -> LogFacts {
    var facts = LogFacts(name: name)
    let folder = self.path(of: name)
    var ranges: [Range<UInt64>] = []
    facts.problems = try self.journal("\(folder)/removed.journal") { entry in
      for case .range(let range) in RemovalMark.read(entry) where range.from < range.to {
        ranges.append(range.from..<range.to)
      }
    }
    let removed = RemovedOffsets(ranges)
    let names = try self.disk.list(folder).sorted()
    let files = names.filter { $0.hasSuffix(".log") }
    facts.problems += names.filter { $0.hasSuffix(Self.asideEnding) }.map {
      Self.aside("\(folder)/\($0)")
    }
    var isWanted = true
    var firstSeen: UInt64?
    var mergedEnd: UInt64 = 0
    // Where the next segment begins, if nothing is missing, and that is known.
    var next: UInt64?
    for file in files {
      let path = "\(folder)/\(file)"
      let handle = try self.disk.open(path, isNew: false)
      let bytes = try handle.read(try handle.size(), at: 0)
      facts.segments += 1
      facts.bytes += bytes.readableBytes
      guard let header = bytes.withUnsafeReadableBytes({ FileHeader($0) }),
        header.kind.isSegment, header.number == UInt64(file.dropLast(4))
      else {
        next = nil
        let isUnfinished = file == files.last && bytes.readableBytes < FileHeader.byteCount
        facts.problems.append(
          StorageReport(
            kind: isUnfinished ? .cut : .damaged, path: path,
            message: isUnfinished
              ? "an unfinished segment, which a start removes"
              : "it has no header that can be read"))
        continue
      }
      // What was written anew as a part of the one before it is there twice, until a start.
      guard header.number >= mergedEnd else { continue }
      let block = Block(
        firstOffset: header.number, position: FileHeader.byteCount,
        reading: bytes.getSlice(
          at: bytes.readerIndex + FileHeader.byteCount,
          length: bytes.readableBytes - FileHeader.byteCount) ?? ByteBuffer(), header.format)
      if let next { facts.problems += Self.gap(next, header, path, removed) }
      next = block.endOffset
      if block.isDamaged {
        let damage = Self.damage(bytes, header, path, isLast: file == files.last)
        facts.problems += damage
        if damage.contains(where: { $0.kind == .damaged }) { next = nil }
      }
      facts.nextOffset = max(facts.nextOffset, header.number, block.endOffset)
      if header.kind == .compacted { mergedEnd = block.endOffset }
      block.forEach { offsets, _ in
        let kept = offsets.filter { !removed.holds($0) }
        guard let first = kept.first else { return }
        firstSeen = firstSeen ?? first
        facts.records += kept.count
        if isWanted, let entry = block.entry(at: first, engine, sharing: true) {
          isWanted = body(entry)
        }
      }
    }
    facts.firstOffset = firstSeen ?? facts.nextOffset
    return facts
  }

  /// What is wrong with where a segment begins, which should be at `next`.
  private static func gap(
    _ next: UInt64, _ header: FileHeader, _ path: String, _ removed: RemovedOffsets
  ) -> [StorageReport] {
    if header.number < next {
      return [StorageReport(kind: .damaged, path: path, message: "it overlaps the one before it")]
    }
    guard header.number > next, !removed.holds(next..<header.number) else { return [] }
    return [
      StorageReport(
        kind: .damaged, path: path,
        message: "offsets \(next) to \(header.number - 1) before it are in no file, and nothing "
          + "says that they were removed")
    ]
  }

  /// What of a segment cannot be read. Of the last one a crash may have left the end torn.
  private static func damage(
    _ bytes: ByteBuffer, _ header: FileHeader, _ path: String, isLast: Bool
  ) -> [StorageReport] {
    var scan = SegmentScan(header)
    bytes.withUnsafeReadableBytes {
      scan.read(
        UnsafeRawBufferPointer(rebasing: $0[FileHeader.byteCount...]), header.format,
        blockBytes: .max)
    }
    var problems = scan.damage.map {
      StorageReport(
        kind: .damaged, path: path, message: "\($0.count) bytes at \($0.lowerBound) are no record")
    }
    if scan.end < bytes.readableBytes {
      problems.append(
        StorageReport(
          kind: isLast ? .cut : .damaged, path: path,
          message: "\(bytes.readableBytes - scan.end) bytes at its end are no record"))
    }
    return problems
  }

  /// Calls `body` with every entry of a journal, and says what is wrong with it.
  private func journal(
    _ path: String, _ body: (ByteBuffer) -> Void
  ) throws(DiskError) -> [StorageReport] {
    let file: any DiskFile
    do {
      file = try self.disk.open(path, isNew: false)
    } catch {
      guard error.isNotThere else { throw error }
      return []
    }
    var reader = try JournalReader(file)
    guard let header = try reader.header(), header.kind == .journal else {
      // A process that dies when it has made the file leaves it so.
      return reader.size < FileHeader.byteCount
        ? [StorageReport(kind: .cut, path: path, message: "it ends within its header")]
        : [
          StorageReport(
            kind: .damaged, path: path, message: "it has no header that can be read")
        ]
    }
    let scan = try JournalScan(&reader, header)
    var problems = scan.damage.map {
      StorageReport(kind: .damaged, path: path, message: "entries behind \($0) cannot be read")
    }
    if scan.end < reader.size {
      problems.append(
        StorageReport(
          kind: .cut, path: path,
          message: "\(reader.size - scan.end) bytes at its end are no entry"))
    }
    try scan.forEach(&reader) { entry, _ in body(entry) }
    return problems
  }
}

/// Which offsets were removed, as stretches that do not touch.
private struct RemovedOffsets {
  private var ranges: [Range<UInt64>] = []

  init(_ ranges: [Range<UInt64>]) {
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = self.ranges.last, range.lowerBound <= last.upperBound {
        self.ranges[self.ranges.count - 1] =
          last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        self.ranges.append(range)
      }
    }
  }

  func holds(_ offset: UInt64) -> Bool { self.holds(offset..<offset + 1) }

  func holds(_ range: Range<UInt64>) -> Bool {
    let place = self.ranges.partitioningIndex { $0.upperBound > range.lowerBound }
    return place < self.ranges.count && self.ranges[place].lowerBound <= range.lowerBound
      && self.ranges[place].upperBound >= range.upperBound
  }
}
