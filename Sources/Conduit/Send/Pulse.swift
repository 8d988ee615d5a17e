import Synchronization

/// Wakes the one task that waits for news; news that came before it waited wakes it at once.
final class Pulse: Sendable {
  private enum State {
    case quiet
    case raised
    case waiting(CheckedContinuation<Void, Never>)
  }

  private let state = Mutex(State.quiet)

  /// There is news.
  func raise() {
    let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
      if case .waiting(let waiter) = state {
        state = .quiet
        return waiter
      }
      state = .raised
      return nil
    }
    waiter?.resume()
  }

  /// Returns when there is news, or the task is cancelled.
  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        let isNow = self.state.withLock { state in
          if case .raised = state {
            state = .quiet
            return true
          }
          if Task.isCancelled { return true }
          state = .waiting(waiter)
          return false
        }
        if isNow { waiter.resume() }
      }
    } onCancel: {
      self.raise()
    }
  }
}
