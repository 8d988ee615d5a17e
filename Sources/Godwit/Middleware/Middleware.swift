/// One operation on its way through the middleware: a publish, a consumption, a request, an answer.
public struct Call: Sendable {
  /// What is being done.
  public enum Kind: String, Hashable, Sendable {
    /// Messages go to the broker.
    case publish
    /// A handler works on messages.
    case consume
    /// A message goes out and its answer comes back.
    case request
    /// A handler answers a request.
    case reply
  }

  /// What is being done.
  public let kind: Kind
  /// The broker's kind (`messaging.system`).
  public let system: String
  /// The messages; what middleware changes here, the next one and the handler see.
  public var messages: [Message]
  /// Which subscription consumes; `nil` for publishes and requests.
  public let subscription: String?
  /// How often the messages have been tried, this time included; 1 for publishes and requests.
  public let attempt: Int

  init(
    kind: Kind, system: String, messages: [Message], subscription: String? = nil, attempt: Int = 1
  ) {
    self.kind = kind
    self.system = system
    self.messages = messages
    self.subscription = subscription
    self.attempt = attempt
  }
}

/// Something that happens around operations: logging, tracing, limits.
///
/// One shape for all of them. Middleware runs in the order it was given, the first outermost, and
/// around each attempt: a retried message passes it again. A body is decoded inside all middleware,
/// so a body that cannot be read is seen as the handler's failure.
public protocol Middleware: Sendable {
  /// Does something before or after `next`, in place of it, or with another call.
  ///
  /// - Returns: what `next` returned: receipts of a publish, the `Outcome` of a consumption (of a
  ///   batch, a `Result<Outcome, any Error>` for each message), the answer to a request.
  func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result
}

extension [any Middleware] {
  /// Runs `body` inside all of the middleware from `index` on.
  func run<Result: Sendable>(
    _ call: Call, from index: Int = 0, body: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    guard index < self.count else { return try await body(call) }
    return try await self[index].intercept(call) { call in
      try await self.run(call, from: index + 1, body: body)
    }
  }
}
