import Synchronization

/// What a reader of deliveries will say of one of them; said once, awaited once.
final class Verdict: Sendable {
  private enum State {
    case open
    case awaited(CheckedContinuation<Outcome, any Error>)
    case said(Result<Outcome, any Error>)
  }

  private let state = Mutex(State.open)

  /// Whether nothing was said yet.
  var isOpen: Bool {
    self.state.withLock { if case .said = $0 { false } else { true } }
  }

  /// Says it.
  ///
  /// - Returns: whether nobody had said anything before.
  @discardableResult
  func say(_ result: Result<Outcome, any Error>) -> Bool {
    let (isFirst, waiter) = self.state.withLock {
      state -> (Bool, CheckedContinuation<Outcome, any Error>?) in
      switch state {
      case .said: return (false, nil)
      case .open:
        state = .said(result)
        return (true, nil)
      case .awaited(let waiter):
        state = .said(result)
        return (true, waiter)
      }
    }
    waiter?.resume(with: result)
    return isFirst
  }

  /// What was said; waits for it. The task's cancellation says that it was cancelled.
  func wait() async throws -> Outcome {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let result: Result<Outcome, any Error>? = self.state.withLock { state in
          if case .said(let result) = state { return result }
          state = .awaited(continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      self.say(.failure(CancellationError()))
    }
  }
}

/// The error of an attempt that nobody has begun: the message goes back untouched.
struct NotBegun: Error {}
