public import Godwit

/// The scenarios that every driver passes, whatever stands behind it.
///
/// ```swift
/// let suite = Conformance { Broker.nats(url: "nats://127.0.0.1") }
/// for scenario in Conformance.scenarios { try await suite.run(scenario) }
/// ```
///
/// A driver is held to what its `Capabilities` declare: a scenario for something that it does not
/// declare is not run, and says so. Every scenario uses topics of its own below `conformance.`, and
/// clients of its own, which it stops.
public struct Conformance: Sendable {
  /// What became of a scenario.
  public enum Verdict: Hashable, Sendable {
    /// The driver did what the scenario is about.
    case passed
    /// The driver does not declare what the scenario is about; what that is.
    case notApplicable(String)
  }

  /// How long one scenario may take. Default 30 s.
  public var timeLimit: Duration = .seconds(30)
  /// What there is beyond clients. Default: nothing.
  public var environment = Environment()

  private let makeBrokers: @Sendable () async throws -> (publisher: Broker, subscriber: Broker)
  private let interrupt: (@Sendable () async throws -> Void)?

  /// A suite whose publishers and subscribers are different clients.
  ///
  /// - Parameters:
  ///   - interrupt: breaks the connections of all clients; they may connect again at once. Without
  ///     it the scenarios about lost connections do not apply.
  ///   - makeBroker: makes a client of one server, which it does not start.
  public init(
    interrupt: (@Sendable () async throws -> Void)? = nil,
    makeBroker: @escaping @Sendable () async throws -> Broker
  ) {
    self.interrupt = interrupt
    self.makeBrokers = { (try await makeBroker(), try await makeBroker()) }
  }

  /// A suite for a broker that ends with its client: one client does everything.
  public init(alone makeBroker: @escaping @Sendable () async throws -> Broker) {
    self.interrupt = nil
    self.makeBrokers = {
      let broker = try await makeBroker()
      return (broker, broker)
    }
  }

  /// All scenarios.
  public static var scenarios: [Scenario] {
    Self.delivery + Self.contents + Self.cloudEvents + Self.requests + Self.outcomes
      + Self.tracing + Self.endings + Self.slowConsumers + Self.interruptions + Self.connections
  }

  /// What the driver declares.
  public func capabilities() async throws -> Capabilities {
    try await self.makeBrokers().subscriber.capabilities
  }

  /// Runs one scenario.
  ///
  /// - Throws: `ConformanceFailure`, or what a call threw that ought not to have.
  @discardableResult
  public func run(_ scenario: Scenario) async throws -> Verdict {
    let brokers = try await self.makeBrokers()
    let stage = Stage(
      publisher: brokers.publisher, subscriber: brokers.subscriber,
      prefix: "conformance.\(Message.makeID())", interrupt: self.interrupt,
      environment: self.environment)
    if let reason = scenario.doesNotApply(stage) { return .notApplicable(reason) }
    do {
      try await self.limited { try await stage.run(scenario.body) }
    } catch let failure as ConformanceFailure {
      throw ConformanceFailure("\(scenario.name): \(failure.sentence)")
    } catch {
      throw ConformanceFailure("\(scenario.name): \(error)")
    }
    return .passed
  }

  private func limited(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: self.timeLimit)
        throw ConformanceFailure("not over within \(self.timeLimit)")
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }
}

/// What a driver did otherwise than the suite demands.
public struct ConformanceFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was expected and what happened.
  public let sentence: String

  /// A failure.
  public init(_ sentence: String) {
    self.sentence = sentence
  }

  /// The sentence.
  public var description: String { self.sentence }
}
