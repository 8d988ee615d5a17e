public import Godwit
import Synchronization

/// What a task waits for and a driver's event loop settles, once.
public final class Confirmation<Value: Sendable>: Sendable {
  private enum State {
    case open
    case waiting(CheckedContinuation<Result<Value, GodwitError>, Never>)
    case settled(Result<Value, GodwitError>)
  }

  private let state = Mutex(State.open)

  /// Nothing is known yet.
  public init() {}

  /// Says how it ended. A second time changes nothing.
  public func settle(_ result: Result<Value, GodwitError>) {
    let waiter = self.state.withLock {
      state -> CheckedContinuation<Result<Value, GodwitError>, Never>? in
      switch state {
      case .open:
        state = .settled(result)
        return nil
      case .waiting(let waiter):
        state = .settled(result)
        return waiter
      case .settled: return nil
      }
    }
    waiter?.resume(returning: result)
  }

  /// Waits until it is settled. One task may wait, once.
  ///
  /// - Parameter onCancel: is called when the task is cancelled meanwhile.
  /// - Throws: what it was settled with; `cancelled`.
  public func wait(
    onCancel: @escaping @Sendable () -> Void = {}
  ) async throws(GodwitError) -> Value {
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let known: Result<Value, GodwitError>? = self.state.withLock { state in
          if case .settled(let result) = state { return result }
          state = .waiting(continuation)
          return nil
        }
        if let known { continuation.resume(returning: known) }
      }
    } onCancel: {
      self.settle(.failure(GodwitError(.cancelled, "the task was cancelled")))
      onCancel()
    }
    return try result.get()
  }
}
