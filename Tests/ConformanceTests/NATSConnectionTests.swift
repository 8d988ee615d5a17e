import Crypto
import Godwit
import GodwitDriverKit
import GodwitNATS
import NATSWire
import NIOCore
import TestSupport
import Testing

/// How the NATS driver gets in, and what it does where it does not.
@Suite(.timeLimit(.minutes(2))) struct NATSConnectionTests {
  private func settings(_ url: String) throws -> NATSSettings {
    var settings = try NATSSettings(url: url)
    settings.backoff = .init(initial: .milliseconds(10), max: .milliseconds(50))
    return settings
  }

  /// Why a driver with these settings does not start; `nil` when it does, and then works.
  private func failure(_ settings: NATSSettings) async throws -> GodwitError? {
    let broker = try Godwit.Broker.nats(settings, logger: .silent)
    defer { broker.driver.stop() }
    do throws(GodwitError) {
      try await broker.start()
      try await broker.publish(1, to: Topic<Int>("a.b"))
      return nil
    } catch {
      return error
    }
  }

  private func works(
    _ settings: NATSSettings, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let failure = try await self.failure(settings)?.description
    #expect(failure == nil, sourceLocation: sourceLocation)
  }

  private func message(_ topic: String) -> Message {
    Message(topic: topic, body: ByteBuffer(string: "x"))
  }

  // MARK: Credentials

  private static let users = """
    access:
      token: tok
      users:
        - {name: alice, password: "pw @:/"}
        - name: bob
          password: pw
          permissions: {publish: {allow: [a.>, _INBOX.>]}, subscribe: {deny: [secret.>]}}
    """

  @Test func usersAndTokens() async throws {
    let server = try TestServer(Self.users)
    let address = "127.0.0.1:\(server.port)"
    #expect(try await self.failure(self.settings("nats://alice:pw%20%40%3A%2F@\(address)")) == nil)
    #expect(try await self.failure(self.settings("nats://tok@\(address)")) == nil)
    for login in ["alice:wrong@", "wrong@", "carol:pw@", ""] {
      let error = try await self.failure(self.settings("nats://\(login)\(address)"))
      #expect(error?.code == .notPermitted, "\(login)")
      #expect(error?.isRetriable == false)
    }
  }

  @Test func nkeys() async throws {
    let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
    let own = try Curve25519.Signing.PrivateKey(
      rawRepresentation: #require(NATSNkey.userSeed(seed)))
    for (key, code) in [(own, nil), (.init(), GodwitError.Code.notPermitted)] {
      let bytes = Array(key.publicKey.rawRepresentation)
      let nkey = try #require(NATSNkey(role: .user, publicKey: bytes)).text
      let server = try TestServer("access: {users: [{name: nk, nkey: \(nkey)}]}")
      var settings = try self.settings("nats://127.0.0.1:\(server.port)")
      settings.credentials = .nkey(seed: seed)
      #expect(try await self.failure(settings)?.code == code)
    }
  }

  @Test func whatIsNotPermittedFailsAndTheRestGoesOn() async throws {
    let server = try TestServer(Self.users)
    let broker = try Godwit.Broker.nats(
      self.settings("nats://bob:pw@127.0.0.1:\(server.port)"), logger: .silent)
    defer { broker.driver.stop() }
    let refusal = await #expect(throws: GodwitError.self) {
      try await broker.publish(self.message("b.x"))
    }
    #expect(refusal?.code == .notPermitted)
    try await broker.publish(self.message("a.x"))
    let subscription = Subscription(to: Topic<Int>("secret.plans"), on: broker) { _ in .ack }
    let refused = await #expect(throws: GodwitError.self) { try await subscription.start() }
    #expect(refused?.code == .notPermitted)
    try await broker.publish(self.message("a.x"))
  }

  // MARK: TLS and WebSocket

  private func tlsServer(
    _ certificate: TestCertificate, nats: String = "", listener: String = "nats-tls",
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
    return try TestServer("tls: {\(tls)}", nats: nats, listener: listener, folder: folder)
  }

  @Test func tlsChecksTheServer() async throws {
    let certificate = try TestCertificate(host: "localhost")
    let server = try self.tlsServer(certificate)
    var settings = try self.settings("tls://localhost:\(server.port)")
    let untrusted = try await self.failure(settings)
    #expect(untrusted?.message.contains("not trusted") == true, "\(String(describing: untrusted))")
    settings.tls.authorities = .text(certificate.certificate)
    try await self.works(settings)
    // TLS is spoken where the server wants it, also when nobody asked for it.
    settings.requiresTLS = false
    try await self.works(settings)
    settings.tls.serverName = "elsewhere"
    #expect(try await self.failure(settings)?.message.contains("another host") == true)
    settings.tls = TLSSettings(verifiesServer: false)
    try await self.works(settings)
  }

  @Test func tlsIsNotDoneWithout() async throws {
    let server = try TestServer()
    let error = try await self.failure(self.settings("tls://127.0.0.1:\(server.port)"))
    #expect(error?.message == "the server offers no TLS")
  }

  @Test func tlsFirst() async throws {
    let certificate = try TestCertificate(host: "localhost")
    let server = try self.tlsServer(certificate, nats: "tls_first: true")
    var settings = try self.settings("tls://localhost:\(server.port)")
    settings.tls.authorities = .text(certificate.certificate)
    settings.beginsWithTLS = true
    try await self.works(settings)
    settings.beginsWithTLS = false
    settings.connectTimeout = .milliseconds(200)
    #expect(try await self.failure(settings) != nil)
  }

  @Test func aStartThatFailedMayBeTriedAgain() async throws {
    let server = try await ScriptedServer(
      greeting: { $0 == 1 ? "-ERR 'Authorization Violation'\r\n" : "INFO {\"headers\":true}\r\n" },
      script: ScriptedServer.friendly)
    let broker = try Godwit.Broker.nats(
      self.settings("nats://127.0.0.1:\(server.port)"), logger: .silent)
    defer { broker.driver.stop() }
    let error = await #expect(throws: GodwitError.self) { try await broker.start() }
    #expect(error?.code == .notPermitted)
    try await broker.start()
    try await broker.publish(self.message("a"))
  }

  @Test func mutualTLS() async throws {
    let certificate = try TestCertificate(host: "localhost")
    let client = try TestCertificate(host: "client")
    let server = try self.tlsServer(certificate, clients: client)
    var settings = try self.settings("tls://localhost:\(server.port)")
    settings.tls.authorities = .text(certificate.certificate)
    #expect(try await self.failure(settings)?.code == .disconnected)
    settings.tls.certificate = .text(client.certificate)
    settings.tls.key = .text(client.key)
    try await self.works(settings)
  }

  @Test func webSocket() async throws {
    let server = try TestServer(listener: "nats-ws")
    #expect(try await self.failure(self.settings("ws://127.0.0.1:\(server.port)")) == nil)
    let certificate = try TestCertificate(host: "localhost")
    let secure = try self.tlsServer(certificate, listener: "nats-wss")
    var settings = try self.settings("wss://localhost:\(secure.port)")
    settings.tls.authorities = .text(certificate.certificate)
    try await self.works(settings)
  }

  @Test func aServerWithoutWebSocketIsSaid() async throws {
    let server = try await ScriptedServer(greeting: { _ in "" }) { line, _ in
      line.isEmpty ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" : ""
    }
    let error = try await self.failure(self.settings("ws://127.0.0.1:\(server.port)"))
    #expect(error?.message.contains("404") == true, "\(String(describing: error))")
  }

  // MARK: Servers

  @Test func whereNobodyListensTheStartFails() async throws {
    let port = try ClosedPort()
    let error = try await self.failure(self.settings("nats://127.0.0.1:\(port.number)"))
    #expect(error?.code == .disconnected)
    #expect(error?.message.contains("connection refused") == true)
  }

  @Test func oneOfSeveralServersIsEnough() async throws {
    let port = try ClosedPort()
    let server = try TestServer()
    var settings = try self.settings(
      "nats://127.0.0.1:\(port.number),nats://127.0.0.1:\(server.port)")
    settings.keepsOrder = true
    try await self.works(settings)
  }

  @Test func serversOfAClusterAreGoneTo() async throws {
    let second = try await ScriptedServer()
    let urls = "\"connect_urls\":[\"127.0.0.1:\(second.port)\"]"
    // The first lets nobody in a second time.
    let first = try await ScriptedServer(
      greeting: { $0 == 1 ? "INFO {\"headers\":true,\(urls)}\r\n" : "-ERR 'no'\r\n" },
      script: { line, _ in
        line.hasPrefix("HPUB") ? nil : ScriptedServer.friendly(line, 1)
      })
    let broker = try Godwit.Broker.nats(
      self.settings("nats://127.0.0.1:\(first.port)"), logger: .silent)
    defer { broker.driver.stop() }
    try await broker.start()
    let lost = await #expect(throws: GodwitError.self) {
      try await broker.publish(self.message("a"))
    }
    #expect(lost?.code == .unconfirmed)
    try await broker.publish(self.message("a"))
    #expect(second.heard.contains { $0.hasPrefix("HPUB a ") })
  }

  @Test func aServerThatWillStopIsLeft() async throws {
    let second = try await ScriptedServer()
    let urls = "\"connect_urls\":[\"127.0.0.1:\(second.port)\"]"
    let first = try await ScriptedServer { line, _ in
      guard line.hasPrefix("SUB") else { return ScriptedServer.friendly(line, 1) }
      return "INFO {\"headers\":true,\"ldm\":true,\(urls)}\r\n"
    }
    let broker = try Godwit.Broker.nats(
      self.settings("nats://127.0.0.1:\(first.port)"), logger: .silent)
    defer { broker.driver.stop() }
    try await broker.start()
    let subscription = Subscription(to: Topic<Int>("a"), on: broker) { _ in .ack }
    try await subscription.start()
    // Moves without being cut off, and takes its subscription along.
    try await broker.publish(self.message("b"))
    #expect(second.heard.contains { $0.hasPrefix("SUB a ") })
    #expect(second.heard.contains { $0.hasPrefix("HPUB b ") })
    #expect(!first.heard.contains { $0.hasPrefix("HPUB") })
  }

  @Test func aServerThatNoLongerAnswersIsLeft() async throws {
    let server = try await ScriptedServer { line, connection in
      // The first connection answers the login, and then nothing.
      if connection > 1 { return ScriptedServer.friendly(line, connection) }
      return line.hasPrefix("CONNECT") ? "PONG\r\n" : ""
    }
    var settings = try self.settings("nats://127.0.0.1:\(server.port)")
    settings.pingInterval = .milliseconds(20)
    settings.pingTimeout = .milliseconds(50)
    let broker = try Godwit.Broker.nats(settings, logger: .silent)
    defer { broker.driver.stop() }
    let states = broker.states()
    try await broker.start()
    for await state in states {
      if case .reconnecting(let error) = state {
        #expect(error.message == "the server no longer answers")
        break
      }
    }
    for await state in broker.states() where state.isConnected { break }
  }

  // MARK: Publishes

  @Test func withoutConfirmationAPublishIsUnconfirmed() async throws {
    let server = try await ScriptedServer { line, _ in
      line.hasPrefix("CONNECT") ? "PONG\r\n" : ""
    }
    var settings = try self.settings("nats://127.0.0.1:\(server.port)")
    settings.timeout = .milliseconds(50)
    let broker = try Godwit.Broker.nats(settings, logger: .silent)
    defer { broker.driver.stop() }
    try await broker.start()
    let error = await #expect(throws: GodwitError.self) {
      try await broker.publish(self.message("a"))
    }
    #expect(error?.code == .unconfirmed)
    #expect(error?.isRetriable == true)
  }

  @Test func withoutAConnectionAPublishIsNotPublished() async throws {
    // Lets the first connection in, drops it at once, and lets nobody else in.
    let server = try await ScriptedServer(
      greeting: { $0 == 1 ? "INFO {\"headers\":true}\r\n" : "" },
      script: { line, connection in
        line.hasPrefix("SUB") ? nil : line.hasPrefix("CONNECT") ? "PONG\r\n" : ""
      })
    var settings = try self.settings("nats://127.0.0.1:\(server.port)")
    settings.timeout = .milliseconds(100)
    let broker = try Godwit.Broker.nats(settings, logger: .silent)
    defer { broker.driver.stop() }
    try await broker.start()
    let subscription = Subscription(to: Topic<Int>("a"), on: broker) { _ in .ack }
    let unmade = await #expect(throws: GodwitError.self) { try await subscription.start() }
    #expect(unmade?.code == .timeout)
    // A busy machine may take longer to tell the client of the drop than the subscription waits.
    for await state in broker.states() {
      if case .reconnecting = state { break }
    }
    let error = await #expect(throws: GodwitError.self) {
      try await broker.publish(self.message("a"))
    }
    #expect(error?.code == .disconnected)
    #expect(error?.message.contains("not published") == true)
  }

  @Test func whatWaitsIsBounded() async throws {
    let server = try await ScriptedServer(greeting: { _ in "" }) { _, _ in "" }
    var settings = try self.settings("nats://127.0.0.1:\(server.port)")
    settings.pendingBytesMax = 10_000
    let broker = try Godwit.Broker.nats(settings, logger: .silent)
    defer { broker.driver.stop() }
    let large = Message(topic: "a", body: ByteBuffer(repeating: 1, count: 6_000))
    try await broker.send(large)
    let error = await #expect(throws: GodwitError.self) { try await broker.send(large) }
    #expect(error?.code == .overloaded)
  }

  @Test func aCancelledPublishEndsAtOnce() async throws {
    let server = try await ScriptedServer { line, _ in
      line.hasPrefix("CONNECT") ? "PONG\r\n" : ""
    }
    let broker = try Godwit.Broker.nats(
      self.settings("nats://127.0.0.1:\(server.port)"), logger: .silent)
    defer { broker.driver.stop() }
    try await broker.start()
    let message = self.message("a")
    let publish = Task { try await broker.publish(message) }
    publish.cancel()
    let error = await #expect(throws: GodwitError.self) { try await publish.value }
    #expect(error?.code == .cancelled)
  }

  // MARK: Configuration

  @Test func aURLIsAllThatChanges() async throws {
    let server = try TestServer("access: {token: tok}")
    let registry: DriverRegistry = [.nats]
    let url = "nats://127.0.0.1:\(server.port)"
    let driver = try registry.driver(for: ["\(url)?token=tok&timeout_seconds=2"])
    #expect(driver is NATSDriver)
    defer { driver.stop() }
    try await driver.start()
    #expect(driver.system == "nats")
    for wrong in [
      "nats://a:b@127.0.0.1?token=x", "nats://127.0.0.1?retries=3", "nats://127.0.0.1/path",
      "nats://127.0.0.1?nkey_seed=SU", "nats://127.0.0.1?credentials_file=%2Fnowhere",
      "nats://127.0.0.1?timeout_seconds=0", "nats://127.0.0.1?token=a&nkey_seed=b",
    ] {
      let error = #expect(throws: GodwitError.self, "\(wrong)") {
        try registry.driver(for: [wrong])
      }
      #expect(error?.code == .invalidArgument)
    }
  }
}
