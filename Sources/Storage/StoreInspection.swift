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

  /// What is wrong with the journals.
  public func journalProblems() throws(DiskError) -> [StorageReport] {
    var problems: [StorageReport] = []
    let journals = try FileName.paths(in: "\(self.folder)/journals", of: self.disk)
    for name in journals.sorted() {
      problems += try self.journal("\(self.folder)/journals/\(name)").problems
    }
    return problems
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
    let folder = "\(self.folder)/logs/\(FileName.path(name) ?? FileName.escape(name))"
    let marks = try self.journal("\(folder)/removed.journal")
    facts.problems = marks.problems
    var isWanted = true
    var firstSeen: UInt64?
    var mergedEnd: UInt64 = 0
    for file in try self.disk.list(folder).sorted() where file.hasSuffix(".log") {
      let path = "\(folder)/\(file)"
      let handle = try self.disk.open(path, isNew: false)
      let bytes = try handle.read(try handle.size(), at: 0)
      facts.segments += 1
      facts.bytes += bytes.readableBytes
      guard let header = bytes.withUnsafeReadableBytes({ FileHeader($0) }),
        header.kind.isSegment
      else {
        facts.problems.append(
          StorageReport(kind: .damaged, path: path, message: "it has no header that can be read"))
        continue
      }
      // What was written anew as a part of the one before it is there twice, until a start.
      guard header.number >= mergedEnd else { continue }
      let block = Block(
        firstOffset: header.number, position: FileHeader.byteCount,
        reading: bytes.getSlice(
          at: bytes.readerIndex + FileHeader.byteCount,
          length: bytes.readableBytes - FileHeader.byteCount) ?? ByteBuffer(), header.format)
      if block.isDamaged {
        facts.problems.append(
          StorageReport(
            kind: .damaged, path: path, message: "not all of its bytes are records"))
      }
      facts.nextOffset = max(facts.nextOffset, header.number, block.endOffset)
      if header.kind == .compacted { mergedEnd = block.endOffset }
      block.forEach { offsets, _ in
        let kept = offsets.filter { !marks.removed.holds($0) }
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

  private func journal(
    _ path: String
  ) throws(DiskError) -> (removed: RemovedOffsets, problems: [StorageReport]) {
    let file: any DiskFile
    do {
      file = try self.disk.open(path, isNew: false)
    } catch {
      return (RemovedOffsets([]), [])
    }
    var reader = try JournalReader(file)
    guard let header = try reader.header(), header.kind == .journal else {
      let problem = StorageReport(
        kind: .damaged, path: path, message: "it has no header that can be read")
      return (RemovedOffsets([]), reader.size == 0 ? [] : [problem])
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
    var ranges: [Range<UInt64>] = []
    try scan.forEach(&reader) { entry, _ in
      for case .range(let range) in RemovalMark.read(entry) {
        ranges.append(range.from..<range.to)
      }
    }
    return (RemovedOffsets(ranges), problems)
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

  func holds(_ offset: UInt64) -> Bool {
    let place = self.ranges.partitioningIndex { $0.upperBound > offset }
    return place < self.ranges.count && self.ranges[place].contains(offset)
  }
}
