import Foundation
import Synchronization

/// Ctrl-C.
enum Interrupt {
  /// A second signal sooner than this is taken for the first: shells and those who start programs
  /// for others often send it twice.
  private static let doubledNanoseconds: UInt64 = 300_000_000

  /// Runs `body` until it ends; SIGINT and SIGTERM cancel it, and a later second one ends the
  /// program.
  static func cancelling<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let task = Task { try await body() }
    let first = FirstSignal()
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        let now = MonotonicClock.now
        guard let before = first.noted(now) else { return task.cancel() }
        if now - before > Self.doubledNanoseconds { _exit(128 + number) }
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    return try await task.value
  }

  /// When the first signal came.
  private final class FirstSignal: Sendable {
    private let time = Mutex<UInt64?>(nil)

    /// Notes the time of a signal and returns that of the first, if this is not it.
    func noted(_ now: UInt64) -> UInt64? {
      self.time.withLock { time in
        if let time { return time }
        time = now
        return nil
      }
    }
  }
}
