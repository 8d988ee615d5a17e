/// How a subscription works on its messages.
public struct SubscriptionOptions: Sendable {
  /// How many messages are worked on at once. Default 1.
  public var concurrency: Int
  /// Whether messages of one key (of one topic, when they have none) are worked on one after the
  /// other, in order, whatever the concurrency. A retried message holds its key back. Default no.
  public var isOrderedByKey: Bool
  /// The most messages taken from the broker and not settled. Default: four for each that is
  /// worked on.
  public var prefetch: Int?
  /// What happens when a handler throws. Default: five attempts, see `RetryPolicy`.
  public var retry: RetryPolicy
  /// Where rejected messages go. Default: to `dead-letter.` and their own topic.
  public var deadLetters: DeadLetters
  /// The promise that the subscription insists on: a broker that gives less refuses it at start.
  /// `nil`, the default, takes the broker's own.
  public var guarantee: Capabilities.Guarantee?
  /// How long handlers may go on after the end of the service was asked for. Default 30 s.
  public var drainTimeout: Duration

  /// Options.
  public init(
    concurrency: Int = 1, isOrderedByKey: Bool = false, prefetch: Int? = nil,
    retry: RetryPolicy = .defaults, deadLetters: DeadLetters = .byTopic,
    guarantee: Capabilities.Guarantee? = nil, drainTimeout: Duration = .seconds(30)
  ) {
    self.concurrency = concurrency
    self.isOrderedByKey = isOrderedByKey
    self.prefetch = prefetch
    self.retry = retry
    self.deadLetters = deadLetters
    self.guarantee = guarantee
    self.drainTimeout = drainTimeout
  }

  /// The defaults documented at each member.
  public static var defaults: Self { Self() }

  /// The most messages taken and not settled, from what was asked for.
  var effectivePrefetch: Int { self.prefetch ?? min(self.concurrency, 65_536) * 4 }

  func validate(for pattern: String, on capabilities: Capabilities) throws(GodwitError) {
    guard (1...65_536).contains(self.concurrency) else {
      throw GodwitError(.invalidArgument, "a concurrency of \(self.concurrency); 1 to 65536")
    }
    if let prefetch = self.prefetch, prefetch < self.concurrency {
      throw GodwitError(
        .invalidArgument, "a prefetch of \(prefetch) for a concurrency of \(self.concurrency)")
    }
    guard self.retry.attemptsMax >= 1 else {
      throw GodwitError(.invalidArgument, "a retry policy of \(self.retry.attemptsMax) attempts")
    }
    try self.retry.backoff.validate()
    guard self.drainTimeout >= .zero else {
      throw GodwitError(.invalidArgument, "a drain time-out of \(self.drainTimeout)")
    }
    if let guarantee = self.guarantee, guarantee > capabilities.guarantee {
      throw GodwitError(
        .unsupported,
        "the subscription insists on \(guarantee), the broker gives \(capabilities.guarantee)")
    }
    if TopicName.hasWildcard(pattern), !capabilities.hasPatterns {
      throw GodwitError(.unsupported, "the broker has no wildcards: '\(pattern)'")
    }
    try self.validateDeadLetters(of: pattern)
  }

  /// A subscription that gets its own dead letters would never come to an end with them.
  private func validateDeadLetters(of pattern: String) throws(GodwitError) {
    let example: String?
    switch self.deadLetters {
    case .discard: example = nil
    case .topic(let name):
      try TopicName.validate(name, wildcards: false)
      example = name
    case .byTopic:
      example = self.deadLetters.destination(of: pattern)
    }
    guard let example, TopicName.matches(pattern, example) else { return }
    throw GodwitError(
      .invalidArgument,
      """
      '\(pattern)' would receive its own dead letters on '\(example)': set the options' \
      deadLetters to another topic, or to .discard
      """)
  }
}
