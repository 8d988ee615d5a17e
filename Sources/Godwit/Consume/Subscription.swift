import Logging
import NIOCore
import Synchronization

/// A handler at work on the messages of a topic or pattern: a service, from its start until it is
/// drained.
///
/// What it is, is (topic or pattern, group, id). There may be several of one topic; without a group
/// each gets every message, members of a group share them. The end of a subscription never deletes
/// what the broker keeps for its group.
///
/// ```swift
/// Subscription(to: created, on: broker, group: "billing") { delivery in
///   try await bill(delivery.payload)
///   return .ack
/// }
/// ```
public final class Subscription: AppService {
  /// What a subscription has done, and has before it.
  public struct Progress: Hashable, Sendable {
    /// Messages that were handled to their end: acknowledged, dropped or dead.
    public var settled: UInt64 = 0
    /// Attempts that failed or asked for another.
    public var retried: UInt64 = 0
    /// Messages that went to the dead-letter topic, or were discarded in place of it.
    public var dead: UInt64 = 0
    /// Messages that are being worked on.
    public var active = 0
    /// Messages that went back to the broker unhandled when the subscription was drained.
    public var handedBack = 0
  }

  /// The name in logs, metrics and dead letters, and on the broker where it keeps something for
  /// the subscription. Default: the group, or the pattern.
  public let id: String
  /// The topic or pattern.
  public let pattern: String
  /// Whose members share the messages.
  public let group: String?
  /// How it works.
  public let options: SubscriptionOptions

  /// One attempt at a message.
  typealias Attempt = @Sendable (Message, IncomingMessage, _ attempt: Int) async throws -> Outcome

  /// How it takes messages.
  enum Handling {
    case each(Attempt)
    case batches(BatchOptions, BatchAttempt)
  }

  let broker: Broker
  let handling: Handling
  /// Called once at least when messages are no longer handed out.
  let whenEnded: @Sendable () -> Void
  /// Tells a requester of a failure, where there is one.
  let refuse: (@Sendable (any Error, Message) async -> Void)?
  let kind: Call.Kind
  let queue = DeliveryQueue()
  let drainRequested = Signal()
  private let opening = AsyncOnce()
  private let inner = Mutex(Inner())
  /// Pauses that end by themselves; the latest replaces one that was not begun.
  let rests = AsyncStream.makeStream(of: Rest.self, bufferingPolicy: .bufferingNewest(1))

  private struct Inner {
    var subscription: (any DriverSubscription)?
    var isPaused = false
    var isResting = false
    var progress = Progress()
  }

  init(
    kind: Call.Kind, pattern: String, on broker: Broker, group: String?, id: String,
    options: SubscriptionOptions, whenEnded: @escaping @Sendable () -> Void = {},
    attempt: @escaping Attempt, refuse: (@Sendable (any Error, Message) async -> Void)? = nil
  ) {
    self.refuse = refuse
    self.kind = kind
    self.pattern = pattern
    self.broker = broker
    self.group = group
    self.id = id
    self.options = options
    self.whenEnded = whenEnded
    self.handling = .each(attempt)
  }

  init(
    kind: Call.Kind, pattern: String, on broker: Broker, group: String?, id: String,
    options: SubscriptionOptions, batches: BatchOptions, attempt: @escaping BatchAttempt
  ) {
    self.kind = kind
    self.pattern = pattern
    self.broker = broker
    self.group = group
    self.id = id
    self.options = options
    self.whenEnded = {}
    self.refuse = nil
    self.handling = .batches(batches, attempt)
  }

  /// What it has done so far.
  public var progress: Progress { self.inner.withLock { $0.progress } }

  /// How many messages have come that no handler has been given.
  package var waitingCount: Int { self.queue.count }

  /// Stops taking messages; those at work go on. Nothing is lost: the broker keeps them, as far as
  /// it keeps anything.
  public func pause() async {
    self.inner.withLock { $0.isPaused = true }
    await self.applyPause()
  }

  /// Takes messages again.
  public func resume() async {
    self.inner.withLock { $0.isPaused = false }
    await self.applyPause()
  }

  /// Tells the broker whether messages are wanted, until that is what was wanted last: calls that
  /// overtake each other on the way end well.
  private func applyPause() async {
    guard let subscription = self.driverSubscription else { return }
    var wanted = self.wantsPause
    while true {
      await subscription.setPaused(wanted)
      let now = self.wantsPause
      if now == wanted { return }
      wanted = now
    }
  }

  /// Begins or ends a pause that ends by itself; `pause` outlasts it.
  func setResting(_ isResting: Bool) async {
    self.inner.withLock { $0.isResting = isResting }
    await self.applyPause()
  }

  /// Asks `run` to come to its end: no more messages, those at work are finished within the
  /// options' drain time-out, the rest goes back to the broker.
  public func stop() {
    self.drainRequested.raise()
    // What a worker took from now on would be begun after the end was asked for. Where the broker
    // keeps nothing, what has arrived is worked on.
    if self.broker.capabilities.guarantee == .atLeastOnce { self.queue.close() }
  }

  private var prefetch: Int {
    switch self.handling {
    case .each: self.options.effectivePrefetch
    case .batches(let batches, _): batches.prefetch(self.options)
    }
  }

  private var wantsPause: Bool { self.inner.withLock { $0.isPaused || $0.isResting } }

  var driverSubscription: (any DriverSubscription)? { self.inner.withLock { $0.subscription } }

  func note(_ change: (inout Progress) -> Void) {
    self.inner.withLock { change(&$0.progress) }
  }

  /// Subscribes. `run` does it by itself; an `App` calls it so that an error ends the start.
  ///
  /// - Throws: `unsupported` when the options ask for what the broker cannot do,
  ///   `invalidArgument` when they cannot be, and what the broker answered.
  public func start() async throws(GodwitError) {
    try await self.opening.run { () async throws(GodwitError) in
      try TopicName.validate(self.pattern, wildcards: true)
      let capabilities = self.broker.capabilities
      try self.options.validate(for: self.pattern, on: capabilities)
      if case .batches(let batches, _) = self.handling { try batches.validate(self.options) }
      if self.group != nil, !capabilities.hasGroups {
        throw GodwitError(.unsupported, "the broker has no groups")
      }
      let subscription = try await self.broker.driver.subscribe(
        SubscriptionRequest(
          pattern: self.pattern, group: self.group, id: self.id,
          prefetch: self.prefetch),
        into: self.queue)
      self.inner.withLock { $0.subscription = subscription }
      if self.wantsPause { await self.applyPause() }
    }
  }
}

extension Subscription {
  /// A subscription to one topic.
  ///
  /// - Parameters:
  ///   - group: whose members share the topic's messages; `nil`: this subscription gets them all.
  ///   - handler: works on a message. What it throws follows the options' retry policy.
  public convenience init<Payload: Sendable>(
    to topic: Topic<Payload>, on broker: Broker, group: String? = nil, id: String? = nil,
    options: SubscriptionOptions = .defaults,
    handler: @escaping @Sendable (Delivery<Payload>) async throws -> Outcome
  ) {
    self.init(
      to: TopicPattern(topic), on: broker, group: group, id: id, options: options, handler: handler)
  }

  /// A subscription to every topic that a pattern matches.
  public convenience init<Payload: Sendable>(
    to pattern: TopicPattern<Payload>, on broker: Broker, group: String? = nil, id: String? = nil,
    options: SubscriptionOptions = .defaults,
    handler: @escaping @Sendable (Delivery<Payload>) async throws -> Outcome
  ) {
    let id = id ?? group ?? pattern.pattern
    self.init(
      kind: .consume, pattern: pattern.pattern, on: broker, group: group, id: id, options: options
    ) { message, incoming, attempt in
      let payload = try broker.payload(
        Payload.self, of: message, unlessSaid: pattern.contentType)
      return try await handler(
        Delivery(
          payload: payload, message: message, attempt: attempt, offset: incoming.offset,
          subscription: id))
    }
  }

  /// Answers the requests of a topic. Text and bytes are answered as they are, all else in the
  /// request's content type.
  ///
  /// What the handler throws is sent to the requester as a failure, and not tried again: the
  /// requester is waiting, and decides.
  ///
  /// - Parameter group: whose members share the requests. Default: the topic's name, so that one
  ///   of all instances answers.
  public convenience init<Payload: Sendable, Answer: Sendable>(
    answering topic: Topic<Payload>, on broker: Broker, group: String? = nil, id: String? = nil,
    options: SubscriptionOptions = .defaults,
    handler: @escaping @Sendable (Delivery<Payload>) async throws -> Answer
  ) {
    let group = group ?? topic.name
    let id = id ?? group
    var options = options
    options.retry = .never
    options.deadLetters = .discard
    self.init(
      kind: .reply, pattern: topic.name, on: broker, group: group, id: id, options: options
    ) { message, incoming, attempt in
      let payload = try broker.payload(
        Payload.self, of: message, unlessSaid: topic.contentType)
      let value = try await handler(
        Delivery(
          payload: payload, message: message, attempt: attempt, offset: incoming.offset,
          subscription: id))
      let answer = try broker.answer(
        value, to: message, as: message.contentType ?? topic.contentType)
      if !answer.topic.isEmpty { try await broker.give(answer) }
      return .ack
    } refuse: { error, message in
      // Outside all middleware, so that what it refuses is answered too.
      let metadata: Logger.Metadata = ["subscription": "\(id)"]
      broker.logger.warning("a request failed: \(error)", metadata: metadata)
      guard let failure = broker.failure(error, to: message) else { return }
      do {
        try await broker.driver.publish([failure])
      } catch {
        broker.logger.error("a requester cannot be told: \(error)", metadata: metadata)
      }
    }
  }
}

extension Broker {
  /// The message that answers `request`; without a topic when it asked for no answer.
  fileprivate func answer<Answer: Sendable>(
    _ value: Answer, to request: Message, as requested: String
  ) throws(GodwitError) -> Message {
    let contentType = MediaType.answer(Answer.self, to: requested)
    var answer = Message(topic: request.replyTo ?? "", body: ByteBuffer())
    try self.write(value, to: &answer, as: contentType)
    answer.correlationID = request.correlationID
    return answer
  }

  /// Sends an answer. Where the broker never hands a request out again, nothing would come of
  /// waiting for its confirmation.
  fileprivate func give(_ answer: Message) async throws(GodwitError) {
    if self.capabilities.guarantee == .atMostOnce {
      if try self.driver.post(answer, onFailure: nil) != nil { return }
    }
    try await self.driver.publish([answer])
  }

  /// The message that tells a requester of a failure. A `GodwitError` says what it says; of other
  /// errors only the type leaves the process.
  fileprivate func failure(_ error: any Error, to request: Message) -> Message? {
    guard let replyTo = request.replyTo else { return nil }
    var answer = Message(topic: replyTo, body: .init())
    answer.correlationID = request.correlationID
    let sentence = (error as? GodwitError)?.message ?? "\(type(of: error))"
    answer.headers[Answering.failureHeader] = sentence.headerLine
    return answer
  }
}
