import Glibc

/// What the system lets this process do.
public enum ProcessLimits {
  /// Raises the number of files and sockets that may be open to what the system allows at most.
  ///
  /// - Returns: the number; `nil` when there is no limit, or none that can be read.
  @discardableResult
  public static func raiseOpenFiles() -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    return Int(exactly: limit.rlim_cur)
  }

  /// How many files and sockets may be open; `nil` when there is no limit, or none that can be
  /// read.
  static var openFiles: Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    return Int(exactly: limit.rlim_cur)
  }
}
