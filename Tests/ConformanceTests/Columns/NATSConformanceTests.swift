import Godwit
import GodwitConformance
import GodwitDriverKit
import GodwitNATS
import TestSupport
import Testing

/// The NATS driver against our broker, and against nats-server.
@Suite(.timeLimit(.minutes(3))) struct NATSConformanceTests {
  private static let ours = Column(name: "NATS at godwit") { try Self.suiteAtOurBroker() }

  private static let theirs = NATSServerProcess.programs.map { program in
    Column(name: "NATS at nats-server \(NATSServerProcess.version(of: program))") {
      try Self.suite(at: program)
    }
  }

  @Test(arguments: Conformance.scenarios)
  func conformsAtOurBroker(_ scenario: Scenario) async throws {
    try await Self.ours.conforms(scenario)
  }

  @Test(arguments: Self.theirs, Conformance.scenarios)
  func conformsAtNATSServer(_ column: Column, _ scenario: Scenario) async throws {
    try await column.conforms(scenario)
  }

  static func suiteAtOurBroker() throws -> Conformance {
    let server = try TestServer(host: LoopbackAddress.own())
    let certificate = try TestCertificate(host: "localhost")
    let secure = ServerBesides {
      let folder = try Self.folder(certificate)
      return try TestServer(
        "tls: {certificate: cert.pem, key: key.pem}", listener: "nats-tls", folder: folder)
    }
    return Self.suite(
      (server.host, server.port), certificate, { try server.restart() },
      secure: {
        let server = try await Blocking.run(secure.server)
        return (server.host, server.port)
      })
  }

  static func suite(at program: String) throws -> Conformance {
    let server = try NATSServerProcess(program)
    let certificate = try TestCertificate(host: "localhost")
    let folder = try Self.folder(certificate)
    let secure = ServerBesides {
      try NATSServerProcess(
        program,
        ["--tls", "--tlscert", "\(folder.path)/cert.pem", "--tlskey", "\(folder.path)/key.pem"])
    }
    return Self.suite(
      (server.host, server.port), certificate, { try server.restart() },
      secure: {
        let server = try await Blocking.run(secure.server)
        return (server.host, server.port)
      })
  }

  /// The suite for clients of `server`, and of another one that speaks TLS only.
  private static func suite(
    _ server: (host: String, port: Int), _ certificate: TestCertificate,
    _ restart: @escaping @Sendable () throws -> Void,
    secure: @escaping @Sendable () async throws -> (host: String, port: Int)
  ) -> Conformance {
    var suite = Conformance(interrupt: { try await Blocking.run(restart) }) {
      try Self.broker(server.host, server.port)
    }
    suite.environment.plain = .init(server: { server }) {
      try Self.broker($0, $1) {
        // On a busy machine an answer may take a while.
        $0.pingInterval = .milliseconds(200)
        $0.pingTimeout = .milliseconds(1_500)
      }
    }
    let authorities = certificate.certificate
    suite.environment.secure = .init(server: secure) {
      try Self.broker($0, $1) {
        $0.requiresTLS = true
        $0.tls = .init(authorities: .text(authorities), serverName: "localhost")
      }
    }
    suite.environment.distrustful = .init(server: secure) {
      try Self.broker($0, $1) {
        $0.requiresTLS = true
        $0.tls = .init(serverName: "localhost")
      }
    }
    suite.environment.forgetful = (
      100, { try Self.broker(server.host, server.port) { $0.windowLimits.messagesMax = 100 } }
    )
    return suite
  }

  private static func folder(_ certificate: TestCertificate) throws -> TestFolder {
    let folder = try TestFolder()
    try folder.write("cert.pem", certificate.certificate)
    try folder.write("key.pem", certificate.key)
    return folder
  }

  private static func broker(
    _ host: String, _ port: Int, _ change: (inout NATSSettings) -> Void = { _ in }
  ) throws -> Godwit.Broker {
    var settings = try NATSSettings(url: "nats://\(host):\(port)")
    settings.backoff = .init(initial: .milliseconds(20), max: .milliseconds(200))
    change(&settings)
    return try .nats(settings, logger: .silent)
  }
}
