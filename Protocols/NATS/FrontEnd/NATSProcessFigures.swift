#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What `/varz` says of the process.
struct NATSProcessFigures {
  /// Resident memory; 0 where the system does not say.
  let residentBytes: Int64
  /// Processors the system has.
  let cores: Int
  /// Processor time used since the start, in percent of one processor.
  let processorPercent: Double

  init(startedAt: Int64, now: Int64) {
    self.residentBytes = Self.readResidentBytes()
    self.cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    var usage = rusage()
    #if canImport(Darwin)
      let code = getrusage(RUSAGE_SELF, &usage)
    #else
      let code = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #endif
    let seconds = { (time: timeval) in Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
    let used = code == 0 ? seconds(usage.ru_utime) + seconds(usage.ru_stime) : 0
    let lived = max(1, Double(now - startedAt) / 1_000_000_000)
    self.processorPercent = (used / lived * 1000).rounded() / 10
  }

  /// The second number of `/proc/self/statm` is resident pages.
  private static func readResidentBytes() -> Int64 {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var text = [UInt8](repeating: 0, count: 256)
    let count = fread(&text, 1, text.count, file)
    let numbers = text[..<count].split(separator: 0x20)
    guard numbers.count > 1, let pages = Int64(String(decoding: numbers[1], as: UTF8.self)) else {
      return 0
    }
    return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
  }
}
