/// A subscription's messages as an asynchronous sequence, for a reader that asks for them.
///
/// Retries, dead letters, middleware, pause and drain are those of the handler form: an attempt is
/// the time from handing a message out to its being settled. At most `concurrency` messages are out
/// and not settled at a time. Several tasks may read; each message goes to one of them.
///
/// ```swift
/// try await broker.withDeliveries(of: created, group: "billing") { orders in
///   for await order in orders {
///     try await bill(order.payload)
///     try order.settle(.ack)
///   }
/// }
/// ```
///
/// The sequence ends when the subscription is drained; what nobody had read by then goes back. Who
/// stops reading and leaves the subscription running stops its flow.
public struct Deliveries<Payload: Sendable>: AsyncSequence, Sendable {
  /// What is read.
  public typealias Element = OpenDelivery<Payload>
  /// Reading does not fail.
  public typealias Failure = Never

  /// A message on offer, and where its outcome is waited for.
  typealias Offer = (delivery: Delivery<Payload>, verdict: Verdict)

  let offers = WaitingQueue<Offer>()

  /// Hands a message to a reader and waits until it is settled.
  func outcome(of delivery: Delivery<Payload>) async throws -> Outcome {
    let verdict = Verdict()
    guard self.offers.offer((delivery, verdict)) else { throw NotBegun() }
    return try await verdict.wait()
  }

  /// No more messages; those that nobody has read go back.
  func finish() {
    for offer in self.offers.finish() { offer.verdict.say(.failure(NotBegun())) }
  }

  /// Reads.
  public func makeAsyncIterator() -> Iterator {
    Iterator(offers: self.offers)
  }

  /// A reader.
  public struct Iterator: AsyncIteratorProtocol {
    let offers: WaitingQueue<Offer>

    /// The next message; `nil` when the subscription was drained or the task is cancelled.
    public mutating func next() async -> OpenDelivery<Payload>? {
      await self.next(isolation: #isolation)
    }

    /// The next message; `nil` when the subscription was drained or the task is cancelled.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async -> OpenDelivery<Payload>? {
      while let offer = await self.offers.next() {
        // One whose attempt was cancelled meanwhile is nobody's.
        if offer.verdict.isOpen { return OpenDelivery(offer.delivery, verdict: offer.verdict) }
      }
      return nil
    }
  }
}

extension Subscription {
  /// A subscription to a topic, and its messages as a sequence. The subscription is a service: the
  /// sequence has messages while it runs.
  ///
  /// - Parameters:
  ///   - group: whose members share the topic's messages; `nil`: this subscription gets them all.
  ///   - options: `concurrency` is how many messages may be out and not settled.
  public static func makeSequence<Payload: Sendable>(
    of topic: Topic<Payload>, on broker: Broker, group: String? = nil, id: String? = nil,
    options: SubscriptionOptions = .defaults
  ) -> (subscription: Subscription, deliveries: Deliveries<Payload>) {
    self.makeSequence(
      of: TopicPattern(topic), on: broker, group: group, id: id, options: options)
  }

  /// A subscription to every topic that a pattern matches, and its messages as a sequence.
  public static func makeSequence<Payload: Sendable>(
    of pattern: TopicPattern<Payload>, on broker: Broker, group: String? = nil,
    id: String? = nil, options: SubscriptionOptions = .defaults
  ) -> (subscription: Subscription, deliveries: Deliveries<Payload>) {
    let deliveries = Deliveries<Payload>()
    let id = id ?? group ?? pattern.pattern
    let subscription = Subscription(
      kind: .consume, pattern: pattern.pattern, on: broker, group: group, id: id,
      options: options, whenEnded: { deliveries.finish() }
    ) { message, incoming, attempt in
      let payload = try broker.payload(
        Payload.self, of: message, unlessSaid: pattern.contentType)
      return try await deliveries.outcome(
        of: Delivery(
          payload: payload, message: message, attempt: attempt, offset: incoming.offset,
          subscription: id))
    }
    return (subscription, deliveries)
  }
}

extension Broker {
  /// Calls `body` with the messages of a topic as a sequence. When `body` ends, the subscription is
  /// drained: what was not read goes back.
  ///
  /// - Throws: what the start of the subscription and `body` throw.
  @discardableResult
  public func withDeliveries<Payload: Sendable, Result: Sendable>(
    of topic: Topic<Payload>, group: String? = nil, id: String? = nil,
    options: SubscriptionOptions = .defaults,
    _ body: (Deliveries<Payload>) async throws -> Result
  ) async throws -> Result {
    try await self.withDeliveries(
      of: TopicPattern(topic), group: group, id: id, options: options, body)
  }

  /// Calls `body` with the messages of every topic that a pattern matches as a sequence. When
  /// `body` ends, the subscription is drained: what was not read goes back.
  ///
  /// - Throws: what the start of the subscription and `body` throw.
  @discardableResult
  public func withDeliveries<Payload: Sendable, Result: Sendable>(
    of pattern: TopicPattern<Payload>, group: String? = nil, id: String? = nil,
    options: SubscriptionOptions = .defaults,
    _ body: (Deliveries<Payload>) async throws -> Result
  ) async throws -> Result {
    let (subscription, deliveries) = Subscription.makeSequence(
      of: pattern, on: self, group: group, id: id, options: options)
    return try await subscription.whileRunning {
      // Nobody reads any more, whatever the drain hands out.
      defer { deliveries.finish() }
      return try await body(deliveries)
    }
  }
}
