import GodwitConformance

/// A driver at a server: a column of `docs/capabilities.md`.
struct Column: Sendable, CustomStringConvertible {
  let name: String
  let makeSuite: @Sendable () throws -> Conformance

  var description: String { self.name }

  /// Runs a scenario, and holds what became of it against the page.
  func conforms(_ scenario: Scenario) async throws {
    let suite = try self.makeSuite()
    let verdict = try await suite.run(scenario)
    try CapabilityPage.shared.hold(
      verdict, of: scenario, declared: try await suite.capabilities(), in: self.name)
  }
}
