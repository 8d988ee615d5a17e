/// Checks values before a handler, or the broker, gets them.
///
/// ```swift
/// ValidationMiddleware(TopicPattern<Order>("orders.>")) { order in
///   guard order.total > 0 else { throw Invalid("an order of nothing") }
/// }
/// ```
///
/// A message whose value is refused is rejected: it goes to the dead-letter topic with the reason
/// and is not tried again; the rest of its batch goes on. A publish or request of one throws
/// `invalidArgument`, a requester is told. Bodies that cannot be decoded are left to the handler's
/// own road. The body is decoded once more for the handler.
public struct ValidationMiddleware<Payload: Sendable>: Middleware {
  private let pattern: TopicPattern<Payload>
  private let codecs: CodecRegistry?
  private let validate: @Sendable (Payload) throws -> Void

  /// A check.
  ///
  /// - Parameters:
  ///   - pattern: which topics' messages are checked.
  ///   - codecs: read the bodies. Default: those of the broker, which the handler's value is read
  ///     with too.
  ///   - validate: throws what is wrong with a value. The reason is a `GodwitError`'s message, or
  ///     the error as text.
  public init(
    _ pattern: TopicPattern<Payload>, codecs: CodecRegistry? = nil,
    validate: @escaping @Sendable (Payload) throws -> Void
  ) {
    self.pattern = pattern
    self.codecs = codecs
    self.validate = validate
  }

  /// A check of one topic's messages.
  public init(
    _ topic: Topic<Payload>, codecs: CodecRegistry? = nil,
    validate: @escaping @Sendable (Payload) throws -> Void
  ) {
    self.init(TopicPattern(topic), codecs: codecs, validate: validate)
  }

  /// `validation`.
  public var phase: MiddlewarePhase { .validation }

  /// Checks each message of a matching topic.
  public func intercept<Returned: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Returned
  ) async throws -> Returned {
    var refusals: [Int: String] = [:]
    for (place, message) in call.messages.enumerated() {
      do {
        try self.check(message, of: call)
      } catch {
        let reason = (error as? GodwitError)?.message ?? "\(error)"
        guard call.kind == .consume else {
          throw GodwitError(.invalidArgument, reason, cause: error)
        }
        refusals[place] = reason
      }
    }
    guard !refusals.isEmpty else { return try await next(call) }
    let left = call.messages.indices.filter { refusals[$0] == nil }
    var all = call.messages.indices.map { place in
      Result<Outcome, any Error>.success(.reject(reason: refusals[place] ?? ""))
    }
    if !left.isEmpty {
      var rest = call
      rest.keep(left)
      let outcomes = Call.outcomes(of: try await next(rest))
      guard outcomes.count == left.count else {
        throw GodwitError(.invalidArgument, "middleware changed the number of outcomes")
      }
      for (place, outcome) in zip(left, outcomes) { all[place] = outcome }
    }
    return try call.result(of: all)
  }

  private func check(_ message: Message, of call: Call) throws {
    guard TopicName.matches(self.pattern.pattern, message.topic) else { return }
    let codecs = self.codecs ?? call.broker?.codecs ?? .defaults
    let capabilities = call.broker?.capabilities ?? Capabilities(guarantee: .atMostOnce)
    // Whatever the handler could read is checked.
    guard
      let value = try? codecs.payload(
        Payload.self, of: message, on: capabilities, unlessSaid: self.pattern.contentType)
    else { return }
    try self.validate(value)
  }
}
