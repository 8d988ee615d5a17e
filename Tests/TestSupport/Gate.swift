import Synchronization

/// Lets a few tests through at a time. All of a suite's run at once otherwise, and on a machine
/// with few processors those with deadlines miss them.
public final class Gate: Sendable {
  private struct Inner {
    var places: Int
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let inner: Mutex<Inner>

  /// A gate with that many places.
  public init(_ places: Int) {
    self.inner = Mutex(Inner(places: places))
  }

  /// Runs `body` when there is a place.
  public func run<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    await withCheckedContinuation { continuation in
      let isFree = self.inner.withLock { inner in
        guard inner.places > 0 else {
          inner.waiting.append(continuation)
          return false
        }
        inner.places -= 1
        return true
      }
      if isFree { continuation.resume() }
    }
    defer { self.leave() }
    return try await body()
  }

  private func leave() {
    let next = self.inner.withLock { inner -> CheckedContinuation<Void, Never>? in
      guard inner.waiting.isEmpty else { return inner.waiting.removeFirst() }
      inner.places += 1
      return nil
    }
    next?.resume()
  }
}
