import GodwitPrimitives
import Synchronization

/// Limits how many messages pass per second, by a token bucket: tokens come in steadily, bursts
/// spend what was saved.
///
/// The limit is of all operations that pass this one middleware; with `when` and `on` there may be
/// several, each with its own.
public final class RateLimitMiddleware: Middleware {
  /// What happens to who comes too early.
  public enum Policy: Hashable, Sendable {
    /// Waits in line, in order; whose turn would come later than `max` from now is refused. A
    /// consumption that waits when its subscription is stopped goes back untouched.
    case wait(max: Duration)
    /// Refused at once.
    case refuse
  }

  private let bucket: Mutex<TokenBucket>
  private let policy: Policy
  private let time: Timekeeper

  /// A limit.
  ///
  /// - Parameters:
  ///   - perSecond: messages per second, in the long run. More than 0.
  ///   - burst: how many may pass at once after a quiet time. At least 1. Default: those of a
  ///     second.
  ///   - policy: what happens to others. Default: they wait, up to 30 s. `overloaded` is thrown
  ///     when they are refused; of a consumption it is an attempt that failed, so waiting is better
  ///     there. `refuse` never lets more messages pass together than `burst`.
  public init(
    perSecond: Double, burst: Int? = nil, policy: Policy = .wait(max: .seconds(30)),
    clock: some Clock<Duration> = ContinuousClock()
  ) {
    let perSecond = max(perSecond, .leastNormalMagnitude)
    let time = Timekeeper(clock)
    self.bucket = Mutex(
      TokenBucket(
        perSecond: perSecond, burst: burst.map { Double(max(1, $0)) } ?? max(1, perSecond),
        now: time.now().nanoseconds))
    self.policy = policy
    self.time = time
  }

  /// `admission`.
  public var phase: MiddlewarePhase { .admission }

  /// Takes a token per message, or waits for them, or throws.
  public func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    let count = Double(call.messages.count)
    let now = self.time.now().nanoseconds
    let waitMax: Int64 = if case .wait(let max) = self.policy { max.nanoseconds } else { 0 }
    let wait = self.bucket.withLock { $0.reserve(count, now: now, waitMax: waitMax) }
    guard let wait else {
      throw GodwitError(.overloaded, "more than the rate limit allows")
    }
    if wait > 0 {
      do {
        try await call.wait(self.time, for: .nanoseconds(wait))
      } catch {
        self.bucket.withLock { $0.putBack(count) }
        throw error
      }
    }
    return try await next(call)
  }
}
