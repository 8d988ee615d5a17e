import Synchronization

/// Something that is done once, by whoever comes first; others wait for it. A failure is the
/// failure of who tried, and the next one tries again.
package final class AsyncOnce: Sendable {
  private enum State {
    case idle
    case running([CheckedContinuation<Void, Never>])
    case done
  }

  private enum Turn {
    case mine
    case others
    case over
  }

  private let state = Mutex(State.idle)

  /// Not done yet.
  package init() {}

  /// Does it, or waits until it was done.
  package func run(_ body: () async throws(GodwitError) -> Void) async throws(GodwitError) {
    while true {
      let turn = self.state.withLock { state in
        switch state {
        case .idle:
          state = .running([])
          return Turn.mine
        case .running: return .others
        case .done: return .over
        }
      }
      switch turn {
      case .over: return
      case .others: await self.wait()
      case .mine:
        do {
          try await body()
        } catch {
          self.end(.idle)
          throw error
        }
        return self.end(.done)
      }
    }
  }

  /// Waits until whoever does it has come to an end, well or not.
  private func wait() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let isRunning = self.state.withLock { state in
        guard case .running(let waiting) = state else { return false }
        state = .running(waiting + [continuation])
        return true
      }
      if !isRunning { continuation.resume() }
    }
  }

  private func end(_ next: State) {
    let waiting = self.state.withLock { state in
      defer { state = next }
      if case .running(let waiting) = state { return waiting }
      return []
    }
    for waiter in waiting { waiter.resume() }
  }
}
