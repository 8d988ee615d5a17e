public import Logging

/// Logs every operation: one line when it is over, with its topic, message id and how long it took.
/// Bodies and headers are never logged.
public struct LoggingMiddleware: Middleware {
  private let logger: Logger
  private let level: Logger.Level

  /// Logs to `logger`: successes at `level`, by default debug, failures as errors.
  public init(logger: Logger, level: Logger.Level = .debug) {
    self.logger = logger
    self.level = level
  }

  /// Logs after `next`.
  public func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    let clock = ContinuousClock()
    let start = clock.now
    do {
      let result = try await next(call)
      self.logger.log(
        level: self.level, "\(call.kind.rawValue)",
        metadata: self.metadata(call, since: start, outcome: result as? Outcome))
      return result
    } catch {
      self.logger.error(
        "\(call.kind.rawValue) failed: \(error)",
        metadata: self.metadata(call, since: start, outcome: nil))
      throw error
    }
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
