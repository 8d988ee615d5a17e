public import GodwitEngine
public import NIOCore
public import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The system's calls whose names the disk has, too.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
  open(path, flags, mode)
}
private func systemSync() { sync() }
private func systemRename(_ path: String, _ newPath: String) -> Int32 { rename(path, newPath) }

/// The operating system's files. What waits for the device runs on threads of a pool.
public final class PosixDisk: Disk {
  private let eventLoop: any EventLoop
  private let threads: NIOThreadPool
  let writers: (any PartitionLoops)?
  private let filesMax: Int
  private let openFiles = OpenFiles()

  /// - Parameters:
  ///   - eventLoop: where everything is called and answered.
  ///   - threads: what waits for the device; two are enough. Whoever made it shuts it down, after
  ///     the last use of the disk.
  ///   - writers: what writes that is handed over; by default that is done at once. They end when
  ///     nothing is written any more.
  ///   - filesMax: how many files may be open before there is no more room for new logs; those that
  ///     are there may need more. No limit by default.
  public init(
    eventLoop: any EventLoop, threads: NIOThreadPool, writers: (any PartitionLoops)? = nil,
    filesMax: Int = .max
  ) {
    self.writers = writers
    self.filesMax = filesMax
    self.eventLoop = eventLoop
    self.threads = threads
  }

  /// Makes a folder that only its owner may look into; see `Disk`.
  public func makeFolder(_ path: String) throws(DiskError) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
      throw Self.failure("mkdir", path)
    }
    try self.makeFolder(String(path[..<slash]))
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Self.failure("mkdir", path) }
  }

  /// The names in a folder; see `Disk`.
  public func list(_ path: String) throws(DiskError) -> [String] {
    guard let folder = opendir(path) else { throw Self.failure("open", path) }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Opens a file; see `Disk`.
  public func open(_ path: String, isNew: Bool) throws(DiskError) -> any DiskFile {
    var flags = O_RDWR | O_CLOEXEC
    if isNew { flags |= O_CREAT | O_TRUNC }
    let descriptor = systemOpen(path, flags, 0o600)
    guard descriptor >= 0 else { throw Self.failure("open", path) }
    return PosixFile(
      Descriptor(descriptor, path, self.openFiles), eventLoop: self.eventLoop,
      threads: self.threads)
  }

  /// Whether fewer files are open than may be; see `Disk`.
  public func hasRoom(besides files: Int) -> Bool {
    self.openFiles.count.load(ordering: .relaxed) + files < self.filesMax
  }

  /// Removes a file; see `Disk`.
  public func remove(_ path: String) throws(DiskError) {
    guard unlink(path) == 0 || errno == ENOENT else { throw Self.failure("remove", path) }
  }

  /// Removes a folder and all in it; see `Disk`. Links are removed, not followed.
  public func removeFolder(_ path: String) throws(DiskError) {
    let names: [String]
    do {
      names = try self.list(path)
    } catch {
      if error.code == ENOENT { return }
      throw error
    }
    for name in names {
      let inner = "\(path)/\(name)"
      var facts = stat()
      guard lstat(inner, &facts) == 0 else { throw Self.failure("stat", inner) }
      if facts.st_mode & S_IFMT == S_IFDIR {
        try self.removeFolder(inner)
      } else {
        try self.remove(inner)
      }
    }
    guard rmdir(path) == 0 || errno == ENOENT else { throw Self.failure("remove", path) }
  }

  /// Gives a file another name; see `Disk`.
  public func rename(_ path: String, to newPath: String) throws(DiskError) {
    let result = systemRename(path, newPath)
    guard result == 0 else { throw Self.failure("rename", path) }
  }

  /// Syncs files and folders on a thread; see `Disk`.
  public func sync(
    files: [any DiskFile], folders: [String], _ done: @escaping (DiskError?) -> Void
  ) {
    let descriptors = files.compactMap { ($0 as? PosixFile)?.descriptor }
    self.threads.runIfActive(eventLoop: self.eventLoop) {
      Self.sync(descriptors, folders)
    }.assumeIsolated().whenComplete { result in
      switch result {
      case .success(let error): done(error)
      case .failure:
        done(DiskError(call: "sync", path: "", code: ECANCELED, reason: "the broker is stopping"))
      }
    }
  }

  /// Syncs files and folders here; see `Disk`.
  public func syncNow(files: [any DiskFile], folders: [String]) throws(DiskError) {
    if let error = Self.sync(files.compactMap { ($0 as? PosixFile)?.descriptor }, folders) {
      throw error
    }
  }

  private static func sync(_ descriptors: [Descriptor], _ folders: [String]) -> DiskError? {
    for descriptor in descriptors {
      if let error = descriptor.sync() { return error }
    }
    for folder in folders {
      if let error = self.sync(folder: folder) { return error }
    }
    return nil
  }

  private static func sync(folder: String) -> DiskError? {
    let descriptor = systemOpen(folder, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else {
      // A folder that was removed meanwhile has nothing to lose.
      if errno == ENOENT { return nil }
      guard errno == EMFILE || errno == ENFILE else { return self.failure("open", folder) }
      // Dear, but it needs no descriptor. A log whose sync fails is at its end.
      systemSync()
      return nil
    }
    defer { close(descriptor) }
    return fsync(descriptor) == 0 ? nil : self.failure("fsync", folder)
  }

  static func failure(_ call: String, _ path: String) -> DiskError {
    let code = errno
    return DiskError(call: call, path: path, code: code, reason: String(cString: strerror(code)))
  }
}

/// How many descriptors a disk has; they are closed on any thread.
private final class OpenFiles: Sendable {
  let count = Atomic(0)
}

/// A file descriptor, closed with its last user: a sync may outlive the log it is for.
final class Descriptor: Sendable {
  let number: Int32
  let path: String
  private let openFiles: OpenFiles

  fileprivate init(_ number: Int32, _ path: String, _ openFiles: OpenFiles) {
    self.number = number
    self.path = path
    self.openFiles = openFiles
    openFiles.count.add(1, ordering: .relaxed)
  }

  deinit {
    close(self.number)
    self.openFiles.count.subtract(1, ordering: .relaxed)
  }

  func sync() -> DiskError? {
    #if canImport(Darwin)
      let result = fcntl(self.number, F_FULLFSYNC)
    #else
      let result = fdatasync(self.number)
    #endif
    return result == 0 ? nil : PosixDisk.failure("fsync", self.path)
  }

  /// Pieces of those sizes, one behind the other.
  func read(_ counts: [Int], at position: Int) -> Result<[ByteBuffer], DiskError> {
    var pieces: [ByteBuffer] = []
    pieces.reserveCapacity(counts.count)
    var place = position
    for count in counts {
      switch self.read(count, at: place) {
      case .success(let piece): pieces.append(piece)
      case .failure(let error): return .failure(error)
      }
      place += count
    }
    return .success(pieces)
  }

  func read(_ count: Int, at position: Int) -> Result<ByteBuffer, DiskError> {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(count)
    while buffer.readableBytes < count {
      let left = count - buffer.readableBytes
      let place = off_t(position + buffer.readableBytes)
      var (got, code): (Int, Int32) = (0, 0)
      buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: left) { bytes in
        got = pread(self.number, bytes.baseAddress, min(left, bytes.count), place)
        code = errno
        return max(0, got)
      }
      if got > 0 || (got < 0 && code == EINTR) { continue }
      guard got == 0 else {
        return .failure(
          DiskError(
            call: "read", path: self.path, code: code, reason: String(cString: strerror(code))))
      }
      break
    }
    return .success(buffer)
  }
}

final class PosixFile: DiskFile {
  let descriptor: Descriptor
  private let eventLoop: any EventLoop
  private let threads: NIOThreadPool

  fileprivate init(_ descriptor: Descriptor, eventLoop: any EventLoop, threads: NIOThreadPool) {
    self.descriptor = descriptor
    self.eventLoop = eventLoop
    self.threads = threads
  }

  func size() throws(DiskError) -> Int {
    var facts = stat()
    guard fstat(self.descriptor.number, &facts) == 0 else {
      throw PosixDisk.failure("stat", self.descriptor.path)
    }
    return Int(facts.st_size)
  }

  func write(_ bytes: ByteBuffer, at position: Int) throws(DiskError) {
    try self.descriptor.write(bytes, at: position)
  }

  func write(_ pieces: [ByteBuffer], at position: Int) throws(DiskError) {
    try self.descriptor.write(pieces, at: position)
  }

  func read(_ count: Int, at position: Int) throws(DiskError) -> ByteBuffer {
    try self.descriptor.read(count, at: position).get()
  }

  func load(
    _ counts: [Int], at position: Int, _ done: @escaping (Result<[ByteBuffer], DiskError>) -> Void
  ) {
    let descriptor = self.descriptor
    self.threads.runIfActive(eventLoop: self.eventLoop) {
      descriptor.read(counts, at: position)
    }.assumeIsolated().whenComplete { result in
      switch result {
      case .success(let read): done(read)
      case .failure:
        done(
          .failure(
            DiskError(
              call: "read", path: descriptor.path, code: ECANCELED,
              reason: "the broker is stopping")))
      }
    }
  }

  func truncate(to size: Int) throws(DiskError) {
    guard ftruncate(self.descriptor.number, off_t(size)) == 0 else {
      throw PosixDisk.failure("truncate", self.descriptor.path)
    }
  }

  func reserve(behind end: Int, upTo size: Int) {
    self.descriptor.reserve(behind: end, upTo: size)
  }

  func giveBackReserve(behind end: Int) { self.descriptor.giveBackReserve(behind: end) }
}
