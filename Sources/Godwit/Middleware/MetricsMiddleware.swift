public import Metrics
import Synchronization

/// Counts and times operations by OpenTelemetry's semantic conventions for messaging, through
/// swift-metrics.
///
/// - `messaging.client.sent.messages`: counter of the messages of publishes and requests;
/// - `messaging.client.operation.duration`: timer of these calls;
/// - `messaging.client.consumed.messages`: counter of messages that were handed to handlers;
/// - `messaging.process.duration`: timer of the attempts at them.
///
/// Dimensions: `messaging.system`, `messaging.operation.name`, `messaging.operation.type`,
/// `messaging.destination.name` (of consumptions by a pattern `messaging.destination.template` in
/// its place), `messaging.consumer.group.name`, and `error.type` of what failed. An attempt that
/// ended in `.retry` or `.reject` counts as failed, with that word.
public final class MetricsMiddleware: Middleware {
  private struct Key: Hashable {
    var kind: Call.Kind
    var system: String
    var destination: String?
    var template: String?
    var group: String?
    var error: String?

    var dimensions: [(String, String)] {
      var dimensions = [
        (MessagingAttributes.system, self.system)
      ]
      let call = Call(kind: self.kind, system: self.system, messages: [])
      dimensions.append((MessagingAttributes.operationName, call.operationName))
      dimensions.append((MessagingAttributes.operationType, call.operationType))
      if let template = self.template {
        dimensions.append((MessagingAttributes.template, template))
      } else if let destination = self.destination {
        dimensions.append((MessagingAttributes.destination, destination))
      }
      if let group = self.group { dimensions.append((MessagingAttributes.group, group)) }
      if let error = self.error { dimensions.append((MessagingAttributes.errorType, error)) }
      return dimensions
    }
  }

  private struct Meters {
    let messages: Counter
    let duration: Metrics.Timer
  }

  private let factory: any MetricsFactory
  private let seriesMax: Int
  private let time: Timekeeper
  private let meters = Mutex<[Key: Meters]>([:])

  /// A middleware.
  ///
  /// - Parameters:
  ///   - factory: where metrics go. Default: what the program has bootstrapped.
  ///   - seriesMax: how many combinations of dimensions there may be; of others the topic is left
  ///     out, and `error.type` is `_OTHER`, so that topics made of ids do not fill memory. Default
  ///     1,000.
  public init(
    factory: any MetricsFactory = MetricsSystem.factory, seriesMax: Int = 1_000,
    clock: some Clock<Duration> = ContinuousClock()
  ) {
    self.factory = factory
    self.seriesMax = seriesMax
    self.time = Timekeeper(clock)
  }

  /// `observation`.
  public var phase: MiddlewarePhase { .observation }

  /// Counts and times `next`.
  public func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    let start = self.time.now()
    do {
      let result = try await next(call)
      self.record(call, since: start, error: MessagingAttributes.errorType(ofResult: result))
      return result
    } catch {
      if !(error is NotBegun) {
        self.record(call, since: start, error: MessagingAttributes.errorType(of: error))
      }
      throw error
    }
  }

  private func record(_ call: Call, since start: Duration, error: String?) {
    let template = call.template
    let meters = self.meters(
      Key(
        kind: call.kind, system: call.system,
        destination: template == nil ? call.destination : nil, template: template,
        group: call.group, error: error))
    meters.messages.increment(by: call.messages.count)
    meters.duration.recordNanoseconds(max(0, (self.time.now() - start).nanoseconds))
  }

  private func meters(_ key: Key) -> Meters {
    self.meters.withLock { known in
      var key = key
      if known[key] == nil, known.count >= self.seriesMax {
        key.destination = nil
        key.template = nil
        if key.error != nil { key.error = "_OTHER" }
      }
      if let meters = known[key] { return meters }
      let isSent = key.kind == .publish || key.kind == .request
      let dimensions = key.dimensions
      let meters = Meters(
        messages: Counter(
          label: isSent ? "messaging.client.sent.messages" : "messaging.client.consumed.messages",
          dimensions: dimensions, factory: self.factory),
        duration: Metrics.Timer(
          label: isSent ? "messaging.client.operation.duration" : "messaging.process.duration",
          dimensions: dimensions, factory: self.factory))
      known[key] = meters
      return meters
    }
  }
}
