public import GodwitStorage
import GodwitWireTesting
import NIOCore

/// A disk that fails, fills up, delays, and loses power, all of it decided by a seed.
///
/// What was written is in the "page cache" at once. It is on the "platter" after a sync; what was
/// not synced when the power goes is there in part, in any order, torn within a write. Names of
/// files behave likewise, with the sync of their folder.
public final class SimulatedDisk: Disk {
  /// How a run of the simulator ends.
  public enum Crash: Hashable, Sendable {
    /// The process dies; the operating system lives on and has all that was written.
    case process
    /// The power goes.
    case power
  }

  /// How often things go wrong: once in so many times; 0 for never.
  public struct Faults: Hashable, Sendable {
    /// A write that fails, having written a part.
    public var failingWrites = 0
    /// A read that fails.
    public var failingReads = 0
    /// A sync that fails, and loses what it was for.
    public var failingSyncs = 0
    /// A sync that says it is done and has done nothing.
    public var lyingSyncs = 0
    /// How many bytes fit on the disk.
    public var capacity = Int.max

    /// No faults.
    public init() {}
  }

  /// What goes wrong from now on.
  public var faults = Faults()
  /// How many syncs were asked for.
  public private(set) var syncCount = 0
  /// How many bytes were read.
  public internal(set) var bytesRead = 0

  var random: SplitMix64
  private var names: [String: SimulatedFile] = [:]
  private var lastingNames: [String: SimulatedFile] = [:]
  private var folders: Set<String> = []
  private var answers: [() -> Void] = []
  /// What is being written elsewhere.
  private var writing: [SimulatedWriting] = []
  /// Files of before a crash write to nothing any more.
  private(set) var life = 0

  /// An empty disk.
  public init(seed: UInt64) {
    self.random = SplitMix64(seed: seed)
  }

  /// How many bytes are on it.
  public var usedBytes: Int { self.names.values.reduce(0) { $0 + $1.cached.count } }

  // MARK: The disk

  /// Makes a folder; it lasts at once.
  public func makeFolder(_ path: String) { self.folders.insert(path) }

  /// The names in a folder.
  public func list(_ path: String) throws(DiskError) -> [String] {
    guard self.folders.contains(path) else {
      throw DiskError(call: "open", path: path, code: 2, reason: "No such file or directory")
    }
    return (Array(self.names.keys) + self.folders).filter { Self.folder(of: $0) == path }
      .map { String($0.dropFirst(path.utf8.count + 1)) }.sorted()
  }

  /// Opens a file.
  public func open(_ path: String, isNew: Bool) throws(DiskError) -> any DiskFile {
    if isNew {
      guard self.folders.contains(Self.folder(of: path)) else {
        throw DiskError(call: "open", path: path, code: 2, reason: "No such file or directory")
      }
      try self.makeRoom(1, "open", path)
      let file = SimulatedFile(path: path)
      self.names[path] = file
      return SimulatedHandle(file, self)
    }
    guard let file = self.names[path] else {
      throw DiskError(call: "open", path: path, code: 2, reason: "No such file or directory")
    }
    return SimulatedHandle(file, self)
  }

  /// Removes a file.
  public func remove(_ path: String) { self.names[path] = nil }

  /// Removes a folder and all in it.
  public func removeFolder(_ path: String) {
    for name in self.names.keys where name.hasPrefix("\(path)/") { self.names[name] = nil }
    self.folders.remove(path)
  }

  /// Renames a file.
  public func rename(_ path: String, to newPath: String) throws(DiskError) {
    guard let file = self.names.removeValue(forKey: path) else {
      throw DiskError(call: "rename", path: path, code: 2, reason: "No such file or directory")
    }
    self.names[newPath] = file
  }

  /// Syncs, now; the answer comes with `answer`.
  public func sync(
    files: [any DiskFile], folders: [String], _ done: @escaping (DiskError?) -> Void
  ) {
    let error = self.sync(files, folders)
    self.later { done(error) }
  }

  /// Writes when it is answered, or when somebody waits for it; a crash before finds any part of it
  /// in the files.
  public func write(
    _ writes: [DiskWrite], _ done: @escaping ([DiskError?]) -> Void
  ) -> (any PendingWrites)? {
    self.writing.removeAll { $0.isDone }
    let writing = SimulatedWriting(writes, done)
    self.writing.append(writing)
    self.later { writing.finish() }
    return writing
  }

  /// Syncs, and answers at once.
  public func syncNow(files: [any DiskFile], folders: [String]) throws(DiskError) {
    if let error = self.sync(files, folders) { throw error }
  }

  private func sync(_ files: [any DiskFile], _ folders: [String]) -> DiskError? {
    self.syncCount += 1
    let files = files.compactMap { ($0 as? SimulatedHandle)?.file }
    var error: DiskError?
    if self.random.oneIn(self.faults.failingSyncs) {
      for file in files { file.losePending(&self.random) }
      error = DiskError(call: "fsync", path: "", code: 5, reason: "Input/output error")
    } else if !self.random.oneIn(self.faults.lyingSyncs) {
      for file in files { file.last() }
      for folder in folders { self.lastNames(of: folder) }
    }
    return error
  }

  private func lastNames(of folder: String) {
    for name in self.lastingNames.keys where Self.folder(of: name) == folder {
      self.lastingNames[name] = self.names[name]
    }
    for (name, file) in self.names where Self.folder(of: name) == folder {
      self.lastingNames[name] = file
    }
  }

  func makeRoom(_ count: Int, _ call: String, _ path: String) throws(DiskError) {
    guard self.faults.capacity < .max else { return }
    guard self.usedBytes <= self.faults.capacity - count else {
      throw DiskError(call: call, path: path, code: 28, reason: "No space left on device")
    }
  }

  func later(_ body: @escaping () -> Void) {
    let life = self.life
    self.answers.append { [unowned self] in if self.life == life { body() } }
  }

  // MARK: The world

  /// Whether calls wait for an answer.
  public var isBusy: Bool { !self.answers.isEmpty }

  /// Gives one waiting call its answer, any of them.
  public func answer() {
    guard !self.answers.isEmpty else { return }
    let place = Int.random(in: 0..<self.answers.count, using: &self.random)
    self.answers.remove(at: place)()
  }

  /// Everything stops. Open files are useless afterwards; calls that wait never get an answer.
  public func crash(_ kind: Crash) {
    // What is written has faults of the disk's own.
    var random = SplitMix64(seed: self.random.next())
    for writing in self.writing { writing.performSome(&random) }
    self.writing.removeAll()
    self.life += 1
    self.answers.removeAll()
    guard kind == .power else { return }
    var names: [String: SimulatedFile] = [:]
    for name in Set(self.names.keys).union(self.lastingNames.keys).sorted() {
      // A change of a name that was not synced may have happened or not.
      let (now, then) = (self.names[name], self.lastingNames[name])
      let file = now === then ? now : Bool.random(using: &self.random) ? now : then
      if let file { names[name] = file }
    }
    // In the order of names: that of a set differs from run to run, and with it the life of a seed.
    var struck: Set<ObjectIdentifier> = []
    for (_, file) in names.sorted(by: { $0.key < $1.key })
    where struck.insert(ObjectIdentifier(file)).inserted {
      file.losePower(&self.random)
    }
    self.names = names
    self.lastingNames = names
  }

  /// Turns some bits of a file, as a disk does that goes bad.
  ///
  /// - Returns: the file's path; `nil` when there is none.
  @discardableResult
  public func damage(where isWanted: (String) -> Bool) -> String? {
    let wanted = self.names.keys.filter { isWanted($0) && !self.names[$0]!.cached.isEmpty }.sorted()
    guard let path = wanted.randomElement(using: &self.random), let file = self.names[path] else {
      return nil
    }
    file.damage(&self.random)
    return path
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  }
}
