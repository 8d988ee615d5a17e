import Godwit
import GodwitConformance
import GodwitNATS
import Testing

/// Drivers and environments with one fault each, and the scenario that does not pass then.
@Suite(.timeLimit(.minutes(1))) struct ConformanceFaultTests {
  private func fails(_ name: String, _ suite: Conformance) async throws {
    var suite = suite
    suite.timeLimit = .seconds(3)
    let scenario = try #require(Conformance.scenarios.first { $0.name == name })
    await #expect(throws: ConformanceFailure.self) { try await suite.run(scenario) }
  }

  @Test(
    arguments: [
      (.losesHeaders, "headers arrive in their order, names repeated"),
      (.losesHeaders, "a trace goes on from the publish to the handler"),
      (.losesHeaders, "a batch's trace has a link to each publish"),
      (.losesHeaders, "a trace goes on from the request to who answers"),
      (.losesHeaders, "an event in binary mode: attributes as headers, the data as the body"),
      (.losesContentTypes, "an event in structured mode: one document"),
      (.losesKeys, "a message that is tried again holds its key back, and no other"),
      (.reversesBatches, "a batch is published in order, with a receipt for each"),
      (.ignoresPrefetch, "no more is handed out than the prefetch"),
      (.ignoresPrefetch, "a drain says what it hands back, and the broker has it"),
      (.losesWhatGoesBack, "a drain says what it hands back, and the broker has it"),
      (.countsWhatGoesBack, "a drain says what it hands back, and the broker has it"),
      (.hasNoGroups, "members of a group share"),
    ] as [(FaultyDriver.Fault, String)])
  func faultsAreFound(_ fault: FaultyDriver.Fault, _ name: String) async throws {
    try await self.fails(
      name, Conformance(alone: { Broker(FaultyDriver(fault: fault), logger: .silent) }))
  }

  @Test func aClientThatKeepsMoreThanItSaysIsFound() async throws {
    var suite = try NATSConformanceTests.suiteAtOurBroker()
    suite.environment.forgetful?.messagesMax = 10
    try await self.fails(
      "a subscription that does not keep up loses what is beyond its bounds, and nobody else does",
      suite)
  }

  @Test func aConnectionWithoutTLSIsFound() async throws {
    var suite = try NATSConformanceTests.suiteAtOurBroker()
    suite.environment.secure = suite.environment.plain
    try await self.fails("nobody between reads what is said over TLS", suite)
  }

  @Test func aClientThatTrustsAnybodyIsFound() async throws {
    var suite = try NATSConformanceTests.suiteAtOurBroker()
    suite.environment.distrustful = suite.environment.secure
    try await self.fails("a server that nobody vouches for is refused", suite)
  }

  @Test func aClientThatNoticesNoSilenceIsFound() async throws {
    let server = try TestServer()
    var suite = try NATSConformanceTests.suiteAtOurBroker()
    suite.environment.plain = .init(server: { (server.host, server.port) }) {
      try .nats(url: "nats://\($0):\($1)", logger: .silent)
    }
    try await self.fails("a connection that is half open is left for another", suite)
  }
}
