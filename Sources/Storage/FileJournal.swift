public import GodwitEngine
public import NIOCore

/// A journal in a file: a header, then frames without an offset.
public final class FileJournal: Journal, CommitMember {
  private static var snapshotBytesMin: Int { 1 << 20 }
  /// What is kept of entries that a full disk does not take, before they are given up for a
  /// snapshot.
  private static var pendingBytesMax: Int { 1 << 20 }

  /// The file that a snapshot is written to, until it takes the old one's place.
  private struct Successor {
    var file: any DiskFile
    var header: FileHeader
    var end: Int
    var snapshotBytes: Int
    var entryCount: UInt64
    /// How much of it is synced, or is being.
    var syncedEnd: Int
    /// Whether nothing is written until it has taken the old one's place.
    var isLastSync = false
  }

  /// What is to be written.
  private struct Pending {
    var entry: ByteBuffer
    /// Whether it is dropped when the disk refuses it.
    var isProposed = false
  }

  private let path: String
  private let owner: String
  private unowned let store: FileStore
  private var file: any DiskFile
  /// Whether the file is there.
  private var isMade: Bool
  private var header: FileHeader
  private var end = 0
  private var snapshotBytes = 0
  /// How many entries the file has, and how many of them are committed.
  private var entryCount: UInt64 = 0
  private var committedEntries: UInt64 = 0
  private var successor: Successor?
  /// Whether the store waits for it before it closes.
  private var isReplacing = false
  private var pending: [Pending] = []
  private var pendingBytes = 0
  private var appended: UInt64 = 0
  private var written: UInt64 = 0
  private var committed: UInt64 = 0
  private var failure: EngineError?
  /// Whether entries were given up: the file no longer says what the owner knows.
  private var isBehind = false
  private var needsSync = false
  private var isFolderUnsynced = false
  /// What the start found, until it is replayed.
  private var recovered: (reader: JournalReader, scan: JournalScan)?
  private(set) var goesFirst = false
  var isDirty = false
  var isUnsynced = false
  /// Whether what was found could not be read whole; see `Journal`.
  public private(set) var isDamaged = false
  private var waiters = CommitWaiters()
  private(set) var isAbandoned = false

  /// Opens the file. Where there is none, it is made with the first entry.
  ///
  /// - Parameters:
  ///   - owner: the path of what the journal is a part of; its own by default.
  ///   - isThere: whether there may be a file, or one that was to take its place.
  init(
    path: String, of owner: String? = nil, store: FileStore, isThere: Bool
  ) throws(DiskError) {
    self.path = path
    self.owner = owner ?? path
    self.store = store
    guard isThere, let file = try Self.open(path, store.disk) else {
      self.file = UnmadeFile()
      self.isMade = false
      self.header = FileHeader(.journal, 0, salt: store.makeSalt())
      self.end = FileHeader.byteCount
      self.snapshotBytes = self.end
      store.promiseFile()
      return
    }
    self.file = file
    self.isMade = true
    var reader = try JournalReader(file)
    if let header = try reader.header(), header.kind == .journal {
      self.header = header
      self.end = FileHeader.byteCount
      try self.recover(&reader)
    } else {
      // One without a whole header may have been cut, or the power went before anything in it was
      // confirmed. Nobody can tell.
      self.isDamaged = true
      if reader.size < FileHeader.byteCount {
        store.tell(.cut, path, "begun anew: it ended within its header")
      } else {
        store.tell(.damaged, path, "put aside as .quarantined: it has no header that can be read")
        try store.disk.rename(path, to: "\(path).quarantined")
        self.file = try store.disk.open(path, isNew: true)
      }
      self.header = FileHeader(.journal, 0, salt: store.makeSalt())
      var start = ByteBuffer()
      self.header.write(to: &start)
      try self.file.truncate(to: 0)
      try self.file.write(start, at: 0)
      self.end = FileHeader.byteCount
      self.isFolderUnsynced = true
      self.needsSync = true
    }
    self.snapshotBytes = self.end
    self.committedEntries = self.entryCount
    if self.isFolderUnsynced {
      // A new one has nothing that may be lost. It is synced with what comes first.
      store.markDirty(self)
    } else if store.settings.sync != .never {
      try store.disk.syncNow(files: [self.file], folders: [self.folder])
      self.needsSync = false
      self.isFolderUnsynced = false
    }
  }

  private static func open(_ path: String, _ disk: any Disk) throws(DiskError) -> (any DiskFile)? {
    try disk.remove("\(path).new")
    do {
      return try disk.open(path, isNew: false)
    } catch {
      guard error.isNotThere else { throw error }
      return nil
    }
  }

  private var folder: String { DiskPath.folder(of: self.path) }

  private func recover(_ reader: inout JournalReader) throws(DiskError) {
    let scan = try JournalScan(&reader, self.header)
    // One that is short is not read a second time.
    if reader.isInPieces { reader.forget() }
    self.recovered = (reader, scan)
    self.entryCount = scan.entryCount
    self.end = scan.end
    self.isDamaged = !scan.damage.isEmpty || self.end < reader.size
    for place in scan.damage {
      self.store.tell(.damaged, self.path, "entries behind \(place) cannot be read")
    }
    if self.end < reader.size {
      self.store.tell(.cut, self.path, "\(reader.size - self.end) bytes cut off at \(self.end)")
      try self.file.truncate(to: self.end)
    }
  }

  /// Calls `body` with every entry; see `Journal`.
  public func replay(_ body: (ByteBuffer) -> Void) throws(EngineError) {
    try self.replayWithCertainty { entry, _ in body(entry) }
  }

  /// Calls `body` with every entry; see `Journal`.
  public func replayWithCertainty(
    _ body: (ByteBuffer, _ isCertain: Bool) -> Void
  ) throws(EngineError) {
    do throws(DiskError) {
      try self.forEachRecovered(body)
    } catch {
      throw self.store.refuse(error)
    }
  }

  /// The same, for a part of the store.
  func forEachRecovered(_ body: (ByteBuffer, _ isCertain: Bool) -> Void) throws(DiskError) {
    guard let recovered = self.recovered else { return }
    var reader = recovered.reader
    try recovered.scan.forEach(&reader, body)
    // If it failed, whoever tries again begins again.
    self.recovered = nil
  }

  /// What is added is written before logs; see `Journal`.
  public func goFirst() { self.goesFirst = true }

  /// Adds an entry; see `Journal`.
  public func append(_ entry: ByteBuffer) {
    self.appended += 1
    // Behind entries that are missing nothing can stand.
    guard !self.isBehind else { return }
    self.pending.append(Pending(entry: entry))
    self.pendingBytes += entry.readableBytes
    self.store.markDirty(self)
  }

  /// Adds entries that are dropped when they are refused; see `Journal`.
  public func propose(_ entries: [ByteBuffer], _ body: @escaping (EngineError?) -> Void) {
    if self.failure == nil, !self.isBehind {
      for entry in entries {
        self.appended += 1
        self.pending.append(Pending(entry: entry, isProposed: true))
        self.pendingBytes += entry.readableBytes
      }
      self.store.markDirty(self)
    }
    self.whenCommitted(body)
  }

  /// Whether the file is much longer than a snapshot would be; see `Journal`.
  public var wantsSnapshot: Bool {
    self.successor == nil
      && (self.isBehind
        || (self.end > Self.snapshotBytesMin && self.end > 4 * self.snapshotBytes))
  }

  /// Puts other entries in place of everything; see `Journal`. Where the disk refuses, all stays
  /// as it is, and `wantsSnapshot` too.
  public func replace(_ produce: (_ add: (ByteBuffer) -> Void) -> Void) {
    // What was added before is part of what the owner hands in now; the old file has it as well, in
    // case that the new one cannot take its place. One at a time: the owner will ask again.
    guard self.successor == nil, self.failure == nil else { return }
    self.write()
    guard self.pending.isEmpty else { return }
    let mark = self.appended
    let header = FileHeader(.journal, 0, salt: self.store.makeSalt())
    do throws(DiskError) {
      let file = try self.store.disk.open("\(self.path).new", isNew: true)
      var writer = JournalWriter(file, header)
      var failure: DiskError?
      produce { entry in
        guard failure == nil else { return }
        do throws(DiskError) {
          try writer.add(entry)
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      try writer.flush()
      self.successor = Successor(
        file: file, header: header, end: writer.end, snapshotBytes: writer.end,
        entryCount: writer.entryCount, syncedEnd: writer.end)
      self.isReplacing = true
      self.store.replacementBegan()
      self.sync(file, mark)
    } catch {
      self.giveUp(error)
    }
  }

  private func sync(_ file: any DiskFile, _ mark: UInt64) {
    self.store.disk.sync(files: [file], folders: []) { error in
      // One that was given up may have its answer when the next one waits for its own.
      if self.successor?.file === file { self.succeed(error, mark) }
    }
  }

  private func succeed(_ error: DiskError?, _ mark: UInt64) {
    guard var successor = self.successor else { return }
    if let error { return self.giveUp(error) }
    if successor.end > successor.syncedEnd {
      // What was added meanwhile may be confirmed already, by the old file's sync: it must be as
      // safe in the new one.
      successor.syncedEnd = successor.end
      successor.isLastSync = true
      self.successor = successor
      return self.sync(successor.file, mark)
    }
    self.successor = nil
    do {
      try self.store.disk.rename("\(self.path).new", to: self.path)
    } catch {
      return self.giveUp(error)
    }
    self.file = successor.file
    if !self.isMade { self.wasMade() }
    self.header = successor.header
    self.end = successor.end
    self.snapshotBytes = successor.snapshotBytes
    self.entryCount = successor.entryCount
    self.committedEntries = successor.entryCount
    // What came since the owner said what there is, behind a gap, was written to neither.
    self.isBehind = self.isBehind && self.appended > mark
    self.needsSync = true
    self.isFolderUnsynced = true
    self.written = max(self.written, mark)
    self.store.markDirty(self)
    self.endReplacement()
  }

  /// Nobody wants it any more.
  func abandon() {
    if !self.isMade { self.store.endPromise() }
    self.failure = self.failure ?? EngineError(.notFound, "the journal was removed")
    self.isAbandoned = true
    guard self.successor != nil else { return }
    self.successor = nil
    try? self.store.disk.remove("\(self.path).new")
    self.endReplacement()
  }

  func dismiss() {
    if let failure = self.failure { for body in self.waiters.take(above: 0) { body(failure) } }
  }

  var isHeldUp: Bool {
    self.goesFirst && self.successor?.isLastSync == true && self.failure == nil
      && !self.pending.isEmpty
  }

  /// Says that there is one file again.
  private func endReplacement() {
    guard self.isReplacing else { return }
    self.isReplacing = false
    self.store.scheduleCommit()
    self.store.replacementEnded()
  }

  /// Stays with the old file, which has everything.
  private func giveUp(_ error: DiskError) {
    self.successor = nil
    try? self.store.disk.remove("\(self.path).new")
    _ = self.store.refuse(error)
    self.store.markDirty(self)
    self.endReplacement()
  }

  func write() {
    guard self.failure == nil, !self.pending.isEmpty, self.successor?.isLastSync != true else {
      return
    }
    do {
      if !self.isMade {
        self.file = try self.store.makeFile(self.path, self.header, of: self.owner)
        self.wasMade()
      }
      let size = try self.write(
        self.pending, to: self.file, at: self.end, self.header.format, number: self.entryCount,
        committed: self.committedEntries)
      if var successor = self.successor {
        do {
          successor.end += try self.write(
            self.pending, to: successor.file, at: successor.end, successor.header.format,
            number: successor.entryCount, committed: 0)
          successor.entryCount += UInt64(self.pending.count)
          self.successor = successor
        } catch {
          self.giveUp(error)
        }
      }
      self.entryCount += UInt64(self.pending.count)
      self.end += size
      self.pending.removeAll()
      self.pendingBytes = 0
      self.written = self.appended
      self.needsSync = true
    } catch {
      let refusal = self.store.refuse(error)
      try? self.file.truncate(to: self.end)
      self.drop()
      // What was written before waits for its sync only.
      for body in self.waiters.take(above: self.written) { body(refusal) }
    }
  }

  /// There is a file, by a write or because a snapshot took its place.
  private func wasMade() {
    self.isMade = true
    self.isFolderUnsynced = true
    self.store.fileWasMade(of: self.owner)
  }

  /// Drops what was refused and nobody has done yet, and everything where it is too much.
  private func drop() {
    self.pending.removeAll { $0.isProposed }
    self.pendingBytes = self.pending.reduce(0) { $0 + $1.entry.readableBytes }
    self.appended = self.written + UInt64(self.pending.count)
    guard self.pendingBytes > Self.pendingBytesMax else { return }
    self.pending.removeAll()
    self.pendingBytes = 0
    self.isBehind = true
  }

  private func write(
    _ entries: [Pending], to file: any DiskFile, at position: Int, _ format: FrameFormat,
    number: UInt64, committed: UInt64
  ) throws(DiskError) -> Int {
    var bytes = ByteBuffer()
    for (place, each) in entries.enumerated() {
      format.write(
        entry: each.entry, number: number + UInt64(place), committed: committed, to: &bytes)
    }
    try file.write(bytes, at: position)
    return bytes.readableBytes
  }

  var writtenMark: UInt64 { self.written }

  func takeUnsynced() -> (files: [any DiskFile], folders: [String]) {
    let files = self.needsSync ? [self.file] : []
    defer {
      self.needsSync = false
      self.isFolderUnsynced = false
    }
    return (files, self.isFolderUnsynced ? [self.folder] : [])
  }

  func commit(to mark: UInt64) {
    guard mark > self.committed, self.failure == nil else { return }
    self.committed = mark
    // Entries are counted from the file's beginning, marks from the start of the process.
    let uncommitted = self.written - mark
    self.committedEntries = max(
      self.committedEntries, self.entryCount - min(uncommitted, self.entryCount))
    for body in self.waiters.take(upTo: mark) { body(nil) }
  }

  func fail(_ error: DiskError) {
    let failure = self.store.refuse(error)
    self.failure = failure
    for body in self.waiters.take(above: 0) { body(failure) }
  }

  /// Calls `body` when everything added so far is committed; see `Journal`.
  public func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    if let failure = self.failure {
      body(failure)
    } else if self.isBehind {
      body(EngineError(.storageFailed, "the disk took nothing for too long"))
    } else if self.committed >= self.appended {
      body(nil)
    } else {
      self.waiters.append(self.appended, body)
      // What was refused is tried again.
      if !self.pending.isEmpty { self.store.markDirty(self) }
    }
  }
}
