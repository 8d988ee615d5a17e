import Glibc

/// The folder of what must last, held by one process at a time. `format` says which version of its
/// layout it has.
public final class DataFolder: Sendable {
  /// The folder.
  public let path: String
  private let lock: Int32

  /// Makes the folder if it is missing, and locks it until the process ends or this value goes.
  ///
  /// - Throws: `BrokerError` when it cannot be written, or another process has it.
  public init(_ path: String) throws(BrokerError) {
    var facts = stat()
    if stat(path, &facts) != 0 {
      guard errno == ENOENT, mkdir(path, 0o700) == 0 else {
        throw TextFile.error("cannot use the data folder", path, errno)
      }
    } else if facts.st_mode & S_IFMT != S_IFDIR {
      throw BrokerError("cannot use the data folder \(path): not a folder")
    }
    try Self.checkIsOurs(path)
    let lock = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw TextFile.error("cannot use the data folder", path, errno) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(lock)
      guard code == EWOULDBLOCK else {
        throw TextFile.error("cannot lock the data folder", path, code)
      }
      throw BrokerError("cannot use the data folder \(path): another godwit has it")
    }
    do throws(BrokerError) {
      try Self.checkFormat(of: path)
    } catch {
      close(lock)
      throw error
    }
    self.path = path
    self.lock = lock
  }

  /// The version of the layout that this program reads and writes.
  static let format = "1"

  /// What may be in a folder that is new: a file system's own, and what a start has left that came
  /// no further.
  private static let beginnings: Set<String> = ["lost+found", "lock", "format"]

  /// Refuses a folder that somebody uses for something else, or whose format nobody knows: what is
  /// in it would be taken for data, or be missed.
  private static func checkIsOurs(_ path: String) throws(BrokerError) {
    guard !self.hasFormat(path) else { return }
    guard let folder = opendir(path) else {
      throw TextFile.error("cannot use the data folder", path, errno)
    }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name == "." || name == ".." || self.beginnings.contains(name) else {
        throw BrokerError(
          "cannot use the data folder \(path): it is not empty (\(name.prefix(100))), and has no "
            + "file `format` that says that it is one")
      }
    }
  }

  private static func hasFormat(_ path: String) -> Bool {
    var facts = stat()
    return stat("\(path)/format", &facts) == 0 && facts.st_size > 0
  }

  private static func checkFormat(of path: String) throws(BrokerError) {
    let file = "\(path)/format"
    guard self.hasFormat(path) else {
      let text = Array("\(self.format)\n".utf8)
      let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw TextFile.error("cannot write", file, errno) }
      defer { close(descriptor) }
      guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
        throw TextFile.error("cannot write", file, errno)
      }
      return
    }
    let found = try TextFile.text(file).filter { !$0.isWhitespace }
    guard found == self.format else {
      throw BrokerError(
        "cannot use the data folder \(path): its format is \(found.prefix(20)), "
          + "and this program knows \(self.format)")
    }
  }

  deinit { close(self.lock) }
}
