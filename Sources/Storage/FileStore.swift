public import GodwitEngine
import GodwitPrimitives
import NIOCore

/// Logs and journals in a folder, written together when a turn of the loop ends ("group commit").
///
/// Belongs to one event loop, as the engine does. `docs/storage.md` has the layout.
public final class FileStore: Store {
  /// What is kept here outlives the process.
  public var isDurable: Bool { true }
  /// What the disk has refused, or could not be read, since the start.
  public private(set) var failureCount: UInt64 = 0
  /// How often files were synced.
  public private(set) var syncCount: UInt64 = 0

  let disk: any Disk
  unowned let engine: Engine
  let settings: StoreSettings
  let cache: BlockCache
  let backlog = WriteBacklog()
  private let folder: String
  private let salt: () -> UInt32
  private let atTurnEnd: (@escaping () -> Void) -> Void
  private let report: (StorageReport) -> Void
  /// The paths of logs and journals that the folder has.
  private var paths: Set<String> = []
  private var logs: [String: FileLog] = [:]
  private var journals: [String: FileJournal] = [:]
  private var dirty: [any CommitMember] = []
  private var unsynced: [any CommitMember] = []
  private var isCommitScheduled = false
  /// Who has its share in what is written elsewhere at the moment, and that.
  private var writing: [any CommitMember] = []
  private var pendingWrites: (any PendingWrites)?
  private(set) var isWriting = false
  private var isSyncing = false
  private var isSyncScheduled = false
  private let timer = StoreTimer()
  /// How often segments were written anew, since the start.
  public private(set) var compactionCount: UInt64 = 0
  /// Logs that want segments written anew, and from when on; one at a time is served.
  private var wanting: [(log: FileLog, at: Int64)] = []
  private var isCompacting = false
  private var compactionTimer: Timers.Token?
  private var isClosing = false
  private var whenIdle: [() -> Void] = []
  /// How many files logs and journals will have that nothing was written to yet.
  private var unmadeCount = 0
  /// How many journals are being written anew.
  private var replacements = 0

  private final class StoreTimer: TimerTarget {
    enum Kind {
      static let sync = 0
      static let compaction = 1
    }

    /// Not weak: that would make each of the many references to the store a dear one.
    unowned var store: FileStore?
    func timerFired(_ kind: Int) {
      if kind == Kind.sync {
        self.store?.isSyncScheduled = false
        self.store?.sync()
      } else {
        self.store?.compactionTimer = nil
        self.store?.compact()
      }
    }
  }

  /// A store in `folder`, which is made if it is missing.
  ///
  /// - Parameters:
  ///   - makeSalt: gives random numbers; the system's by default.
  ///   - atTurnEnd: has its argument called when the events at hand are handled.
  ///   - report: is told what the operator should know.
  /// - Throws: `DiskError` when the folder cannot be used.
  public init(
    folder: String, disk: any Disk, engine: Engine, settings: StoreSettings = StoreSettings(),
    makeSalt: @escaping () -> UInt32 = { .random(in: 0 ... .max) },
    atTurnEnd: @escaping (@escaping () -> Void) -> Void,
    report: @escaping (StorageReport) -> Void
  ) throws(DiskError) {
    self.folder = folder
    self.disk = disk
    self.engine = engine
    self.settings = settings
    self.cache = BlockCache(bytesMax: settings.cacheBytesMax)
    self.salt = makeSalt
    self.atTurnEnd = atTurnEnd
    self.report = report
    self.timer.store = self
    try disk.makeFolder("\(folder)/logs")
    try disk.makeFolder("\(folder)/journals")
    for kind in ["logs", "journals"] {
      let place = "\(folder)/\(kind)"
      for path in try FileName.paths(in: place, of: disk) {
        self.paths.insert("\(place)/\(path)")
      }
    }
  }

  /// A timer may outlive it.
  deinit { self.timer.store = nil }

  // MARK: What is kept

  /// The log of that name; see `Store`.
  public func log(named name: String, isKnown: Bool) throws(EngineError) -> any Log {
    if let log = self.logs[name] { return log }
    let path = try self.path("logs", name)
    try self.checkRoom(for: path, isKnown)
    do {
      let log = try FileLog(
        name: name, folder: path, store: self, isThere: self.paths.contains(path))
      self.logs[name] = log
      return log
    } catch {
      throw self.refuse(error)
    }
  }

  /// The journal of that name; see `Store`.
  public func journal(named name: String, isKnown: Bool) throws(EngineError) -> any Journal {
    if let journal = self.journals[name] { return journal }
    let path = try self.path("journals", name, ".journal")
    try self.checkRoom(for: path, isKnown)
    do {
      let journal = try FileJournal(
        path: path, store: self, isThere: self.paths.contains(path))
      self.journals[name] = journal
      return journal
    } catch {
      throw self.refuse(error)
    }
  }

  /// Forgets a log or a journal; see `Store`.
  public func remove(named name: String) {
    guard let folder = try? self.path("logs", name),
      let file = try? self.path("journals", name, ".journal")
    else { return }
    let members: [(any CommitMember)?] = [self.logs[name], self.journals[name]]
    // They may ask for another of the name.
    defer { for member in members { member?.dismiss() } }
    do {
      if let log = self.logs.removeValue(forKey: name) {
        self.forget(log)
        log.abandon()
        self.wanting.removeAll { $0.log === log }
      }
      if let journal = self.journals.removeValue(forKey: name) {
        self.forget(journal)
        journal.abandon()
      }
      if self.paths.remove(folder) != nil { try self.disk.removeFolder(folder) }
      if self.paths.remove(file) != nil { try self.disk.remove(file) }
    } catch {
      _ = self.refuse(error)
    }
  }

  /// Refuses what is not there yet where files are open that others will need: a log without a
  /// descriptor for its next segment takes nothing any more.
  private func checkRoom(for path: String, _ isKnown: Bool) throws(EngineError) {
    guard isKnown || self.paths.contains(path) || self.disk.hasRoom(besides: self.unmadeCount)
    else {
      throw EngineError(
        .quotaExceeded, "half of the files that the process may have open are in use")
    }
  }

  private func path(
    _ kind: String, _ name: String, _ ending: String = ""
  ) throws(EngineError) -> String {
    guard let path = FileName.path(name) else {
      throw self.refuse(
        DiskError(
          call: "open", path: "\(self.folder)/\(kind)", code: 36, reason: "the name is too long"))
    }
    return "\(self.folder)/\(kind)/\(path)\(ending)"
  }

  /// Makes the folders in which what has a long name lies. That they are there lasts before
  /// anything in them does.
  private func makeFolders(above path: String) throws(DiskError) {
    var folder = path[...]
    var missing: [String] = []
    while let slash = folder.lastIndex(of: "/"), folder[..<slash].hasSuffix("%") {
      folder = folder[..<slash]
      missing.append(String(folder))
    }
    for each in missing.reversed() {
      try self.disk.makeFolder(each)
      guard let slash = each.lastIndex(of: "/") else { continue }
      try self.disk.syncNow(files: [], folders: [String(each[..<slash])])
    }
  }

  func makeSalt() -> UInt32 { self.salt() }

  // MARK: Files that come later

  /// A file will be made when something is to be written to it: what nobody uses takes no file, and
  /// no time.
  func promiseFile() { self.unmadeCount += 1 }

  /// It was made, or never will be.
  func endPromise() { self.unmadeCount -= 1 }

  /// A file that was promised to `owner`, the path of a log or journal, is there.
  func fileWasMade(of owner: String) {
    self.paths.insert(owner)
    self.endPromise()
  }

  /// Makes a file with its header, and the folder for it.
  ///
  /// - Parameter owner: the path of the log or journal that it belongs to.
  func makeFile(
    _ path: String, _ header: FileHeader, of owner: String
  ) throws(DiskError) -> any DiskFile {
    // An attempt that fails may leave the folder.
    self.paths.insert(owner)
    let file: any DiskFile
    do {
      file = try self.disk.open(path, isNew: true)
    } catch {
      guard error.isNotThere else { throw error }
      try self.makeFolders(above: owner)
      try self.disk.makeFolder(DiskPath.folder(of: path))
      file = try self.disk.open(path, isNew: true)
    }
    do {
      var bytes = ByteBuffer()
      header.write(to: &bytes)
      try file.write(bytes, at: 0)
      return file
    } catch {
      try? self.disk.remove(path)
      throw error
    }
  }

  // MARK: Group commit

  func markDirty(_ member: any CommitMember) {
    guard !member.isDirty else { return }
    member.isDirty = true
    self.dirty.append(member)
    self.scheduleCommit()
  }

  func scheduleCommit() {
    guard !self.isCommitScheduled else { return }
    self.isCommitScheduled = true
    // The engine may be let go before the turn ends.
    self.atTurnEnd { [engine = self.engine] in withExtendedLifetime(engine) { self.commit() } }
  }

  private func forget(_ member: any CommitMember) {
    self.dirty.removeAll { $0 === member }
    member.isDirty = false
    self.writing.removeAll { $0 === member }
    self.unsynced.removeAll { $0 === member }
    member.isUnsynced = false
  }

  /// Writes everything that was added, and has it synced as the policy says. What is much is
  /// written elsewhere, and what is added meanwhile comes after it.
  public func commit() {
    self.isCommitScheduled = false
    guard !self.isWriting else {
      if self.backlog.isTooMuch { self.finishWriting() }
      return
    }
    // A log must not have what stands on an entry that is not written.
    guard !self.dirty.contains(where: { $0.isHeldUp }) else { return }
    let isMuch = self.backlog.bytes >= self.settings.elsewhereBytesMin && !self.isClosing
    self.backlog.bytes = 0
    var touched: [any CommitMember] = []
    var writes: [(member: any CommitMember, write: DiskWrite)] = []
    while !self.dirty.isEmpty {
      let members = self.dirty
      self.dirty.removeAll()
      for member in members { member.isDirty = false }
      for member in members where member.goesFirst { member.write() }
      for member in members {
        // What was refused may have been all that made others wanted.
        if !member.goesFirst, !member.isAbandoned {
          if !isMuch {
            member.write()
          } else if let write = member.writeElsewhere() {
            writes.append((member, write))
          }
        }
        touched.append(member)
      }
    }
    if writes.isEmpty {
      self.wereWritten(touched)
    } else {
      self.write(writes, touched)
    }
  }

  private func write(
    _ writes: [(member: any CommitMember, write: DiskWrite)], _ touched: [any CommitMember]
  ) {
    self.isWriting = true
    self.writing = touched
    let members = writes.map(\.member)
    let pending = self.disk.write(writes.map(\.write)) { [weak self] errors in
      guard let self else { return }
      for (member, error) in zip(members, errors) { member.wasWritten(error) }
      self.isWriting = false
      self.pendingWrites = nil
      let touched = self.writing
      self.writing = []
      self.wereWritten(touched)
      // What was added meanwhile has waited for it.
      if !self.dirty.isEmpty, !self.isCommitScheduled { self.commit() }
    }
    if self.isWriting { self.pendingWrites = pending }
  }

  private func finishWriting() { self.pendingWrites?.finish() }

  /// Goes on with what is in the files: it is synced, or counts already.
  private func wereWritten(_ members: [any CommitMember]) {
    let members = members.filter { !$0.isAbandoned }
    for member in members where !member.isUnsynced {
      member.isUnsynced = true
      self.unsynced.append(member)
    }
    switch self.settings.sync {
    case .always:
      self.sync()
    case .interval(let nanoseconds):
      for member in members { member.commit(to: member.writtenMark) }
      if !self.isSyncScheduled, !self.unsynced.isEmpty {
        self.isSyncScheduled = true
        _ = self.engine.timers.schedule(
          at: self.engine.now + nanoseconds, self.timer, kind: StoreTimer.Kind.sync)
      }
    case .never:
      for member in members { member.commit(to: member.writtenMark) }
      self.takeUnsynced()
    }
  }

  @discardableResult
  private func takeUnsynced() -> [any CommitMember] {
    let members = self.unsynced
    self.unsynced.removeAll()
    for member in members { member.isUnsynced = false }
    return members
  }

  /// One sync at a time; what is written meanwhile shares the next.
  private func sync() {
    guard !self.isSyncing else { return }
    guard !self.unsynced.isEmpty else {
      guard self.replacements == 0 else { return }
      let bodies = self.whenIdle
      self.whenIdle.removeAll()
      for body in bodies { body() }
      return
    }
    let members = self.takeUnsynced().map { (member: $0, mark: $0.writtenMark) }
    var files: [any DiskFile] = []
    var folders: [String] = []
    for entry in members {
      let own = entry.member.takeUnsynced()
      files += own.files
      folders += own.folders
    }
    self.isSyncing = true
    self.syncCount &+= 1
    self.disk.sync(files: files, folders: folders) { error in
      self.isSyncing = false
      // What came to its time meanwhile was put off until now.
      let isOverdue = !self.isSyncScheduled && !self.unsynced.isEmpty
      let goesOn = self.settings.sync == .always || !self.whenIdle.isEmpty || isOverdue
      if error == nil {
        for entry in members { entry.member.wasSynced() }
        // The disk is not to wait until everybody was told.
        if goesOn, !self.unsynced.isEmpty { self.sync() }
      }
      for entry in members {
        if let error {
          entry.member.fail(error)
        } else {
          entry.member.commit(to: entry.mark)
        }
      }
      if goesOn { self.sync() }
    }
  }

  func replacementBegan() { self.replacements += 1 }

  func replacementEnded() {
    self.replacements -= 1
    // Who closes the store waits for what takes the old file's place.
    if self.replacements == 0, !self.whenIdle.isEmpty {
      self.commit()
      self.sync()
    }
  }

  /// Writes and syncs everything, and then calls `done`: the end of an orderly stop.
  public func close(_ done: @escaping () -> Void) {
    self.isClosing = true
    for log in self.logs.values { log.abandonCompaction() }
    self.wanting.removeAll()
    self.whenIdle.append {
      for log in self.logs.values { log.noteEnd() }
      done()
    }
    self.finishWriting()
    self.commit()
    for log in self.logs.values { log.active.giveBackReserve() }
    self.sync()
  }

  // MARK: Compaction

  /// Has a log's segments written anew soon, those of one log at a time.
  ///
  /// - Parameter isRetry: whether the last attempt failed, so that a full disk is not asked all the
  ///   time.
  func wantCompaction(_ log: FileLog, isRetry: Bool) {
    guard !self.isClosing else { return }
    let delay = self.settings.compactionDelay
    self.wanting.append((log, self.engine.now + (isRetry ? 12 * delay : delay)))
    self.scheduleCompaction()
  }

  private func scheduleCompaction() {
    guard !self.isCompacting, let next = self.wanting.map(\.at).min() else { return }
    if let timer = self.compactionTimer { self.engine.timers.cancel(timer) }
    self.compactionTimer = self.engine.timers.schedule(
      at: next, self.timer, kind: StoreTimer.Kind.compaction)
  }

  private func compact() {
    guard !self.isCompacting else { return }
    while let place = self.wanting.firstIndex(where: { $0.at <= self.engine.now }) {
      self.isCompacting = true
      if self.wanting.remove(at: place).log.beginCompaction() { return }
      self.isCompacting = false
    }
    self.scheduleCompaction()
  }

  func compactionEnded(wasDone: Bool) {
    if wasDone { self.compactionCount &+= 1 }
    self.isCompacting = false
    self.scheduleCompaction()
  }

  // MARK: News

  func refuse(_ error: DiskError) -> EngineError {
    self.failureCount &+= 1
    self.report(
      StorageReport(kind: .failed, path: error.path, message: "\(error.call): \(error.reason)"))
    return EngineError(.storageFailed, "\(error.call): \(error.reason)")
  }

  func tell(_ kind: StorageReport.Kind, _ path: String, _ message: String) {
    if kind == .damaged { self.failureCount &+= 1 }
    self.report(StorageReport(kind: kind, path: path, message: message))
  }
}
