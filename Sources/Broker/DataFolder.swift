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

  private static func checkFormat(of path: String) throws(BrokerError) {
    let file = "\(path)/format"
    var facts = stat()
    guard stat(file, &facts) == 0 else {
      let text = Array("\(self.format)\n".utf8)
      let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
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
