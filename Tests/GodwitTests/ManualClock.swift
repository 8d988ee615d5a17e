import Synchronization

/// A clock that stands until it is told to go on.
final class ManualClock: Clock, Sendable {
  struct Instant: InstantProtocol {
    var offset: Duration

    func advanced(by duration: Duration) -> Self { Self(offset: self.offset + duration) }
    func duration(to other: Self) -> Duration { other.offset - self.offset }
    static func < (left: Self, right: Self) -> Bool { left.offset < right.offset }
  }

  private struct Inner {
    var now = Duration.zero
    var count = 0
    var sleepers: [Int: (deadline: Duration, continuation: CheckedContinuation<Void, any Error>)] =
      [:]
    var waiting: [(sleepers: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let inner = Mutex(Inner())

  var now: Instant { Instant(offset: self.inner.withLock { $0.now }) }
  var minimumResolution: Duration { .nanoseconds(1) }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let number = self.inner.withLock { inner in
      inner.count += 1
      return inner.count
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome: (result: Result<Void, any Error>?, ready: [CheckedContinuation<Void, Never>]) =
          self.inner.withLock { inner in
            if Task.isCancelled { return (.failure(CancellationError()), []) }
            if deadline.offset <= inner.now { return (.success(()), []) }
            inner.sleepers[number] = (deadline.offset, continuation)
            let count = inner.sleepers.count
            let ready = inner.waiting.filter { $0.sleepers <= count }.map(\.continuation)
            inner.waiting.removeAll { $0.sleepers <= count }
            return (nil, ready)
          }
        if let result = outcome.result { continuation.resume(with: result) }
        for waiter in outcome.ready { waiter.resume() }
      }
    } onCancel: {
      let sleeper = self.inner.withLock { $0.sleepers.removeValue(forKey: number) }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Returns when that many sleep.
  func waitForSleepers(_ count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let isReady = self.inner.withLock { inner in
        if inner.sleepers.count >= count { return true }
        inner.waiting.append((count, continuation))
        return false
      }
      if isReady { continuation.resume() }
    }
  }

  /// Lets time pass, and wakes who has slept long enough.
  func advance(by duration: Duration) {
    let woken = self.inner.withLock { inner in
      inner.now += duration
      let due = inner.sleepers.filter { $0.value.deadline <= inner.now }
      for number in due.keys { inner.sleepers[number] = nil }
      return due.values.sorted { $0.deadline < $1.deadline }.map(\.continuation)
    }
    for continuation in woken { continuation.resume() }
  }
}
