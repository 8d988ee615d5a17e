import GodwitConformance
import TestSupport

/// A driver at a server: a column of `docs/capabilities.md`.
struct Column: Sendable, CustomStringConvertible {
  /// How many scenarios and processes of this module's tests are at work at a time.
  static let gate = Gate(8)

  let name: String
  /// Whether the page has it.
  var isOnPage = true
  let makeSuite: @Sendable () throws -> Conformance

  var description: String { self.name }

  /// Runs a scenario, and holds what became of it against the page.
  func conforms(_ scenario: Scenario) async throws {
    try await Self.gate.run {
      let suite = try await Blocking.run(self.makeSuite)
      let verdict = try await suite.run(scenario)
      guard self.isOnPage else { return }
      try CapabilityPage.shared.hold(
        verdict, of: scenario, declared: try await suite.capabilities(), in: self.name)
    }
  }
}
