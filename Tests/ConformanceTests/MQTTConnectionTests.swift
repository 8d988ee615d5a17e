import Godwit
import GodwitDriverKit
import GodwitMQTT
import NIOCore
import TestSupport
import Testing

/// How the MQTT driver gets in.
@Suite(.timeLimit(.minutes(2))) struct MQTTConnectionTests {
  /// Why a driver with these settings does not start; `nil` when it does, and then works.
  private func failure(
    _ url: String, _ change: (inout MQTTSettings) -> Void = { _ in }
  ) async throws -> GodwitError? {
    var settings = try MQTTSettings(url: url)
    change(&settings)
    let broker = try Godwit.Broker.mqtt(settings, logger: .silent)
    defer { broker.driver.stop() }
    do throws(GodwitError) {
      try await broker.start()
      try await broker.publish(1, to: Topic<Int>("a.b"))
      return nil
    } catch {
      return error
    }
  }

  // MARK: Credentials

  private static let users = """
    access: {users: [{name: alice, password: "pw @:/"}, {name: bob, password: pw, permissions: \
    {publish: {allow: [a.>]}, subscribe: {deny: [secret.>]}}}]}
    """

  @Test func passwords() async throws {
    let server = try TestServer(Self.users, listener: "mqtt")
    let address = "127.0.0.1:\(server.port)"
    for version in [MQTTSettings.Version.v311, .v5] {
      let failure = try await self.failure("mqtt://alice:pw%20%40%3A%2F@\(address)") {
        $0.version = version
      }
      #expect(failure?.description == nil)
      for login in ["alice:wrong@", "alice@", "carol:pw@", ""] {
        let error = try await self.failure("mqtt://\(login)\(address)") { $0.version = version }
        #expect(error?.code == .notPermitted, "\(login)")
        #expect(error?.isRetriable == false)
      }
    }
  }

  @Test func provenPasswords() async throws {
    let server = try TestServer(Self.users, listener: "mqtt")
    for (password, code) in [("pw @:/", nil), ("wrong", GodwitError.Code.notPermitted)] {
      let error = try await self.failure("mqtt://127.0.0.1:\(server.port)") {
        $0.credentials = .scram("alice", password: password)
      }
      #expect(error?.code == code, "\(String(describing: error))")
    }
  }

  @Test func whatIsNotPermittedFailsAndTheRestGoesOn() async throws {
    let server = try TestServer(Self.users, listener: "mqtt")
    let broker = try Godwit.Broker.mqtt(
      url: "mqtt://bob:pw@127.0.0.1:\(server.port)", logger: .silent)
    defer { broker.driver.stop() }
    let refusal = await #expect(throws: GodwitError.self) {
      try await broker.publish(1, to: Topic<Int>("b.x"))
    }
    #expect(refusal?.code == .notPermitted)
    #expect(refusal?.message.contains("not authorized") == true)
    try await broker.publish(1, to: Topic<Int>("a.x"))
    let subscription = Subscription(to: Topic<Int>("secret.plans"), on: broker) { _ in .ack }
    let refused = await #expect(throws: GodwitError.self) { try await subscription.start() }
    #expect(refused?.code == .notPermitted)
    try await broker.publish(1, to: Topic<Int>("a.x"))
  }

  // MARK: TLS and WebSocket

  private func tlsServer(
    _ certificate: TestCertificate, listener: String = "mqtt-tls",
    clients: TestCertificate? = nil
  ) throws -> TestServer {
    let folder = try TestFolder()
    try folder.write("cert.pem", certificate.certificate)
    try folder.write("key.pem", certificate.key)
    var tls = "certificate: cert.pem, key: key.pem"
    if let clients {
      try folder.write("ca.pem", clients.certificate)
      tls += ", client_ca: ca.pem, verify_clients: true"
    }
    return try TestServer("tls: {\(tls)}", listener: listener, folder: folder)
  }

  @Test func tlsChecksTheServer() async throws {
    let certificate = try TestCertificate(host: "localhost")
    let server = try self.tlsServer(certificate)
    let url = "mqtts://localhost:\(server.port)"
    #expect(try await self.failure(url)?.message.contains("not trusted") == true)
    let trusted = try await self.failure(url) {
      $0.tls.authorities = .text(certificate.certificate)
    }
    #expect(trusted?.description == nil)
    let elsewhere = try await self.failure(url) {
      $0.tls = .init(authorities: .text(certificate.certificate), serverName: "elsewhere")
    }
    #expect(elsewhere?.message.contains("another host") == true)
  }

  @Test func mutualTLS() async throws {
    let certificate = try TestCertificate(host: "localhost")
    let client = try TestCertificate(host: "client")
    let server = try self.tlsServer(certificate, clients: client)
    for isKnown in [true, false] {
      let failure = try await self.failure("mqtts://localhost:\(server.port)") {
        $0.tls.authorities = .text(certificate.certificate)
        guard isKnown else { return }
        $0.tls.certificate = .text(client.certificate)
        $0.tls.key = .text(client.key)
      }
      #expect((failure == nil) == isKnown, "\(String(describing: failure))")
    }
  }

  @Test func webSocket() async throws {
    let server = try TestServer(listener: "mqtt-ws")
    let plain = try await self.failure("mqtt+ws://127.0.0.1:\(server.port)/mqtt")
    #expect(plain?.description == nil)
    let certificate = try TestCertificate(host: "localhost")
    let secure = try self.tlsServer(certificate, listener: "mqtt-wss")
    let failure = try await self.failure("mqtt+wss://localhost:\(secure.port)") {
      $0.tls.authorities = .text(certificate.certificate)
    }
    #expect(failure?.description == nil)
  }
}
