import GodwitConformance
import GodwitEmbedded
import Logging
import Testing

import struct Godwit.Capabilities

@Suite(.timeLimit(.minutes(3))) struct EmbeddedConformanceTests {
  @Test(arguments: Conformance.scenarios)
  func conforms(_ scenario: Scenario) async throws {
    let suite = Conformance(alone: { .embedded(logger: .silent) })
    try await suite.run(scenario)
  }
}
