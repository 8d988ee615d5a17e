#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What the process costs, as the system counts it. Members that the system does not tell are 0.
struct ProcessFigures {
  /// Seconds of processor time, user and system.
  var cpuSeconds = 0.0
  /// Bytes of memory that are resident.
  var residentBytes = 0
  /// Bytes of address space.
  var virtualBytes = 0
  /// Open files, sockets included.
  var openFiles = 0
  /// How many files may be open.
  var openFilesMax = 0
  /// Threads.
  var threads = 0

  /// The figures of now.
  static func now() -> ProcessFigures {
    var figures = ProcessFigures()
    var usage = rusage()
    #if canImport(Glibc)
      let own = __rusage_who_t(RUSAGE_SELF.rawValue)
    #else
      let own = Int32(RUSAGE_SELF)
    #endif
    if getrusage(own, &usage) == 0 {
      figures.cpuSeconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
    if let limit = ProcessLimits.openFilesLimit {
      figures.openFilesMax = Int(clamping: limit.rlim_cur)
    }
    (figures.virtualBytes, figures.residentBytes) = Self.memory
    // Field 20, counted after the name, which may hold blanks but ends with the last ")".
    let status = Self.text(of: "/proc/self/stat")
    if let end = status.lastIndex(of: ")") {
      let fields = status[end...].split(separator: " ")
      if fields.count > 18 { figures.threads = Int(fields[18]) ?? 0 }
    }
    figures.openFiles = Self.entries(of: "/proc/self/fd")
    return figures
  }

  /// Bytes of memory now: of the address space, and those that are resident; 0 where the system
  /// does not say.
  static var memory: (virtual: Int, resident: Int) {
    let pages = Self.fields(of: "/proc/self/statm")
    let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
    guard pages.count >= 2, pageBytes > 0 else { return (0, 0) }
    return ((Int(pages[0]) ?? 0) &* pageBytes, (Int(pages[1]) ?? 0) &* pageBytes)
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000
  }

  private static func fields(of path: String) -> [Substring] {
    Self.text(of: path).split(separator: " ")
  }

  /// The first 2 KiB of a file of `/proc`.
  private static func text(of path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    return withUnsafeTemporaryAllocation(byteCount: 2_048, alignment: 8) { buffer in
      let count = read(file, buffer.baseAddress, buffer.count)
      return count > 0 ? String(decoding: buffer[0..<count], as: UTF8.self) : ""
    }
  }

  /// How many entries a directory of `/proc` has: newer kernels tell it as the directory's size,
  /// for older ones they are counted.
  private static func entries(of path: String) -> Int {
    var facts = stat()
    if stat(path, &facts) == 0, facts.st_size > 0 { return Int(facts.st_size) }
    guard let directory = opendir(path) else { return 0 }
    defer { closedir(directory) }
    var count = -2
    while readdir(directory) != nil { count += 1 }
    return max(0, count)
  }
}
