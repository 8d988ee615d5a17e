import Synchronization

/// Something that happens once; before and after, anybody may wait for it.
package final class Signal: Sendable {
  private struct Inner {
    var isRaised = false
    var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var count: UInt64 = 0
  }

  private let inner = Mutex(Inner())

  /// Whether it has happened.
  package var isRaised: Bool { self.inner.withLock { $0.isRaised } }

  /// It has not happened yet.
  package init() {}

  /// It happens. A second time changes nothing.
  package func raise() {
    let waiting = self.inner.withLock { inner in
      inner.isRaised = true
      defer { inner.waiting = [:] }
      return Array(inner.waiting.values)
    }
    for waiter in waiting { waiter.resume() }
  }

  /// Returns when it has happened, or the task is cancelled.
  package func wait() async {
    let number = self.inner.withLock { inner in
      inner.count += 1
      return inner.count
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = self.inner.withLock { inner in
          if inner.isRaised || Task.isCancelled { return true }
          inner.waiting[number] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      let waiter = self.inner.withLock { $0.waiting.removeValue(forKey: number) }
      waiter?.resume()
    }
  }
}
