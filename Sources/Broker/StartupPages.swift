import Glibc

/// Memory that only the start needed.
///
/// Reading arguments, settings and metadata touches much of the program's code once, and the system
/// maps each touched page with its neighbours: about 14 MiB that then count as resident. They are
/// clean copies of the program's file. Handing them back costs a short fault for those that are
/// used again, and nothing else.
public enum StartupPages {
  /// Hands back the pages of all code that is mapped from files. Call it once, when serving begins.
  ///
  /// - Returns: how many bytes were handed back at most.
  @discardableResult
  public static func release() -> Int {
    var total = 0
    guard let maps = try? TextFile.text("/proc/self/maps") else { return total }
    for line in maps.split(separator: "\n") {
      // As in `55d0c0a00000-55d0c1200000 r-xp 00001000 fe:00 1234   /usr/bin/godwit`. Only what can
      // be executed and not written: what the loader has changed must not be lost.
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard words.count >= 6, words[1] == "r-xp", words[4] != "0" else { continue }
      let range = words[0].split(separator: "-")
      guard range.count == 2, let start = UInt(range[0], radix: 16),
        let end = UInt(range[1], radix: 16), start < end,
        let address = UnsafeMutableRawPointer(bitPattern: start)
      else { continue }
      let count = Int(end - start)
      if madvise(address, count, MADV_DONTNEED) == 0 { total += count }
    }
    return total
  }
}
