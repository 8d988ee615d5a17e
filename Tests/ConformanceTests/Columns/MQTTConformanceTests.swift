import Godwit
import GodwitConformance
import GodwitDriverKit
import GodwitMQTT
import TestSupport
import Testing

/// The MQTT driver against our broker, and against Mosquitto.
@Suite(.timeLimit(.minutes(5))) struct MQTTConformanceTests {
  private static let ours = [
    Column(name: "MQTT 5.0 at godwit") { try Self.suiteAtOurBroker() },
    Column(name: "MQTT 3.1.1 at godwit") { try Self.suiteAtOurBroker { $0.version = .v311 } },
  ]

  private static let theirs = MosquittoProcess.programs.flatMap { program in
    let version = MosquittoProcess.version(of: program)
    return [
      Column(name: "MQTT 5.0 at Mosquitto \(version)") { try Self.suite(at: program) },
      Column(name: "MQTT 3.1.1 at Mosquitto \(version)") {
        try Self.suite(at: program) { $0.version = .v311 }
      },
    ]
  }

  /// Other qualities of service, which are no columns of the page.
  private static let others = [MQTTSettings.QualityOfService.atMostOnce, .exactlyOnce].map { qos in
    Column(name: "MQTT 5.0 at godwit, \(qos)", isOnPage: false) {
      try Self.suiteAtOurBroker { $0.qos = qos }
    }
  }

  @Test(arguments: Self.ours, Conformance.scenarios)
  func conformsAtOurBroker(_ column: Column, _ scenario: Scenario) async throws {
    try await column.conforms(scenario)
  }

  @Test(arguments: Self.theirs, Conformance.scenarios)
  func conformsAtMosquitto(_ column: Column, _ scenario: Scenario) async throws {
    try await column.conforms(scenario)
  }

  @Test(arguments: Self.others, Conformance.scenarios)
  func conformsAtOtherQualities(_ column: Column, _ scenario: Scenario) async throws {
    try await column.conforms(scenario)
  }

  // As much for a slow subscription as the scenarios publish.
  private static let queues = "mqtt: {max_queued: 10000}"

  private static func suiteAtOurBroker(
    _ change: @escaping @Sendable (inout MQTTSettings) -> Void = { _ in }
  ) throws -> Conformance {
    let server = try TestServer(Self.queues, listener: "mqtt", host: LoopbackAddress.own())
    let certificate = try TestCertificate(host: "localhost")
    let secure = ServerBesides {
      try TestServer(
        "\(Self.queues)\ntls: {certificate: cert.pem, key: key.pem}", listener: "mqtt-tls",
        folder: Self.folder(certificate))
    }
    return Self.suite(
      (server.host, server.port), certificate, { try server.restart() },
      secure: {
        let server = try await Blocking.run(secure.server)
        return (server.host, server.port)
      }, change)
  }

  private static func suite(
    at program: String, _ change: @escaping @Sendable (inout MQTTSettings) -> Void = { _ in }
  ) throws -> Conformance {
    let server = try MosquittoProcess(program)
    let certificate = try TestCertificate(host: "localhost")
    let folder = try Self.folder(certificate)
    let secure = ServerBesides {
      try MosquittoProcess(
        program, "certfile \(folder.path)/cert.pem\nkeyfile \(folder.path)/key.pem")
    }
    return Self.suite(
      (server.host, server.port), certificate, { try server.restart() },
      secure: {
        let server = try await Blocking.run(secure.server)
        return (server.host, server.port)
      }, change)
  }

  /// The suite for clients of `server`, and of another one that speaks TLS only.
  private static func suite(
    _ server: (host: String, port: Int), _ certificate: TestCertificate,
    _ restart: @escaping @Sendable () throws -> Void,
    secure: @escaping @Sendable () async throws -> (host: String, port: Int),
    _ change: @escaping @Sendable (inout MQTTSettings) -> Void
  ) -> Conformance {
    @Sendable func broker(
      _ host: String, _ port: Int, scheme: String = "mqtt",
      _ also: (inout MQTTSettings) -> Void = { _ in }
    ) throws -> Godwit.Broker {
      var settings = try MQTTSettings(url: "\(scheme)://\(host):\(port)")
      settings.backoff = .init(initial: .milliseconds(20), max: .milliseconds(200))
      change(&settings)
      also(&settings)
      return try .mqtt(settings, logger: .silent)
    }
    var suite = Conformance(interrupt: { try await Blocking.run(restart) }) {
      try broker(server.host, server.port)
    }
    suite.environment.plain = .init(server: { server }) {
      try broker($0, $1) {
        // On a busy machine an answer may take a while.
        $0.keepAliveSeconds = 1
        $0.pingTimeout = .milliseconds(1_250)
      }
    }
    let authorities = certificate.certificate
    suite.environment.secure = .init(server: secure) {
      try broker($0, $1, scheme: "mqtts") {
        $0.tls = .init(authorities: .text(authorities), serverName: "localhost")
      }
    }
    suite.environment.distrustful = .init(server: secure) {
      try broker($0, $1, scheme: "mqtts") { $0.tls = .init(serverName: "localhost") }
    }
    return suite
  }

  private static func folder(_ certificate: TestCertificate) throws -> TestFolder {
    let folder = try TestFolder()
    try folder.write("cert.pem", certificate.certificate)
    try folder.write("key.pem", certificate.key)
    return folder
  }
}
