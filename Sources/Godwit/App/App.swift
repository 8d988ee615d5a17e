public import Logging
public import ServiceLifecycle
public import UnixSignals

/// A program made of services: brokers, subscriptions, servers.
///
/// ```swift
/// let app = App("billing", version: "1.4.0") {
///   broker
///   Subscription(to: created, on: broker, group: "billing") { … }
/// }
/// try await app.run()
/// ```
///
/// The phases: *start*, each service in order, an error ends the program with it, and those that
/// had started let go of what they have; *serve*; *drain* on SIGTERM, SIGINT or when a service
/// ends, in the opposite order; *stop*.
public struct App: Service {
  /// A moment of an app's life that a closure can be attached to.
  public enum Phase: Hashable, Sendable {
    /// Before the first service starts.
    case beforeStart
    /// All services have started.
    case afterStart
    /// The drain is about to begin; no service knows of it yet.
    case beforeStop
    /// All services have drained, or one of them has failed.
    case afterStop
  }

  /// The service's name.
  public let name: String
  /// Its version.
  public let version: String
  /// This instance's id. Default: random.
  public let id: String
  /// What else is to be known about it.
  public var metadata: [String: String]
  /// Signals that begin a graceful shutdown. Default: SIGTERM and SIGINT.
  public var shutdownSignals: [UnixSignal]
  /// Where it logs.
  public let logger: Logger

  private let services: [any Service]
  private var hooks: [(phase: Phase, body: @Sendable () async throws -> Void)] = []

  /// An app of these services, in the order of their start.
  public init(
    _ name: String, version: String = "0.0.0", id: String = Message.makeID(),
    metadata: [String: String] = [:], logger: Logger? = nil,
    shutdownSignals: [UnixSignal] = [.sigterm, .sigint],
    @AppBuilder services: () -> [any Service]
  ) {
    self.name = name
    self.version = version
    self.id = id
    self.metadata = metadata
    self.shutdownSignals = shutdownSignals
    self.logger = logger ?? Logger(label: name)
    self.services = services()
  }

  /// The app with a closure that runs at a phase. Several of one phase run in their order; one that
  /// throws before serving ends the start, one that throws after fails the run.
  public func on(_ phase: Phase, _ body: @escaping @Sendable () async throws -> Void) -> Self {
    var app = self
    app.hooks.append((phase, body))
    return app
  }

  /// Runs the app until a signal, or until one of its services ends.
  ///
  /// - Throws: what a start threw, or a service that failed.
  public func run() async throws {
    try await self.start()
    self.logger.info("serving", metadata: ["version": "\(self.version)", "id": "\(self.id)"])
    // The last in the list is the first to hear of the end.
    let farewell = Farewell { try await self.runHooks(of: .beforeStop) }
    let group = ServiceGroup(
      configuration: .init(
        services: (self.services + [farewell]).map {
          // Whoever ends, and however: the others drain.
          .init(
            service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .gracefullyShutdownGroup)
        },
        gracefulShutdownSignals: self.shutdownSignals, logger: self.logger))
    do {
      try await group.run()
    } catch {
      do {
        try await self.runHooks(of: .afterStop)
      } catch let other {
        self.logger.error("a hook failed after a service had", metadata: ["error": "\(other)"])
      }
      throw error
    }
    try await self.runHooks(of: .afterStop)
  }

  private func start() async throws {
    var started: [any AppService] = []
    do {
      try await self.runHooks(of: .beforeStart)
      for case let service as any AppService in self.services {
        try await service.start()
        started.append(service)
      }
      try await self.runHooks(of: .afterStart)
    } catch {
      await Self.end(started)
      throw error
    }
  }

  /// Who has started and will not serve ends as it does when its task is cancelled.
  private static func end(_ started: [any AppService]) async {
    for service in started.reversed() {
      await withTaskGroup(of: Void.self) { group in
        group.cancelAll()
        group.addTask { try? await service.run() }
      }
    }
  }

  private func runHooks(of phase: Phase) async throws {
    for hook in self.hooks where hook.phase == phase { try await hook.body() }
  }
}

extension App {
  /// Says that the app is about to stop.
  private struct Farewell: Service {
    let say: @Sendable () async throws -> Void

    func run() async throws {
      try? await gracefulShutdown()
      try await self.say()
    }
  }
}

/// Gathers an app's services.
@resultBuilder
public enum AppBuilder {
  /// One service.
  public static func buildExpression(_ service: any Service) -> [any Service] { [service] }
  /// Several services.
  public static func buildExpression(_ services: [any Service]) -> [any Service] { services }
  /// All statements.
  public static func buildBlock(_ parts: [any Service]...) -> [any Service] {
    parts.flatMap(\.self)
  }
  /// `if` without `else`.
  public static func buildOptional(_ part: [any Service]?) -> [any Service] { part ?? [] }
  /// `if`.
  public static func buildEither(first part: [any Service]) -> [any Service] { part }
  /// `else`.
  public static func buildEither(second part: [any Service]) -> [any Service] { part }
  /// `for`.
  public static func buildArray(_ parts: [[any Service]]) -> [any Service] { parts.flatMap(\.self) }
}
