/// Gives operations a deadline.
///
/// When it has passed, the operation's task is cancelled and `timeout` is thrown as soon as it has
/// ended: Swift cannot end a task that does not heed its cancellation. One that succeeds all the
/// same has succeeded. A consumption that ran out of time follows the subscription's retry policy.
public struct TimeoutMiddleware: Middleware {
  private let timeout: Duration
  private let time: Timekeeper

  /// A deadline of `timeout` for each attempt, or each publish.
  public init(_ timeout: Duration, clock: some Clock<Duration> = ContinuousClock()) {
    self.timeout = timeout
    self.time = Timekeeper(clock)
  }

  /// `deadline`.
  public var phase: MiddlewarePhase { .deadline }

  /// Races `next` against the clock.
  public func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    try await withoutActuallyEscaping(next) { next in
      try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await next(call) }
        group.addTask {
          try? await self.time.sleep(self.timeout)
          return nil
        }
        if let result = try await group.next() ?? nil {
          group.cancelAll()
          return result
        }
        let isCancelled = Task.isCancelled
        group.cancelAll()
        do {
          if let result = try await group.next() ?? nil { return result }
        } catch  where isCancelled {
          throw error
        } catch {
          throw GodwitError(
            .timeout, "the \(call.kind.rawValue) took longer than \(self.timeout)", cause: error)
        }
        throw CancellationError()
      }
    }
  }
}
