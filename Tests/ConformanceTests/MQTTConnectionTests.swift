import Godwit
import GodwitDriverKit
import GodwitMQTT
import MQTTWire
import NIOCore
import TestSupport
import Testing

@testable import GodwitConformance

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

  @Test func aPasswordHasOneFormHoweverItIsTyped() async throws {
    let users = "access: {users: [{name: \"andr\\u00E9\", password: \"\\u2168 caf\\u00E9\"}]}"
    let server = try TestServer(users, listener: "mqtt")
    let logins: [(user: String, password: String)] = [
      ("andr\u{E9}", "IX caf\u{E9}"), ("andre\u{301}", "\u{2168}\u{A0}cafe\u{301}"),
    ]
    for (user, password) in logins {
      let error = try await self.failure("mqtt://127.0.0.1:\(server.port)") {
        $0.credentials = .scram(user, password: password)
      }
      #expect(error?.description == nil)
    }
  }

  @Test func aPasswordIsProvenAgain() async throws {
    let server = try TestServer(Self.users, listener: "mqtt")
    let relay = try await Relay(host: server.host, port: server.port)
    var settings = try MQTTSettings(url: "mqtt://\(relay.host):\(relay.port)")
    settings.credentials = .scram("alice", password: "pw @:/")
    settings.timeout = .seconds(5)
    let driver = try MQTTDriver(settings, logger: .silent)
    let broker = Godwit.Broker(driver, logger: .silent)
    let topic = Topic<Int>("a.b")
    let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
    let subscription = Subscription(to: topic, on: broker) {
      continuation.yield($0.payload)
      return .ack
    }
    try await broker.whileRunning {
      try await subscription.whileRunning {
        relay.listen(for: "n,,n=alice")
        try await broker.publish(1, to: topic)
        #expect(!relay.hasHeard)
        try await driver.reauthenticate()
        #expect(relay.hasHeard)
        try await broker.publish(2, to: topic)
        var received = stream.makeAsyncIterator()
        #expect(await [received.next(), received.next()] == [1, 2])
        #expect(broker.state.isConnected)
      }
    }
    await relay.close()
  }

  /// A server that says nothing is not waited for for ever.
  @Test func aProofThatIsNotAnsweredFails() async throws {
    let server = try TestServer(Self.users, listener: "mqtt")
    let relay = try await Relay(host: server.host, port: server.port)
    var settings = try MQTTSettings(url: "mqtt://\(relay.host):\(relay.port)")
    settings.credentials = .scram("alice", password: "pw @:/")
    settings.timeout = .milliseconds(200)
    let driver = try MQTTDriver(settings, logger: .silent)
    defer { driver.stop() }
    try await driver.start()
    relay.fallSilent(.ofServer)
    let error = await #expect(throws: GodwitError.self) { try await driver.reauthenticate() }
    #expect(error?.code == .timeout || error?.code == .disconnected)
    await relay.close()
  }

  @Test func onlyAProofCanBeRepeated() async throws {
    let driver = try MQTTDriver(MQTTSettings(url: "mqtt://u:p@127.0.0.1"), logger: .silent)
    let error = await #expect(throws: GodwitError.self) { try await driver.reauthenticate() }
    #expect(error?.code == .unsupported)
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

  // MARK: Servers that mean no good

  @Test func aServerThatOnlyTalksIsLeft() async throws {
    var (greeting, talk) = (ByteBuffer(), ByteBuffer())
    MQTTEncoder.encode(.connack(MQTTConnack(code: 0)), .v5, into: &greeting)
    MQTTEncoder.encode(
      .publish(MQTTPublish(topic: ByteBuffer(string: "t"), payload: ByteBuffer())), .v5,
      into: &talk)
    let server = try await TalkingServer(greeting: greeting, talk: talk)
    var settings = try MQTTSettings(url: "mqtt://127.0.0.1:\(server.port)")
    settings.keepAliveSeconds = 1
    settings.pingTimeout = .milliseconds(50)
    settings.backoff = .init(initial: .milliseconds(1), max: .milliseconds(2))
    let broker = try Godwit.Broker.mqtt(settings, logger: .silent)
    defer { broker.driver.stop() }
    let states = broker.states()
    try await broker.start()
    for await state in states {
      guard case .reconnecting(let error) = state else { continue }
      #expect(error.message == "the server no longer answers")
      break
    }
    for await state in states where state.isConnected { break }
    #expect(server.visitors > 1)
  }

  // MARK: TLS and WebSocket

  private static func folder(_ certificate: TestCertificate) throws -> TestFolder {
    let folder = try TestFolder()
    try folder.write("cert.pem", certificate.certificate)
    try folder.write("key.pem", certificate.key)
    return folder
  }

  private func tlsServer(
    _ certificate: TestCertificate, listener: String = "mqtt-tls",
    clients: TestCertificate? = nil
  ) throws -> TestServer {
    let folder = try Self.folder(certificate)
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
    try await self.knowsClients("mqtts://localhost:\(server.port)", certificate, client)
  }

  @Test(arguments: MosquittoProcess.programs)
  func mutualTLSAtMosquitto(_ program: String) async throws {
    let certificate = try TestCertificate(host: "localhost")
    let client = try TestCertificate(host: "client")
    let folder = try Self.folder(certificate)
    try folder.write("ca.pem", client.certificate)
    let server = try await Blocking.run {
      try MosquittoProcess(
        program,
        """
        certfile \(folder.path)/cert.pem
        keyfile \(folder.path)/key.pem
        cafile \(folder.path)/ca.pem
        require_certificate true
        """)
    }
    try await self.knowsClients("mqtts://\(server.host):\(server.port)", certificate, client)
  }

  /// A server lets in who shows this certificate, and nobody else.
  private func knowsClients(
    _ url: String, _ certificate: TestCertificate, _ client: TestCertificate
  ) async throws {
    let stranger = try TestCertificate(host: "client")
    for (shown, isKnown) in [(client, true), (stranger, false), (nil, false)] {
      let failure = try await self.failure(url) {
        $0.tls = .init(authorities: .text(certificate.certificate), serverName: "localhost")
        $0.tls.certificate = shown.map { .text($0.certificate) }
        $0.tls.key = shown.map { .text($0.key) }
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

  @Test(arguments: MosquittoProcess.programs, [false, true])
  func webSocketAtMosquitto(_ program: String, _ isSecure: Bool) async throws {
    let certificate = try TestCertificate(host: "localhost")
    let folder = try Self.folder(certificate)
    // It takes no host for them, and does not say which port it was given.
    let port = try ClosedPort().number
    var lines = "listener \(port)\nsocket_domain ipv4\nprotocol websockets\n"
    if isSecure { lines += "certfile \(folder.path)/cert.pem\nkeyfile \(folder.path)/key.pem\n" }
    let server = try await Blocking.run { [lines] in try MosquittoProcess(program, lines) }
    let failure = try await self.failure("mqtt+ws\(isSecure ? "s" : "")://127.0.0.1:\(port)") {
      guard isSecure else { return }
      $0.tls = .init(authorities: .text(certificate.certificate), serverName: "localhost")
    }
    #expect(failure?.description == nil)
    withExtendedLifetime(server) {}
  }
}
