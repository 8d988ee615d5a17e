public import Logging
import ServiceLifecycle

/// A broker, as a service uses it: publish, subscribe, request, whatever stands behind it.
///
/// What stands behind is a `Driver`; changing brokers is changing the driver. A broker is a
/// `Service`: it works while `run` runs.
///
/// ```swift
/// let receipt = try await broker.publish(order, to: Topic<Order>("orders.created"))
/// ```
public final class Broker: AppService {
  /// The connection to the broker.
  public let driver: any Driver
  /// The codecs, by media type.
  public let codecs: CodecRegistry
  /// What happens around every operation, in the order of the phases, the first outermost.
  public let middleware: [any Middleware]
  /// Where the broker and its subscriptions log what nobody else is told.
  public let logger: Logger
  let replies = ReplyInbox()

  /// A broker.
  public init(
    _ driver: any Driver, codecs: CodecRegistry = .defaults, middleware: [any Middleware] = [],
    logger: Logger = Logger(label: "godwit")
  ) {
    self.driver = driver
    self.codecs = codecs
    self.middleware = middleware.inPhases()
    self.logger = logger
  }

  /// What the broker can do.
  public var capabilities: Capabilities { self.driver.capabilities }

  /// How the connection is now.
  public var state: ConnectionState { self.driver.states.current }

  /// How the connection is, now and whenever that changes.
  public func states() -> AsyncStream<ConnectionState> {
    self.driver.states.follow()
  }

  /// Connects. `run` does it by itself; an `App` calls it so that an error ends the start.
  ///
  /// - Throws: why there is no connection.
  public func start() async throws(GodwitError) {
    try await self.driver.start()
  }

  /// Keeps the connection until the task is cancelled or a graceful shutdown begins.
  ///
  /// - Throws: why the connection was given up.
  public func run() async throws {
    try await withTaskCancellationOrGracefulShutdownHandler {
      try await self.driver.run()
    } onCancelOrGracefulShutdown: {
      self.driver.stop()
    }
  }

  /// Runs the broker while `body` runs: connected before, stopped after. For tests and scripts.
  ///
  /// - Throws: why there is no connection, or why it was given up, and what `body` throws.
  @discardableResult
  public func whileRunning<Result: Sendable>(
    _ body: () async throws -> Result
  ) async throws -> Result {
    try await self.start()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.run() }
      let result = try await body()
      self.driver.stop()
      try await group.waitForAll()
      return result
    }
  }
}
