public import Godwit
public import Logging
import ServiceLifecycle

/// A service that sends other services messages and streams, and receives theirs, over any broker.
///
/// ```swift
/// let conduit = try Conduit("thumbnails", on: broker)
/// try await conduit.service("storage").send("file.upload", stream: parts)
/// for await message in try await conduit.queueBind("file.uploaded") { … }
/// ```
///
/// At most once: a message goes to those who are there. Over NATS it speaks the wire format of
/// Conduit for Go, and both kinds of service talk to each other.
///
/// It works from its first use, while its broker runs. As a service of an `App` it drains when it
/// is stopped: no more messages, and streams that are under way come to their end.
public final class Conduit: AppService {
  /// The service's name, as others send to it.
  public var name: String { self.exchange.service }

  private let exchange: Exchange
  private let broadcasts = AsyncOnce()
  private let queues = AsyncOnce()
  private let stopping = Signal()

  /// A conduit of that service. Instances of one service have the same name.
  ///
  /// - Parameter name: ASCII; `userService`, `user-service` and `user_service` are one service.
  /// - Throws: `invalidArgument` when the name or a setting cannot be, `unsupported` when the
  ///   broker has no groups.
  public init(
    _ name: String, on broker: Broker, settings: ConduitSettings = .defaults,
    logger: Logger = Logger(label: "godwit.conduit")
  ) throws(GodwitError) {
    try ConduitSubjects.validate(name)
    try settings.validate()
    guard broker.capabilities.hasPatterns, broker.capabilities.hasGroups else {
      throw GodwitError(.unsupported, "a conduit needs a broker with patterns and groups")
    }
    self.exchange = Exchange(name, on: broker, settings: settings, logger: logger)
  }

  deinit {
    self.exchange.leave()
  }

  // MARK: Services

  /// Another service.
  public func service(_ name: String) -> ServiceClient {
    ServiceClient(service: name, exchange: self.exchange)
  }

  /// The service itself: what is sent to it goes to all of its instances.
  public var own: ServiceClient { self.service(self.name) }

  // MARK: Bindings

  /// Binds to an event: this instance gets each of its messages.
  ///
  /// - Returns: when messages sent from now on will arrive.
  public func bind(_ event: String) async throws(GodwitError) -> Binding {
    try await self.bind(event, .broadcast, isOnce: false)
  }

  /// Binds to an event until the first message.
  public func bindOnce(_ event: String) async throws(GodwitError) -> Binding {
    try await self.bind(event, .broadcast, isOnce: true)
  }

  /// Binds to an event as one of the service's instances that share its messages.
  public func queueBind(_ event: String) async throws(GodwitError) -> Binding {
    try await self.bind(event, .queue, isOnce: false)
  }

  /// Calls `body` with a binding that ends with it.
  ///
  /// - Parameter isQueue: whether the service's instances share the messages.
  public func withBinding<Result>(
    _ event: String, isQueue: Bool = false, _ body: (Binding) async throws -> Result
  ) async throws -> Result {
    let binding = try await self.bind(event, isQueue ? .queue : .broadcast, isOnce: false)
    defer { binding.unbind() }
    return try await body(binding)
  }

  private func bind(
    _ event: String, _ kind: BindingQueue.Kind, isOnce: Bool
  ) async throws(GodwitError) -> Binding {
    let queue = BindingQueue(
      event: event, kind: kind, isOnce: isOnce,
      messagesMax: self.exchange.settings.bindingMessagesMax)
    try await self.start()
    // Known before the subscription is: whoever is told of the service finds it bound.
    try self.exchange.bind(queue)
    do throws(GodwitError) {
      try await self.listen(kind)
    } catch {
      self.exchange.unbind(queue)
      throw error
    }
    return Binding(queue, exchange: self.exchange)
  }

  private func listen(_ kind: BindingQueue.Kind) async throws(GodwitError) {
    let exchange = self.exchange
    let subject = ConduitSubjects.service(self.name)
    // Streams to all instances must find this one before their handshakes do.
    try await self.broadcasts.run { () async throws(GodwitError) in
      try await exchange.subscribe("\(ConduitSubjects.shared(self.name)).*") { [weak exchange] in
        exchange?.receiveShared($0)
      }
      try await exchange.subscribe(subject) { [weak exchange] in
        exchange?.receiveHandshake($0, by: .broadcast)
      }
    }
    guard kind == .queue else { return }
    try await self.queues.run { () async throws(GodwitError) in
      try await exchange.subscribe(subject, group: subject) { [weak exchange] in
        exchange?.receiveHandshake($0, by: .queue)
      }
    }
  }

  // MARK: Life

  /// Subscribes to what every conduit needs. Everything else does it by itself.
  ///
  /// - Throws: why the broker does not let it.
  public func start() async throws(GodwitError) {
    try await self.exchange.start()
  }

  /// Works until the task is cancelled or a graceful shutdown begins; then drains.
  public func run() async throws {
    try await self.start()
    await withGracefulShutdownHandler {
      await self.stopping.wait()
    } onGracefulShutdown: {
      self.stopping.raise()
    }
    await self.close()
  }

  /// Takes no more messages, gives streams under way `ConduitSettings.drainTimeout` to come to
  /// their end, and ends. A second time changes nothing.
  public func close() async {
    self.stopping.raise()
    await self.exchange.drain()
    let end = ContinuousClock.now + self.exchange.settings.drainTimeout
    while !self.exchange.hasSettled, ContinuousClock.now < end {
      do {
        try await Task.sleep(for: .milliseconds(10))
      } catch {
        break
      }
    }
    for subscription in self.exchange.close() { await subscription.cancel() }
  }
}

/// Calls `body` with a conduit of its own, which is closed behind it.
///
/// - Throws: what making a conduit and `body` throw.
@discardableResult
public func withConduit<Result>(
  _ name: String, on broker: Broker, settings: ConduitSettings = .defaults,
  logger: Logger = Logger(label: "godwit.conduit"), _ body: (Conduit) async throws -> Result
) async throws -> Result {
  let conduit = try Conduit(name, on: broker, settings: settings, logger: logger)
  try await conduit.start()
  let result: Result
  do {
    result = try await body(conduit)
  } catch {
    await conduit.close()
    throw error
  }
  await conduit.close()
  return result
}
