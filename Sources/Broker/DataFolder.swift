import Glibc

/// The folder of what must last, held by one process at a time.
///
/// Nothing is kept in it yet: messages live in memory. The folder is claimed all the same, so that
/// who says `--data` today keeps a folder that is theirs alone.
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
    self.path = path
    self.lock = lock
  }

  deinit { close(self.lock) }
}
