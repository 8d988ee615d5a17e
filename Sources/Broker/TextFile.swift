import Glibc

/// Small files that people write: settings, users, certificates.
public enum TextFile {
  /// 16 MiB: what is larger is no such file.
  private static let bytesMax = 16 << 20

  /// The bytes of a file.
  ///
  /// - Parameter takesPipes: whether it may be a pipe or a device, which can make the caller wait
  ///   for as long as somebody else likes.
  /// - Throws: `BrokerError` that says why not.
  public static func bytes(
    _ path: String, takesPipes: Bool = false
  ) throws(BrokerError) -> [UInt8] {
    // To open a pipe that nobody writes to would already wait.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | (takesPipes ? 0 : O_NONBLOCK))
    guard descriptor >= 0 else { throw Self.error("cannot read", path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.error("cannot read", path, errno) }
    let kind = status.st_mode & S_IFMT
    guard takesPipes || kind == S_IFREG || kind == S_IFDIR else {
      throw BrokerError("cannot read \(path): not a regular file")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.error("cannot read", path, errno)
      }
      guard count > 0 else { return bytes }
      guard bytes.count + count <= Self.bytesMax else {
        throw BrokerError("cannot read \(path): larger than 16 MiB")
      }
      bytes += chunk[..<count]
    }
  }

  /// The text of a file.
  ///
  /// - Throws: `BrokerError` that says why not.
  public static func text(_ path: String) throws(BrokerError) -> String {
    guard let text = String(validating: try Self.bytes(path), as: UTF8.self) else {
      throw BrokerError("cannot read \(path): not UTF-8 text")
    }
    return text
  }

  /// Writes a file that only its owner may read, all of it or nothing.
  ///
  /// - Throws: `BrokerError` that says why not.
  public static func replace(_ path: String, with text: String) throws(BrokerError) {
    let draft = "\(path).\(getpid()).new"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.error("cannot write", path, errno) }
    var rest = Array(text.utf8)[...]
    var failure: Int32 = 0
    while !rest.isEmpty, failure == 0 {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        failure = errno
      }
    }
    if failure == 0, fsync(descriptor) != 0 { failure = errno }
    close(descriptor)
    if failure == 0, rename(draft, path) != 0 { failure = errno }
    guard failure == 0 else {
      unlink(draft)
      throw Self.error("cannot write", path, failure)
    }
  }

  /// Whether there is anything of that name.
  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func error(_ verb: String, _ path: String, _ code: Int32) -> BrokerError {
    BrokerError("\(verb) \(path): \(String(cString: strerror(code)))")
  }
}
