import Glibc
import NIOCore

/// What the system lets this process do.
public enum ProcessLimits {
  /// Raises the number of files and sockets that may be open to what the system allows at most.
  ///
  /// - Returns: the number; `nil` when there is no limit, or none that can be read.
  @discardableResult
  public static func raiseOpenFiles() -> Int? {
    guard var limit = self.openFilesLimit else { return nil }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    return Int(exactly: limit.rlim_cur)
  }

  /// How many files and sockets may be open; `nil` when there is no limit, or none that can be
  /// read.
  static var openFiles: Int? { self.openFilesLimit.flatMap { Int(exactly: $0.rlim_cur) } }

  /// How many processors the process may use at the same time.
  static var processorCount: Int {
    #if os(Linux)
      // What it is bound to may be fewer than there are. Swift's module of the C library leaves the
      // call out.
      if let call = dlsym(nil, "sched_getaffinity") {
        let affinity = unsafeBitCast(
          call, to: (@convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32).self)
        var set = [UInt8](repeating: 0, count: 128)
        let own = set.withUnsafeMutableBytes { bytes in
          guard let start = bytes.baseAddress, affinity(0, bytes.count, start) >= 0 else {
            return 0
          }
          return bytes.reduce(0) { $0 + $1.nonzeroBitCount }
        }
        if own > 0 { return min(own, System.coreCount) }
      }
    #endif
    return System.coreCount
  }

  /// As the system has it; `nil` when it cannot be read.
  static var openFilesLimit: rlimit? {
    var limit = rlimit()
    #if canImport(Glibc)
      let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let files = RLIMIT_NOFILE
    #endif
    return getrlimit(files, &limit) == 0 ? limit : nil
  }
}
