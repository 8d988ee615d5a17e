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
  /// The topic or pattern of the subscription that consumes.
  public var pattern: String? { self.subscriber?.pattern }
  /// The group of the subscription that consumes.
  public var group: String? { self.subscriber?.group }
  let subscriber: Subscription?
  /// Whose operation it is; `nil` only where no broker is.
  let broker: Broker?
  /// Which of a batch's messages are left, by their places in it; `nil` for all of them.
  private(set) var kept: [Int]?

  init(
    kind: Kind, system: String, messages: [Message], subscription: String? = nil, attempt: Int = 1,
    subscriber: Subscription? = nil, broker: Broker? = nil
  ) {
    self.subscriber = subscriber
    self.broker = broker ?? subscriber?.broker
    self.kept = nil
    self.kind = kind
    self.system = system
    self.messages = messages
    self.subscription = subscription
    self.attempt = attempt
  }
}

extension Call {
  /// Leaves messages out. Who does it puts outcomes in their places.
  mutating func keep(_ places: [Int]) {
    self.messages = places.map { self.messages[$0] }
    self.kept = places.map { self.kept?[$0] ?? $0 }
  }
}

/// Something that happens around operations: logging, tracing, limits.
///
/// One shape for all of them. Middleware runs in the order of its phases, within a phase in the
/// order it was given, the first outermost, and around each attempt: a retried message passes it
/// again. A body is decoded inside all middleware, so a body that cannot be read is seen as the
/// handler's failure.
public protocol Middleware: Sendable {
  /// Where it stands among others. Default: `application`, next to the handler.
  var phase: MiddlewarePhase { get }

  /// Does something before or after `next`, in place of it, or with another call.
  ///
  /// - Returns: what `next` returned: receipts of a publish, the `Outcome` of a consumption (of a
  ///   batch a `Result` with an outcome for each message, in their order), the answer to a request.
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
