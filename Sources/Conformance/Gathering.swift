import Synchronization

/// Gathers values and lets a scenario wait until there are enough.
final class Gathering<Value: Sendable>: Sendable {
  private struct Inner {
    var values: [Value] = []
    var waiting: [UInt64: (count: Int, continuation: CheckedContinuation<[Value], any Error>)] = [:]
    var number: UInt64 = 0
  }

  private let inner = Mutex(Inner())

  /// What there is.
  var values: [Value] { self.inner.withLock { $0.values } }

  func add(_ value: Value) {
    let ready = self.inner.withLock { inner in
      inner.values.append(value)
      let count = inner.values.count
      let ready = inner.waiting.filter { $0.value.count <= count }
      for number in ready.keys { inner.waiting[number] = nil }
      return ready.values.map { ($0.continuation, inner.values) }
    }
    for (continuation, values) in ready { continuation.resume(returning: values) }
  }

  /// The values, as soon as there are that many.
  ///
  /// - Throws: `CancellationError`.
  func wait(for count: Int) async throws -> [Value] {
    let number = self.inner.withLock { inner in
      inner.number += 1
      return inner.number
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let answer: Result<[Value], any Error>? = self.inner.withLock { inner in
          if inner.values.count >= count { return .success(inner.values) }
          if Task.isCancelled { return .failure(CancellationError()) }
          inner.waiting[number] = (count, continuation)
          return nil
        }
        if let answer { continuation.resume(with: answer) }
      }
    } onCancel: {
      let waiter = self.inner.withLock { $0.waiting.removeValue(forKey: number) }
      waiter?.continuation.resume(throwing: CancellationError())
    }
  }
}

/// Lets others go on, for who looks again and again, unless time is over.
func moment() async throws {
  try Task.checkCancellation()
  await Task.yield()
}
