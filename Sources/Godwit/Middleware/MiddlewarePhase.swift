/// Where a middleware stands among others. A broker sorts its middleware by phase, outermost first;
/// within one phase the order given holds.
///
/// The order is fixed because it is not a matter of taste: what observes must see refusals, what
/// refuses must do so before anything is remembered or done, and a deadline is for the handler, not
/// for waiting in line.
public enum MiddlewarePhase: Int, Hashable, Sendable, Comparable, CaseIterable {
  /// Logging, metrics, tracing: sees everything, refusals and time-outs included.
  case observation
  /// Metadata that is carried along.
  case metadata
  /// Errors turned into outcomes, of everything further in.
  case recovery
  /// Rate limits and circuit breakers: whether there is an attempt at all.
  case admission
  /// Messages that were handled before are left out.
  case identity
  /// Messages that cannot be right are rejected.
  case validation
  /// Deadlines of what is further in.
  case deadline
  /// A program's own, next to the handler. The default.
  case application

  /// Whether the left is further out.
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension [any Middleware] {
  /// In the order of the phases.
  func inPhases() -> Self {
    MiddlewarePhase.allCases.flatMap { phase in self.filter { $0.phase == phase } }
  }
}

extension Middleware {
  /// A program's own, next to the handler.
  public var phase: MiddlewarePhase { .application }

  /// The middleware for some operations only; others pass it by.
  public func when(
    _ condition: @escaping @Sendable (Call) -> Bool
  ) -> some Middleware {
    ConditionalMiddleware(inner: self, condition: condition)
  }

  /// The middleware for some kinds of operations only.
  public func on(_ kinds: Call.Kind...) -> some Middleware {
    self.when { kinds.contains($0.kind) }
  }
}

/// A middleware that some operations pass by.
struct ConditionalMiddleware<Inner: Middleware>: Middleware {
  let inner: Inner
  let condition: @Sendable (Call) -> Bool

  var phase: MiddlewarePhase { self.inner.phase }

  func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    guard self.condition(call) else { return try await next(call) }
    return try await self.inner.intercept(call, next: next)
  }
}
