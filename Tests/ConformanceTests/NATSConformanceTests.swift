import Godwit
import GodwitConformance
import GodwitNATS
import Testing

/// The NATS driver against our broker, and against nats-server.
@Suite(.timeLimit(.minutes(3))) struct NATSConformanceTests {
  @Test(arguments: Conformance.scenarios)
  func conformsAtOurBroker(_ scenario: Scenario) async throws {
    let server = try TestServer(host: LoopbackAddress.own())
    let suite = Conformance(interrupt: { try server.restart() }) {
      try Self.broker("\(server.host):\(server.port)")
    }
    try await suite.run(scenario)
  }

  @Test(arguments: NATSServerProcess.programs, Conformance.scenarios)
  func conformsAtNATSServer(_ program: String, _ scenario: Scenario) async throws {
    let server = try NATSServerProcess(program)
    let suite = Conformance(interrupt: { try server.restart() }) {
      try Self.broker("\(server.host):\(server.port)")
    }
    try await suite.run(scenario)
  }

  static func broker(_ address: String) throws -> Godwit.Broker {
    var settings = try NATSSettings(url: "nats://\(address)")
    settings.backoff = .init(initial: .milliseconds(20), max: .milliseconds(200))
    return try .nats(settings, logger: .silent)
  }
}
