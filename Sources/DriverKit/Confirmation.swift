public import Godwit
import Synchronization

/// What a task waits for, or is told of, and a driver's event loop settles, once.
public final class Confirmation<Value: Sendable>: Sendable {
  private enum State {
    case open
    case waiting(CheckedContinuation<Result<Value, GodwitError>, Never>)
    case observed(@Sendable (GodwitError) -> Void)
    case settled(Result<Value, GodwitError>)
  }

  private let state: Mutex<State>

  /// Nothing is known yet.
  public init() {
    self.state = Mutex(.open)
  }

  /// Nobody will wait: a failure is told, and success is not.
  public init(onFailure: @escaping @Sendable (GodwitError) -> Void) {
    self.state = Mutex(.observed(onFailure))
  }

  /// Says how it ended. A second time changes nothing.
  public func settle(_ result: Result<Value, GodwitError>) {
    let before = self.state.withLock { state in
      defer { if case .settled = state {} else { state = .settled(result) } }
      return state
    }
    switch before {
    case .open, .settled: break
    case .waiting(let waiter): waiter.resume(returning: result)
    case .observed(let tell): if case .failure(let error) = result { tell(error) }
    }
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
