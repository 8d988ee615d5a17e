import GodwitBroker
import GodwitFrontEndKit
import Logging
import TestSupport
import Testing

/// The broker as `godwit serve` runs it, on ports of its own.
struct BrokerServerTests {
  private let folder: TestFolder

  init() throws {
    self.folder = try TestFolder()
  }

  private func source(
    _ yaml: String = "", listen: [String] = ["nats=127.0.0.1:0", "mqtt=127.0.0.1:0"]
  ) throws -> SettingsSource {
    var source = SettingsSource(environment: [:])
    source.config = try self.folder.write("godwit.yaml", yaml)
    source.listen = listen
    source.admin = "127.0.0.1:0"
    return source
  }

  private func start(_ source: SettingsSource) throws -> BrokerServer {
    try BrokerServer.start(
      try source.load(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private func port(_ name: String, of broker: BrokerServer) throws -> Int {
    try #require(broker.addresses.first { $0.name == name }).address.port
  }

  /// A NATS client that has said who it is.
  private func client(_ broker: BrokerServer, user: String? = nil) throws -> BlockingSocket {
    let socket = try BlockingSocket(port: try self.port("nats", of: broker))
    _ = try socket.read(until: "\r\n")
    let login = user.map { ",\"user\":\"\($0)\",\"pass\":\"pw\"" } ?? ""
    try socket.send("CONNECT {\"verbose\":false,\"protocol\":1\(login)}\r\nPING\r\n")
    return socket
  }

  @Test(.timeLimit(.minutes(1))) func itStopsOnce() throws {
    let broker = try self.start(try self.source())
    broker.stop()
    broker.stop()
    #expect(throws: (any Error).self) { try self.client(broker) }
  }

  @Test func theReadyLineNamesWhatWasBound() throws {
    let broker = try self.start(try self.source())
    defer { broker.stop() }
    let ports = try ["nats", "mqtt", "admin"].map { try self.port($0, of: broker) }
    #expect(!ports.contains(0))
    #expect(
      broker.readyLine
        == "godwit ready nats=127.0.0.1:\(ports[0]) mqtt=127.0.0.1:\(ports[1]) "
        + "admin=127.0.0.1:\(ports[2])")
  }

  @Test func protocolsMeet() throws {
    let broker = try self.start(try self.source())
    defer { broker.stop() }
    let nats = try self.client(broker)
    _ = try nats.read(until: "PONG\r\n")
    try nats.send("SUB a.b 1\r\nPING\r\n")
    _ = try nats.read(until: "PONG\r\n")
    let mqtt = try BlockingSocket(port: try self.port("mqtt", of: broker))
    try mqtt.send([0x10, 13, 0, 4] + Array("MQTT".utf8) + [4, 2, 0, 60, 0, 1, 0x78])
    #expect(try mqtt.read(count: 4) == [0x20, 2, 0, 0])
    try mqtt.send([0x30, 7, 0, 3] + Array("a/b!!".utf8))
    #expect(try nats.read(until: "!!\r\n").hasPrefix("MSG a.b 1 2\r\n"))
  }

  @Test func aTakenPortIsNamedAndNothingIsServed() throws {
    let first = try self.start(try self.source(listen: ["mqtt=127.0.0.1:0"]))
    defer { first.stop() }
    let taken = try self.port("mqtt", of: first)
    let second = try self.source(listen: ["nats=127.0.0.1:0", "mqtt=127.0.0.1:\(taken)"])
    #expect(
      throws: BrokerError(
        "cannot listen on mqtt=127.0.0.1:\(taken): the port is taken")
    ) { try self.start(second) }
  }

  @Test func stoppingTellsClientsAndEndsThem() throws {
    let broker = try self.start(try self.source("nats: {lame_duck_grace_seconds: 0}"))
    let client = try self.client(broker)
    _ = try client.read(until: "PONG\r\n")
    broker.stop()
    #expect(try client.readToEnd().contains("\"ldm\":true"))
    #expect(throws: BlockingSocket.Failure.self) {
      try BlockingSocket(port: try self.port("nats", of: broker))
    }
  }

  @Test func aClientThatStaysIsCutAfterTheGracePeriod() throws {
    let broker = try self.start(
      try self.source(
        "server: {shutdown_grace_seconds: 0.05}\nnats: {lame_duck_grace_seconds: 600}"))
    let client = try self.client(broker)
    _ = try client.read(until: "PONG\r\n")
    broker.stop()
    _ = try client.readToEnd()
  }

  private func users(_ names: String...) -> String {
    "access:\n  users:\n"
      + names.map { "    - {name: \($0), password: pw}\n" }.joined()
  }

  @Test func reloadLetsInAndOutWithoutDroppingTheRest() throws {
    let broker = try self.start(try self.source(self.users("stays", "goes")))
    defer { broker.stop() }
    let stays = try self.client(broker, user: "stays")
    let goes = try self.client(broker, user: "goes")
    _ = try stays.read(until: "PONG\r\n")
    _ = try goes.read(until: "PONG\r\n")
    #expect(try self.client(broker, user: "comes").readToEnd().contains("Authorization Violation"))
    try broker.reload(try self.source(self.users("stays", "comes")).load())
    #expect(try goes.readToEnd().contains("-ERR"))
    #expect(try self.client(broker, user: "comes").read(until: "PONG\r\n").contains("PONG"))
    try stays.send("PING\r\n")
    #expect(try !stays.read(until: "PONG\r\n").contains("-ERR"))
  }

  @Test func aReloadThatMakesNoSenseChangesNothing() throws {
    let broker = try self.start(try self.source(self.users("stays")))
    defer { broker.stop() }
    let wrong = try self.source(
      self.users("comes") + "mqtt: {automatic_subscriptions: [{filter: 'a/#/b'}]}"
    ).load()
    #expect(throws: BrokerError("mqtt.automatic_subscriptions[0].filter: not a topic filter")) {
      try broker.reload(wrong)
    }
    #expect(try self.client(broker, user: "stays").read(until: "PONG\r\n").contains("PONG"))
    #expect(try self.client(broker, user: "comes").readToEnd().contains("Authorization Violation"))
  }

  @Test func reloadChangesTheAdminLogIn() throws {
    let hash = PasswordHash(password: Array("pw".utf8)).text
    let broker = try self.start(
      try self.source("admin: {user: ops, password: '\(hash)', token: first}"))
    defer { broker.stop() }
    func status(_ authorization: String) throws -> String {
      let socket = try BlockingSocket(port: try self.port("admin", of: broker))
      try socket.send(
        "GET /varz HTTP/1.1\r\nHost: localhost\r\nAuthorization: \(authorization)\r\n"
          + "Connection: close\r\n\r\n")
      return String(try socket.read(until: "\r\n").split(separator: " ")[1])
    }
    // ops:pw and ops:no.
    #expect(try status("Basic b3BzOnB3") == "200")
    #expect(try status("Basic b3BzOm5v") == "401")
    #expect(try status("Bearer first") == "200")
    try broker.reload(try self.source("admin: {token: second}").load())
    #expect(try status("Bearer first") == "401")
    #expect(try status("Basic b3BzOnB3") == "401")
    #expect(try status("Bearer second") == "200")
  }
}
