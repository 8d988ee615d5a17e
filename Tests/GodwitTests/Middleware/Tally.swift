import Synchronization

/// What happened, in order.
final class Tally<Value: Sendable>: Sendable {
  private let inner = Mutex<[Value]>([])

  var values: [Value] { self.inner.withLock { $0 } }

  func add(_ value: Value) {
    self.inner.withLock { $0.append(value) }
  }
}
