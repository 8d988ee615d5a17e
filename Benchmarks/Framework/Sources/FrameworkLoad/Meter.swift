import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What this process has used since the meter was made.
struct Meter {
  private let start = Meter.usage()
  private let clock = ContinuousClock()
  private let startedAt = ContinuousClock().now

  /// Prints one line of JSON: what each message cost.
  func report(messages: Int) {
    let end = Self.usage()
    let wall = self.startedAt.duration(to: self.clock.now) / .seconds(1)
    let cpu = (end - self.start) * 1e6 / Double(messages)
    print(
      """
      {"messages": \(messages), "lost": 0, "client_cpu_us": \(cpu), \
      "rss_kib": \(Self.peakKiB()), "seconds": \(wall)}
      """)
  }

  /// Seconds of the processor.
  private static func usage() -> Double {
    var usage = rusage()
    #if canImport(Glibc)
      _ = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #else
      _ = getrusage(RUSAGE_SELF, &usage)
    #endif
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  /// Not `getrusage`'s, which counts what the process was before this program was its own.
  private static func peakKiB() -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
      return 0
    }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  }
}

/// Counts what arrives, and tells when all of it has.
final class Tally: Sendable {
  private struct State {
    var left = 0
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  /// As many are to come.
  func expect(_ count: Int) { self.state.withLock { $0.left = count } }

  /// One has come.
  ///
  /// - Returns: how many are left.
  @discardableResult
  func count() -> Int {
    let (left, waiter) = self.state.withLock { state in
      state.left -= 1
      guard state.left == 0 else {
        return (state.left, nil as CheckedContinuation<Void, Never>?)
      }
      defer { state.waiter = nil }
      return (0, state.waiter)
    }
    waiter?.resume()
    return left
  }

  /// Waits until all have come.
  func wait() async {
    await withCheckedContinuation { continuation in
      let isOver = self.state.withLock { state in
        if state.left <= 0 { return true }
        state.waiter = continuation
        return false
      }
      if isOver { continuation.resume() }
    }
  }
}
