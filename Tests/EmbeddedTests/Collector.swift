import Synchronization

/// Gathers values and lets a test wait until there are enough.
final class Collector<Value: Sendable>: Sendable {
  private struct Inner {
    var values: [Value] = []
    var waiting: [(count: Int, continuation: CheckedContinuation<[Value], Never>)] = []
  }

  private let inner = Mutex(Inner())

  var values: [Value] { self.inner.withLock { $0.values } }

  func add(_ value: Value) {
    let ready = self.inner.withLock { inner in
      inner.values.append(value)
      let count = inner.values.count
      let ready = inner.waiting.filter { $0.count <= count }
      inner.waiting.removeAll { $0.count <= count }
      return ready.map { ($0.continuation, inner.values) }
    }
    for (continuation, values) in ready { continuation.resume(returning: values) }
  }

  /// The values, as soon as there are that many.
  func wait(for count: Int) async -> [Value] {
    await withCheckedContinuation { continuation in
      let values: [Value]? = self.inner.withLock { inner in
        if inner.values.count >= count { return inner.values }
        inner.waiting.append((count, continuation))
        return nil
      }
      if let values { continuation.resume(returning: values) }
    }
  }
}
