import Godwit
import GodwitConformance
import Testing

@testable import Loopback

@Suite(.timeLimit(.minutes(3))) struct LoopbackTests {
  @Test(arguments: Conformance.scenarios)
  func conforms(_ scenario: Scenario) async throws {
    let suite = Conformance(alone: { Broker(LoopbackDriver()) })
    try await suite.run(scenario)
  }
}
