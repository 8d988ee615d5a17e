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

  var capabilities: Capabilities { self.subscriber.capabilities }

  func topic<Payload: Sendable>(
    _ name: String, of type: Payload.Type = Int.self
  ) -> Topic<Payload> {
    Topic<Payload>("\(self.prefix).\(name)")
  }

  /// Starts and runs the clients while `body` runs, and stops them.
  func run(_ body: @escaping @Sendable (Stage) async throws -> Void) async throws {
    let brokers =
      self.publisher === self.subscriber ? [self.publisher] : [self.publisher, self.subscriber]
    for broker in brokers { try await broker.start() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for broker in brokers { group.addTask { try await broker.run() } }
      do {
        try await body(self)
      } catch {
        group.cancelAll()
        throw error
      }
      for broker in brokers { broker.driver.stop() }
      try await group.waitForAll()
    }
  }

  /// Runs subscriptions while `body` runs, and drains them in the opposite order.
  func running(
    _ subscriptions: [Subscription], _ body: () async throws -> Void
  ) async throws {
    guard let first = subscriptions.first else { return try await body() }
    try await first.whileRunning {
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
