/// What happens when a handler throws, or asks for another try.
public struct RetryPolicy: Sendable {
  /// How often a message is tried in all, the first time included. Default 5.
  public var attemptsMax: Int
  /// How long the waits between tries are.
  public var backoff: Backoff
  /// Which errors are worth another try; others go to the dead-letter topic at once. By default
  /// all but bodies that cannot be decoded.
  public var isRetriable: @Sendable (any Error) -> Bool

  /// A policy.
  public init(
    attemptsMax: Int = 5, backoff: Backoff = .init(),
    isRetriable: @escaping @Sendable (any Error) -> Bool = RetryPolicy.isUsuallyRetriable
  ) {
    self.attemptsMax = attemptsMax
    self.backoff = backoff
    self.isRetriable = isRetriable
  }

  /// Five attempts; see the members.
  public static var defaults: Self { Self() }
  /// One attempt.
  public static var never: Self { Self(attemptsMax: 1) }

  /// Everything but `decodingFailed`, `tooLarge` and `unsupported`: the same bytes will not read
  /// better a second time.
  public static func isUsuallyRetriable(_ error: any Error) -> Bool {
    guard let error = error as? GodwitError else { return true }
    return ![.decodingFailed, .tooLarge, .unsupported].contains(error.code)
  }
}

/// Waits that grow: `initial`, then `factor` times the one before, up to `max`.
///
/// With jitter a wait is drawn evenly between half and all of that, so that what failed together is
/// not tried again together.
public struct Backoff: Hashable, Sendable {
  /// The first wait. Default 200 ms.
  public var initial: Duration
  /// The longest wait. Default 30 s.
  public var max: Duration
  /// By how much a wait grows. Default 2.
  public var factor: Double
  /// Whether waits are drawn at random. Default yes.
  public var hasJitter: Bool

  /// Waits.
  public init(
    initial: Duration = .milliseconds(200), max: Duration = .seconds(30), factor: Double = 2,
    hasJitter: Bool = true
  ) {
    self.initial = initial
    self.max = max
    self.factor = factor
    self.hasJitter = hasJitter
  }

  /// Checks that the waits can be: 0 to 366 days, growing by a factor of 1 to 1,000.
  ///
  /// - Throws: `invalidArgument`.
  package func validate() throws(GodwitError) {
    let bounds = Duration.zero...Duration.seconds(366 * 86_400)
    guard bounds.contains(self.initial), bounds.contains(self.max) else {
      throw GodwitError(
        .invalidArgument, "a back-off from \(self.initial) to \(self.max); 0 to 366 days")
    }
    guard (1...1_000).contains(self.factor) else {
      throw GodwitError(.invalidArgument, "a back-off that grows by \(self.factor); 1 to 1000")
    }
  }

  /// The wait after that many failed attempts (1 or more).
  public func delay(
    afterAttempts attempts: Int, using generator: inout some RandomNumberGenerator
  ) -> Duration {
    var delay = self.initial
    for _ in 1..<Swift.max(2, Swift.min(attempts, 1_000)) where attempts > 1 && delay < self.max {
      delay = delay * Swift.max(1, self.factor)
    }
    delay = Swift.min(delay, self.max)
    return self.hasJitter ? delay * Double.random(in: 0.5...1, using: &generator) : delay
  }

  /// The wait after that many failed attempts (1 or more).
  public func delay(afterAttempts attempts: Int) -> Duration {
    var generator = SystemRandomNumberGenerator()
    return self.delay(afterAttempts: attempts, using: &generator)
  }
}
