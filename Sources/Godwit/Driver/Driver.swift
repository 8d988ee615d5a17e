/// One broker's client, as the framework uses it. Services use `Broker`, which stands on a driver.
///
/// A driver moves messages and settles them; retry policies, dead letters, concurrency, order,
/// codecs and middleware are the framework's.
public protocol Driver: Sendable {
  /// The broker's kind as OpenTelemetry names it (`messaging.system`): `nats`, `mqtt`, `kafka`.
  var system: String { get }
  /// What the broker can do.
  var capabilities: Capabilities { get }
  /// The connection's state.
  var states: ConnectionStates { get }

  /// Connects. Returns when publishes and subscriptions work; at once when they do already.
  ///
  /// - Throws: why the first connection could not be had.
  func start() async throws(GodwitError)

  /// Connects, when `start` has not, and keeps the connection until `stop`; makes it again, with
  /// its subscriptions, when it breaks. Sends what is buffered before it returns.
  ///
  /// - Throws: why it gave up.
  func run() async throws(GodwitError)

  /// Asks `run` to come to its end. May be called at any time, and twice.
  func stop()

  /// Publishes messages in order and waits until the broker has confirmed each of them, as far as
  /// its capabilities go.
  ///
  /// - Returns: a receipt for each message, in their order.
  /// - Throws: the first failure. Messages before it may have been published.
  @discardableResult
  func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt]

  /// Hands a message to the broker and does not wait.
  ///
  /// - Throws: only what is known at once: a closed driver, a message too large, a full buffer.
  func send(_ message: Message) throws(GodwitError)

  /// Hands a message to the broker and does not wait, like `send`, but tells of a failure, like
  /// `publish`: for who waits for something else meanwhile, such as an answer. Default `nil`.
  ///
  /// - Parameter onFailure: is called, once at most, when the message was not published or may not
  ///   have been; `nil` when nobody wants to know.
  /// - Returns: the message's handle; `nil` when it is to be published: the driver cannot, or has
  ///   no room now.
  /// - Throws: what is known at once.
  func post(
    _ message: Message, onFailure: (@Sendable (GodwitError) -> Void)?
  ) throws(GodwitError) -> PostedMessage?

  /// Subscribes; messages go to `queue`, never more at a time than the request's prefetch.
  ///
  /// - Returns: when the broker has confirmed the subscription.
  func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription
}

extension Driver {
  /// Cannot: messages are published.
  public func post(
    _ message: Message, onFailure: (@Sendable (GodwitError) -> Void)?
  ) throws(GodwitError) -> PostedMessage? {
    nil
  }
}

/// A message on its way that nobody waits for.
public struct PostedMessage: Sendable {
  private let whenWithdrawn: @Sendable () -> Void

  /// - Parameter withdraw: takes the message back if it has not gone out yet.
  public init(withdraw: @escaping @Sendable () -> Void) {
    self.whenWithdrawn = withdraw
  }

  /// Takes the message back if it has not gone out yet. Nothing more is told of it.
  public func withdraw() { self.whenWithdrawn() }
}

/// What a driver is asked to subscribe to.
public struct SubscriptionRequest: Hashable, Sendable {
  /// A topic's name, or a pattern: `*` for one level, a final `>` for one or more.
  public var pattern: String
  /// The group whose members share the messages; `nil`: this subscription gets all of them.
  public var group: String?
  /// The subscription's own name; durable state belongs to it (or to the group).
  public var id: String
  /// The most messages that may be handed out and not settled.
  public var prefetch: Int
  /// Whether messages are to be settled. Where not, one that was handed out is done with, and
  /// `prefetch` bounds nothing. Default yes.
  public var isSettled: Bool

  /// A request.
  public init(
    pattern: String, group: String?, id: String, prefetch: Int, isSettled: Bool = true
  ) {
    self.pattern = pattern
    self.group = group
    self.id = id
    self.prefetch = prefetch
    self.isSettled = isSettled
  }
}

/// A subscription as a driver keeps it.
public protocol DriverSubscription: Sendable {
  /// Settles a message by its token, and returns when that was handed to the broker. Tokens of an
  /// earlier connection are ignored.
  func settle(_ token: UInt64, _ settlement: Settlement) async

  /// Stops or starts the flow of messages; those handed out stay to be settled.
  func setPaused(_ isPaused: Bool) async

  /// Stops the flow for good, hands over what has arrived already, whatever the prefetch, and
  /// closes the queue. Only asked of brokers that hand a message out at most once: there, what has
  /// arrived would be lost.
  func drain() async

  /// Stops the flow and leaves. What was handed out and not settled goes back to the broker.
  /// Durable state stays.
  func cancel() async
}

extension DriverSubscription {
  /// Does nothing: messages go back to the broker.
  public func drain() async {}
}

/// What becomes of a message that was handed out.
public enum Settlement: Hashable, Sendable {
  /// It is done with.
  case acknowledge
  /// It is to be handed out again after a delay. Only asked of brokers that redeliver.
  case retry(after: Duration)
  /// It was not worked on; it goes back as if it had not been handed out.
  case release
}

/// What the broker said about a published message.
public struct PublishReceipt: Hashable, Sendable {
  /// The message's id.
  public var id: String
  /// How many receivers took it, where the broker tells; a group counts as one.
  public var receivers: Int?
  /// The message's place in its log, where the broker has one.
  public var offset: UInt64?

  /// A receipt.
  public init(id: String, receivers: Int? = nil, offset: UInt64? = nil) {
    self.id = id
    self.receivers = receivers
    self.offset = offset
  }
}
