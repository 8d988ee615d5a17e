import Godwit

/// One thing that drivers are held to.
public struct Scenario: Sendable, CustomStringConvertible {
  /// Its name, as the capability matrix shows it.
  public let name: String
  /// Why it does not apply; `nil` when it does.
  let doesNotApply: @Sendable (Stage) -> String?
  let body: @Sendable (Stage) async throws -> Void

  init(
    _ name: String, unless doesNotApply: @escaping @Sendable (Stage) -> String? = { _ in nil },
    _ body: @escaping @Sendable (Stage) async throws -> Void
  ) {
    self.name = name
    self.doesNotApply = doesNotApply
    self.body = body
  }

  /// The name.
  public var description: String { self.name }
}

/// What a scenario plays on.
struct Stage: Sendable {
  let publisher: Broker
  let subscriber: Broker
  let prefix: String
  let interrupt: (@Sendable () async throws -> Void)?
  let environment: Conformance.Environment

  var capabilities: Capabilities { self.subscriber.capabilities }

  func topic<Payload: Sendable>(
    _ name: String, of type: Payload.Type = Int.self
  ) -> Topic<Payload> {
    Topic<Payload>("\(self.prefix).\(name)")
  }

  /// Starts and runs the clients while `body` runs, and stops them.
  func run(_ body: @escaping @Sendable (Stage) async throws -> Void) async throws {
    try await self.with(self.publisher) { _ in
      if self.publisher === self.subscriber { return try await body(self) }
      try await self.with(self.subscriber) { _ in try await body(self) }
    }
  }

  /// Starts and runs another client while `body` runs, and stops it.
  func with(_ broker: Broker, _ body: (Broker) async throws -> Void) async throws {
    try await broker.start()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await broker.run() }
      do {
        try await body(broker)
      } catch {
        group.cancelAll()
        throw error
      }
      broker.driver.stop()
      try await group.waitForAll()
    }
  }

  /// Runs another client behind a relay while `body` runs, and ends both.
  func with(
    _ reach: Conformance.Environment.Reach, _ body: (Relay, Broker) async throws -> Void
  ) async throws {
    let relay = try await reach.relay()
    do {
      try await self.with(try await reach.makeBroker(relay.host, relay.port)) {
        try await body(relay, $0)
      }
    } catch {
      await relay.close()
      throw error
    }
    await relay.close()
  }

  /// Runs subscriptions while `body` runs, and drains them in the opposite order.
  @discardableResult
  func running<Result: Sendable>(
    _ subscriptions: [Subscription], _ body: () async throws -> Result
  ) async throws -> Result {
    guard let first = subscriptions.first else { return try await body() }
    return try await first.whileRunning {
      try await self.running(Array(subscriptions.dropFirst()), body)
    }
  }
}

/// Fails unless two values are equal.
func expect<Value: Equatable>(
  _ value: Value, _ expected: Value, _ what: String
) throws(ConformanceFailure) {
  guard value != expected else { return }
  throw ConformanceFailure("\(what): \(value) in place of \(expected)")
}

/// Fails unless `isSo`.
func expect(_ isSo: Bool, _ what: String) throws(ConformanceFailure) {
  if !isSo { throw ConformanceFailure(what) }
}

/// Fails unless `body` throws that code.
func expectFailure(
  _ code: GodwitError.Code, _ what: String, _ body: () async throws -> Void
) async throws {
  do {
    try await body()
  } catch let error as GodwitError {
    return try expect(error.code, code, what)
  }
  throw ConformanceFailure("\(what): no error in place of \(code)")
}
