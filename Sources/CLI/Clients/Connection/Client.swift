import NIOCore
import NIOPosix
import NIOSSL

/// A connection to a server, for code that waits.
///
/// The actor runs on the connection's event loop, so that whoever is there already pays nothing.
/// Messages are handed over as they were read: many at once.
actor Client {
  private let channel: any Channel
  private let boundHandler: NIOLoopBound<ClientHandler>
  private let boundQueue: NIOLoopBound<DeliveryQueue>

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    self.channel.eventLoop.executor.asUnownedSerialExecutor()
  }

  private var role: (any BenchRole)?

  private var handler: ClientHandler { self.boundHandler.value }
  private var queue: DeliveryQueue { self.boundQueue.value }

  private init(
    _ channel: any Channel, _ handler: NIOLoopBound<ClientHandler>,
    _ queue: NIOLoopBound<DeliveryQueue>
  ) {
    self.channel = channel
    self.boundHandler = handler
    self.boundQueue = queue
  }

  /// Connects, with TLS where asked for, and waits until the server has let us in.
  ///
  /// - Throws: `ClientError`.
  static func connect(_ configuration: ClientConfiguration) async throws -> Client {
    let address = configuration.address
    let timeout = TimeAmount.nanoseconds(Int64(configuration.connectTimeoutSeconds * 1e9))
    let startsWithTLS =
      configuration.tls.map { $0.first || address.language == .mqtt } ?? false
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(timeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let operations = channel.pipeline.syncOperations
          if startsWithTLS {
            try operations.addHandler(ClientTLS.makeHandler(configuration))
          }
          try operations.addHandler(ClientHandler(configuration))
        }
      }
    do {
      let client = try await bootstrap.connect(host: address.host, port: address.port)
        .flatMapThrowing { channel in
          let handler = try channel.pipeline.syncOperations.handler(type: ClientHandler.self)
          let queue = DeliveryQueue(handler)
          handler.observer = queue
          return Client(
            channel, NIOLoopBound(handler, eventLoop: channel.eventLoop),
            NIOLoopBound(queue, eventLoop: channel.eventLoop))
        }.get()
      try await client.awaitReady(timeout: timeout)
      return client
    } catch {
      throw ConnectionFailure.explain(error, connectingTo: address)
    }
  }

  private func awaitReady(timeout: TimeAmount) async throws {
    let deadline = self.scheduleGivingUp(after: timeout)
    defer { deadline.cancel() }
    let handler = self.handler
    try await withCheckedThrowingContinuation { handler.awaitReady($0) }
  }

  private func scheduleGivingUp(after timeout: TimeAmount) -> Scheduled<Void> {
    let handler = self.boundHandler
    return self.channel.eventLoop.scheduleTask(in: timeout) {
      handler.value.giveUp(ClientError("the server did not let us in in time"))
    }
  }

  // MARK: Measuring

  /// Gives the connection a part in a measurement, in place of handing messages over.
  func play(_ make: @Sendable (ClientHandler, any EventLoop) -> any BenchRole) {
    let role = make(self.handler, self.channel.eventLoop)
    self.role = role
    self.handler.observer = role
  }

  /// Starts the part.
  func startRole() { self.role?.start() }

  /// What the part has done so far, and whether it is over.
  func roleProgress() -> (tally: BenchTally, isDone: Bool) {
    guard let role = self.role else { return (BenchTally(), true) }
    return (role.tally, role.isDone)
  }

  /// All that the part has measured.
  func roleResult() -> BenchTally { self.role?.fullTally ?? BenchTally() }

  // MARK: Talking

  /// Subscribes and waits for the server's word.
  func subscribe(_ request: SubscriptionRequest) async throws -> Int {
    var number = 0
    try await withCheckedThrowingContinuation { number = self.handler.subscribe(request, $0) }
    return number
  }

  /// Publishes messages in order, as fast as the socket and the server's window take them.
  ///
  /// They are written when this returns; `flush` waits until the server has handled them.
  func publish(_ messages: [OutgoingMessage]) async throws {
    let handler = self.handler
    for message in messages {
      while try !handler.publish(message) {
        handler.write()
        try await withCheckedThrowingContinuation { handler.awaitRoom($0) }
      }
      guard handler.unwrittenBytes > 65_536 else { continue }
      handler.write()
      if !handler.isWritable {
        try await withCheckedThrowingContinuation { handler.awaitRoom($0) }
      }
    }
    handler.write()
  }

  /// Waits until every message with QoS 1 or 2 is settled.
  func settle() async throws {
    let handler = self.handler
    try await withCheckedThrowingContinuation { handler.awaitSettled($0) }
  }

  /// Waits until every message is settled and the server has handled everything said before.
  func flush() async throws {
    try await self.settle()
    let handler = self.handler
    try await withCheckedThrowingContinuation { handler.flush($0) }
  }

  /// What came in since the last time: waits until there is something.
  ///
  /// - Returns: `nil` when the connection was ended by us.
  /// - Throws: `ClientError` when it failed, `CancellationError` when the task was cancelled.
  func next() async throws -> DeliveryQueue.Burst? {
    try Task.checkCancellation()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { self.queue.next($0) }
    } onCancel: {
      self.channel.eventLoop.execute { self.boundQueue.value.cancel() }
    }
  }

  /// Has `next` throw `CancellationError` where it would wait.
  func stopWaiting() { self.queue.stop() }

  /// The connection's protocol.
  var language: ServerAddress.Language { self.handler.language }

  /// How messages with QoS 1 and 2 were taken so far.
  var settlements: DeliveryQueue.Settlements { self.queue.settlements }

  /// What the server complained about and nobody took with `next` yet.
  func takeWarnings() -> [ClientError] { self.queue.takeWarnings() }

  /// What separates the levels of a topic.
  var separator: String { self.handler.separator }

  /// A name for answers to this client.
  func inbox(_ unique: String) -> String { self.handler.inbox(unique) }

  /// Ends the connection and waits until the last bytes are out.
  func close() async {
    self.handler.end()
    try? await self.channel.closeFuture.get()
  }
}
