import Synchronization

/// Stops trying when what is tried keeps failing, and then tries one by one.
///
/// Every subscription has a circuit of its own, publishes have one and requests have one. A circuit
/// is *closed* while all is well. When `failuresMax` of its last `window` operations have failed it
/// *opens*: its subscription is paused for `openTime`, messages that were handed out already wait,
/// publishes and requests get `overloaded`. Then it is *half open*: one message is tried while
/// others wait. Success closes the circuit, failure opens it again.
///
/// Messages that wait are not tried, and their attempts are not counted. Of a subscription that is
/// stopped meanwhile they go back to the broker.
public final class CircuitBreakerMiddleware: Middleware {
  private let failuresMax: Int
  private let window: Int
  private let openTime: Duration
  private let time: Timekeeper
  private let isFailure: @Sendable (any Error) -> Bool
  private let circuits = Mutex<[Name: Circuit]>([:])

  /// Whose circuit it is. Subscriptions of one group have one id: the pattern tells them apart.
  private struct Name: Hashable {
    var text: String
    var pattern: String?
  }

  /// A breaker.
  ///
  /// - Parameters:
  ///   - failuresMax: how many failures open a circuit. At least 1.
  ///   - window: of how many operations, the last ones. `failuresMax` to 64.
  ///   - openTime: how long a circuit stays open before one message is tried.
  ///   - isFailure: which errors count. Default: all but those about one message, such as a body
  ///     that cannot be decoded. An outcome of `.retry` counts too. A batch with a failure in it is
  ///     one failure.
  public init(
    failuresMax: Int = 10, window: Int = 20, openTime: Duration = .seconds(10),
    clock: some Clock<Duration> = ContinuousClock(),
    isFailure: @escaping @Sendable (any Error) -> Bool = CircuitBreakerMiddleware.isUsuallyFailure
  ) {
    self.failuresMax = min(64, max(1, failuresMax))
    self.window = min(64, max(self.failuresMax, window))
    self.openTime = openTime
    self.time = Timekeeper(clock)
    self.isFailure = isFailure
  }

  /// Every error but those about one message: one that cannot be encoded or decoded, that is too
  /// large, or whose topic cannot be.
  public static func isUsuallyFailure(_ error: any Error) -> Bool {
    guard RetryPolicy.isUsuallyRetriable(error) else { return false }
    let code = (error as? GodwitError)?.code
    return code != .invalidArgument && code != .encodingFailed
  }

  /// `admission`.
  public var phase: MiddlewarePhase { .admission }

  /// The circuits that are open or half open, in order: ids of subscriptions, `publish`, `request`.
  public var openCircuits: [String] {
    self.circuits.withLock { $0.filter { !$0.value.isClosed }.keys.map(\.text).sorted() }
  }

  /// Lets the operation pass, makes it wait, or throws.
  public func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    let name = Name(text: call.subscription ?? call.kind.rawValue, pattern: call.pattern)
    let isProbe = try await self.admit(call, name)
    do {
      let result = try await next(call)
      let hasFailed = Call.outcomes(of: result).contains { outcome in
        switch outcome {
        case .success(.retry): true
        case .success: false
        case .failure(let error): self.isFailure(error)
        }
      }
      await self.settle(call, name, hasFailed ? .failure : .success, isProbe: isProbe)
      return result
    } catch {
      let isNone = error is NotBegun || error is CancellationError || Task.isCancelled
      let verdict: Circuit.Verdict =
        isNone ? .none : self.isFailure(error) ? .failure : .success
      await self.settle(call, name, verdict, isProbe: isProbe)
      throw error
    }
  }

  /// Waits until the circuit lets the operation pass.
  ///
  /// - Returns: whether it is the one that is tried while the circuit is half open.
  private func admit(_ call: Call, _ name: Name) async throws -> Bool {
    while true {
      let now = self.time.now()
      let entry = self.circuits.withLock { $0[name, default: Circuit()].enter(now: now) }
      if case .pass(let isProbe) = entry { return isProbe }
      guard call.isConsumption else {
        throw GodwitError(.overloaded, "the circuit of \(name.text) is open: too many have failed")
      }
      switch entry {
      case .pass(let isProbe): return isProbe
      case .wait(let duration): try await call.wait(self.time, for: duration)
      case .verdict(let signal): try await call.wait(for: signal)
      }
    }
  }

  private func settle(
    _ call: Call, _ name: Name, _ verdict: Circuit.Verdict, isProbe: Bool
  ) async {
    let now = self.time.now()
    let (hasOpened, signal) = self.circuits.withLock {
      $0[name, default: Circuit()].settle(
        verdict, isProbe: isProbe, failuresMax: self.failuresMax, window: self.window,
        openUntil: now + self.openTime, now: now)
    }
    if hasOpened { await call.subscriber?.rest(for: self.openTime, self.time) }
    signal?.raise()
  }
}
