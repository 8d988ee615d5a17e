import GodwitConformance
import GodwitEmbedded
import Logging
import Testing

import struct Godwit.Capabilities

@Suite(.timeLimit(.minutes(3))) struct EmbeddedConformanceTests {
  private static let column = Column(name: "embedded") {
    Conformance(alone: { .embedded(logger: .silent) })
  }

  @Test(arguments: Conformance.scenarios)
  func conforms(_ scenario: Scenario) async throws {
    try await Self.column.conforms(scenario)
  }
}
