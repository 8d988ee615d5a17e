/// Turns errors that handlers throw into outcomes, for all subscriptions of a broker.
///
/// Thrown errors never end a subscription: its retry policy decides. This is for programs whose
/// errors say more than "try again": some mean that a message was handled before, others that it
/// will never be.
///
/// ```swift
/// RecoveryMiddleware { error, _ in
///   switch error {
///   case is AlreadyBilled: .ack
///   case let busy as Busy: .retry(after: busy.delay)
///   default: nil                            // the subscription's retry policy
///   }
/// }
/// ```
///
/// Traps (`fatalError`, an index out of range) cannot be caught in Swift: they end the process, and
/// the broker hands the message out again.
public struct RecoveryMiddleware: Middleware {
  private let outcome: @Sendable (any Error, Call) -> Outcome?

  /// A recovery.
  ///
  /// - Parameter outcome: the outcome in place of an error; `nil` leaves the error as it is. It is
  ///   asked for consumptions only.
  public init(_ outcome: @escaping @Sendable (any Error, Call) -> Outcome?) {
    self.outcome = outcome
  }

  /// `recovery`.
  public var phase: MiddlewarePhase { .recovery }

  /// Asks about what `next` throws.
  public func intercept<Returned: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Returned
  ) async throws -> Returned {
    guard call.kind == .consume else { return try await next(call) }
    do {
      let returned = try await next(call)
      let outcomes = Call.outcomes(of: returned)
      let recovered = outcomes.map { outcome in
        outcome.flatMapError { error in self.recover(error, call).map { .success($0) } ?? outcome }
      }
      return returned is Outcome || outcomes.isEmpty ? returned : try call.result(of: recovered)
    } catch {
      guard let outcome = self.recover(error, call) else { throw error }
      return try call.result(outcome)
    }
  }

  private func recover(_ error: any Error, _ call: Call) -> Outcome? {
    error is NotBegun || error is CancellationError ? nil : self.outcome(error, call)
  }
}
