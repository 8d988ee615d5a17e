public import Logging

/// Logs every operation: one line when it is over, with its topic, message id and how long it took.
/// Bodies are never logged, headers only those that the redaction names.
public struct LoggingMiddleware: Middleware {
  private let logger: Logger
  private let level: Logger.Level
  private let redaction: Redaction

  /// Logs to `logger`: successes at `level`, by default debug, failures as errors.
  public init(logger: Logger, level: Logger.Level = .debug, redaction: Redaction = Redaction()) {
    self.logger = logger
    self.level = level
    self.redaction = redaction
  }

  /// `observation`.
  public var phase: MiddlewarePhase { .observation }

  /// Logs after `next`.
  public func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    let clock = ContinuousClock()
    let start = clock.now
    do {
      let result = try await next(call)
      let metadata = self.metadata(call, since: start, outcome: result as? Outcome)
      self.logger.log(level: self.level, "\(call.kind.rawValue)", metadata: metadata)
      self.logFailures(in: Call.outcomes(of: result), of: call, metadata)
      return result
    } catch {
      if error is NotBegun { throw error }
      self.logger.error(
        "\(call.kind.rawValue) failed: \(self.redaction.error(error))",
        metadata: self.metadata(call, since: start, outcome: nil))
      throw error
    }
  }

  /// Of a batch messages may fail one by one: one line more for them.
  private func logFailures(
    in outcomes: [Result<Outcome, any Error>], of call: Call, _ metadata: Logger.Metadata
  ) {
    let errors = outcomes.compactMap { outcome -> (any Error)? in
      if case .failure(let error) = outcome { error } else { nil }
    }
    guard let first = errors.first(where: { !($0 is NotBegun) }) else { return }
    self.logger.error(
      """
      \(call.kind.rawValue) failed for \(errors.count) of \(outcomes.count) messages: \
      \(self.redaction.error(first))
      """,
      metadata: metadata)
  }

  private func metadata(
    _ call: Call, since start: ContinuousClock.Instant, outcome: Outcome?
  ) -> Logger.Metadata {
    var metadata: Logger.Metadata = [
      "messaging.system": "\(call.system)",
      "duration": "\(start.duration(to: .now))",
    ]
    if let first = call.messages.first {
      metadata["messaging.destination.name"] = "\(first.topic)"
      metadata["messaging.message.id"] = "\(first.id)"
      for (name, value) in self.redaction.redacted(first.headers) {
        metadata["messaging.header.\(name)"] = "\(value)"
      }
    }
    if call.messages.count > 1 {
      metadata["messaging.batch.message_count"] = "\(call.messages.count)"
    }
    if let subscription = call.subscription { metadata["subscription"] = "\(subscription)" }
    if call.attempt > 1 { metadata["attempt"] = "\(call.attempt)" }
    if let outcome { metadata["outcome"] = "\(outcome)" }
    return metadata
  }
}
