import GodwitBroker
import TestSupport
import Testing

struct SettingsSourceTests {
  private let folder: TestFolder

  init() throws {
    self.folder = try TestFolder()
  }

  private func source(_ yaml: String? = nil, listen: [String] = []) throws -> SettingsSource {
    var source = SettingsSource(environment: [:])
    if let yaml { source.config = try self.folder.write("godwit.yaml", yaml) }
    source.listen = listen
    return source
  }

  private func refusal(_ source: SettingsSource) -> String {
    do throws(BrokerError) {
      try BrokerServer.check(try source.load())
      return "none"
    } catch {
      return error.description.replacing(self.folder.path, with: "FOLDER")
    }
  }

  @Test func withoutAnythingTheStandardPortsAreOnTheLoopback() throws {
    let settings = try SettingsSource(environment: [:]).load()
    #expect(
      settings.listeners.map(\.description) == [
        "nats=127.0.0.1:4222", "nats-ws=127.0.0.1:8080", "mqtt=127.0.0.1:1883",
        "mqtt-ws=127.0.0.1:8083", "kafka=127.0.0.1:9092",
      ])
    #expect(settings.admin == HostAndPort(host: "127.0.0.1", port: 8222))
    #expect(settings.logLevel == "info")
  }

  @Test func theCommandLineWinsOverEnvironmentAndFile() throws {
    var source = try self.source(
      "server: {listen: ['nats=127.0.0.1:1'], log_level: error}\nadmin: {enabled: false}",
      listen: ["mqtt-ws=[::1]:2", "nats=localhost:0"])
    source.environment = ["GODWIT_SERVER_LOG_LEVEL": "notice"]
    #expect(try source.load().logLevel == "notice")
    #expect(try source.load().admin == nil)
    source.logLevel = "debug"
    source.admin = "127.0.0.1:3"
    let settings = try source.load()
    #expect(settings.listeners.map(\.description) == ["mqtt-ws=[::1]:2", "nats=localhost:0"])
    #expect(settings.logLevel == "debug")
    #expect(settings.admin == HostAndPort(host: "127.0.0.1", port: 3))
  }

  static let isNoAddress =
    "is not of the form PROTOCOL=ADDRESS:PORT, with a port from 0 to 65535"

  @Test(arguments: [
    ("nats", "--listen: `nats` \(Self.isNoAddress)"),
    ("nats=127.0.0.1", "--listen: `nats=127.0.0.1` \(Self.isNoAddress)"),
    ("nats=::1:4222", "--listen: `nats=::1:4222` \(Self.isNoAddress)"),
    ("nats=1.2.3.4:70000", "--listen: `nats=1.2.3.4:70000` \(Self.isNoAddress)"),
    (
      "amqp=127.0.0.1:5672",
      "--listen: there is no listener `amqp`, only nats, nats-tls, nats-ws, nats-wss, mqtt, "
        + "mqtt-tls, mqtt-ws, mqtt-wss, kafka, kafka-tls, kafka-ws, kafka-wss"
    ),
    (
      "mqtt-tls=127.0.0.1:8883",
      "mqtt-tls=127.0.0.1:8883: needs tls.certificate and tls.key in the settings"
    ),
    (
      "nats=0.0.0.0:4222",
      "nats=0.0.0.0:4222: other machines can reach this address and nobody would be asked who they "
        + "are; name users (access.users, or `godwit user add`), or allow it with "
        + "`access: {anonymous: true}`"
    ),
  ])
  func listenersAreRefused(_ text: String, _ expected: String) throws {
    #expect(self.refusal(try self.source(listen: [text])) == expected)
  }

  @Test(arguments: [
    "access: {anonymous: true}",
    "access: {anonymous: false}",
    "access: {token: secret}",
    "access: {users: [{name: a, password: b}]}",
  ])
  func openAddressesAreServedWhereSomebodySaidHow(_ yaml: String) throws {
    #expect(self.refusal(try self.source(yaml, listen: ["nats=0.0.0.0:0"])) == "none")
  }

  @Test func anOpenAdminAddressNeedsALogIn() throws {
    let open = "admin: {address: '0.0.0.0:8222'"
    #expect(
      self.refusal(try self.source("\(open)}"))
        == "admin=0.0.0.0:8222: other machines can reach this address and nobody would be asked "
        + "who they are; say admin.user and admin.password, or admin.token")
    #expect(self.refusal(try self.source("\(open), token: t}")) == "none")
    #expect(self.refusal(try self.source("\(open), user: u, password: p}")) == "none")
    #expect(
      self.refusal(try self.source("\(open), user: u}"))
        == "FOLDER/godwit.yaml: admin.password: must be said together with admin.user")
  }

  @Test(arguments: [
    (
      "nats: {max_paylod: 1}",
      "FOLDER/godwit.yaml: nats.max_paylod: unknown key; did you mean `max_payload`? (line 1)"
    ),
    (
      "admin: {address: here}",
      "FOLDER/godwit.yaml: admin.address: must be of the form ADDRESS:PORT"
    ),
    (
      "access: {users_file: none.yaml}",
      "cannot read FOLDER/none.yaml: No such file or directory"
    ),
    ("tls: {certificate: a.pem}", "tls.certificate and tls.key must both be said"),
    (
      "tls: {verify_clients: true}",
      "tls.certificate and tls.key must be said when clients are verified"
    ),
    (
      "tls: {certificate: a.pem, key: b.pem, verify_clients: true}",
      "tls.client_ca must be said when tls.verify_clients is true"
    ),
    (
      "tls: {certificate: a.pem, key: b.pem}",
      "tls.certificate: cannot read FOLDER/a.pem: No such file or directory"
    ),
    (
      "tls: {certificate: godwit.yaml, key: b.pem}",
      "tls.certificate: FOLDER/godwit.yaml holds no certificate in PEM form"
    ),
    (
      "mqtt: {automatic_subscriptions: [{filter: 'a/#/b'}]}",
      "mqtt.automatic_subscriptions[0].filter: not a topic filter"
    ),
    ("access: {users: [{name: a}]}", "access.users[0]: needs a password, an nkey or a certificate"),
  ])
  func settingsAreRefused(_ yaml: String, _ expected: String) throws {
    #expect(self.refusal(try self.source(yaml)) == expected)
  }

  @Test func keyAndCertificateMustBelongTogether() throws {
    let one = try TestCertificate(host: "one")
    let other = try TestCertificate(host: "other")
    try self.folder.write("one.pem", one.certificate)
    try self.folder.write("one.key", one.key)
    try self.folder.write("other.key", other.key)
    let listen = ["nats-tls=127.0.0.1:0"]
    let good = "tls: {certificate: one.pem, key: one.key, min_version: '1.3', client_ca: one.pem}"
    #expect(self.refusal(try self.source(good, listen: listen)) == "none")
    #expect(
      self.refusal(try self.source("tls: {certificate: one.pem, key: other.key}", listen: listen))
        == "tls.key: FOLDER/other.key does not belong to the certificate FOLDER/one.pem")
    #expect(
      self.refusal(try self.source("tls: {certificate: one.pem, key: one.pem}", listen: listen))
        == "tls.key: FOLDER/one.pem holds no private key in PEM form")
  }

  @Test func theUsersFileIsChecked() throws {
    try self.folder.write("users.yaml", "users:\n  - name: a\n    pasword: b\n")
    #expect(
      self.refusal(try self.source("access: {users_file: users.yaml}"))
        .hasPrefix("FOLDER/users.yaml: "))
    var users = UsersFile()
    users.set(name: "a", password: PasswordHash(password: Array("b".utf8)), tenant: nil)
    try self.folder.write("users.yaml", users.text)
    // A user in the file is as good as one in the settings.
    let source = try self.source(
      "access: {users_file: users.yaml}", listen: ["nats=0.0.0.0:0"])
    #expect(self.refusal(source) == "none")
  }
}
