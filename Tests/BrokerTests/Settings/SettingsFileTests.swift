import GodwitBroker
import GodwitFrontEndKit
import Testing

struct SettingsFileTests {
  private func file(_ yaml: String, _ environment: [String: String] = [:]) throws -> SettingsFile {
    try SettingsFile(yaml: yaml, environment: environment)
  }

  private func error(_ yaml: String, _ environment: [String: String] = [:]) -> String? {
    do {
      _ = try self.file(yaml, environment)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func linesMayEndAsOnWindows() throws {
    let file = try self.file(
      "admin:\r\n  address: 127.0.0.1:1\r\nserver:\r\n  listen:\r\n    - mqtt=127.0.0.1:0\r\n")
    #expect(file["admin"].text("address") == "127.0.0.1:1")
    #expect(file["server"].texts("listen") == ["mqtt=127.0.0.1:0"])
  }

  @Test func nothingSaidIsTheDefaults() throws {
    let file = try SettingsFile(yaml: nil, environment: [:])
    #expect(file["admin"].text("address") == "127.0.0.1:8222")
    #expect(file["limits"].int("connections_max") == 65_536)
    #expect(file["server"].texts("listen") == [])
    #expect(!file.saysAnonymous)
    #expect(!file["access"].has("anonymous"))
  }

  @Test(arguments: [
    ("admin:\n  listen: x", "admin.listen: unknown key (line 2)"),
    ("server:\n  admin: x", "server.admin: unknown key (line 2)"),
    ("natz: {}", "natz: unknown section; did you mean `nats`? (line 1)"),
    (
      "server:\n  nam: x", "server.nam: unknown key; did you mean `name`? (line 2)"
    ),
    ("server: 5", "server: must be a map of keys (line 1)"),
    (
      "limits: {connections_max: 0}",
      "limits.connections_max: must be from 1 to 10000000 (line 1)"
    ),
    ("limits: {connections_max: many}", "limits.connections_max: must be a whole number (line 1)"),
    ("admin: {enabled: 3}", "admin.enabled: must be true or false (line 1)"),
    ("server: {listen: nats}", "server.listen: must be a list of texts (line 1)"),
    (
      "server: {log_level: loud}",
      "server.log_level: must be one of trace, debug, info, notice, warning, error, critical "
        + "(line 1)"
    ),
    (
      "access:\n  users:\n    - nmae: a",
      "access.users[0].nmae: unknown key; did you mean `name`? (line 3)"
    ),
    ("access: {users: [a]}", "access.users[0]: must be a map of keys"),
    ("[1, 2]", "the file: must be a map of sections"),
  ])
  func refusalsSayWhereAndWhat(_ yaml: String, _ expected: String) {
    #expect(self.error(yaml) == expected)
  }

  @Test func whatIsNotYAMLIsSaidOnOneLine() throws {
    let message = try #require(self.error("a: [1"))
    #expect(message.hasPrefix("the file: not YAML: "))
    #expect(!message.contains("\n"))
  }

  @Test func aKeySaidTwiceIsRefused() {
    #expect(self.error("server: {name: a, name: b}") != nil)
  }

  @Test func theEnvironmentWins() throws {
    let file = try self.file(
      "server: {name: a}\nlimits: {connections_max: 5}",
      [
        "GODWIT_SERVER_NAME": "b", "GODWIT_LIMITS_CONNECTIONS_MAX": "7",
        "GODWIT_ADMIN_ENABLED": "false", "GODWIT_SERVER_SHUTDOWN_GRACE_SECONDS": "1.5",
        "GODWIT_SERVER_LISTEN": "nats=127.0.0.1:0,mqtt=127.0.0.1:0",
        "GODWIT_ACCESS_ANONYMOUS": "true",
      ])
    #expect(file["server"].text("name") == "b")
    #expect(file["limits"].int("connections_max") == 7)
    #expect(!file["admin"].bool("enabled"))
    #expect(file["server"].double("shutdown_grace_seconds") == 1.5)
    #expect(file["server"].texts("listen") == ["nats=127.0.0.1:0", "mqtt=127.0.0.1:0"])
    #expect(file.saysAnonymous)
  }

  @Test func theEnvironmentIsCheckedToo() {
    #expect(
      self.error("", ["GODWIT_LIMITS_CONNECTIONS_MAX": "0"])
        == "limits.connections_max: must be from 1 to 10000000")
    #expect(
      self.error("", ["GODWIT_LIMITS_CONNECTIONS_MAX": "x"])
        == "GODWIT_LIMITS_CONNECTIONS_MAX: must be a whole number")
    #expect(
      self.error("", ["GODWIT_MQTT_MAX_QUED": "3"])
        == "GODWIT_MQTT_MAX_QUED: there is no setting `mqtt.max_qued`")
    for name in ["MQTT_PORT", "MQTT_PORT_1883_TCP_ADDR", "NATS_SERVICE_HOST", "SERVER", "BIN"] {
      #expect(self.error("", ["GODWIT_\(name)": "x"]) == nil)
    }
    #expect(
      self.error("", ["GODWIT_ACCESS_USERS": "a"])
        == "GODWIT_ACCESS_USERS: can be said in the settings file only")
  }

  @Test func quotedScalarsAreTexts() throws {
    let file = try self.file("server: {name: \"12\"}\naccess: {token: 12}")
    #expect(file["server"].text("name") == "12")
    #expect(file["access"].text("token") == "12")
  }

  @Test func theDefaultsPassTheCheckAndChangeNothing() throws {
    let plain = try SettingsFile(yaml: nil, environment: [:])
    let written = try SettingsFile(yaml: SettingsText.defaults(), environment: [:])
    for section in SettingsFile.sections {
      #expect(plain[section.name] == written[section.name], "\(section.name)")
    }
  }

  @Test func theReferenceNamesEveryKey() {
    let reference = SettingsText.reference()
    for section in SettingsFile.sections {
      #expect(reference.contains("## `\(section.name)`"))
      for setting in section.settings { #expect(reference.contains("| `\(setting.key)` |")) }
    }
  }

  @Test func relativePathsStartFromTheFile() throws {
    let file = try SettingsFile(yaml: "", directory: "/etc/godwit", environment: [:])
    #expect(file.path("server.pem") == "/etc/godwit/server.pem")
    #expect(file.path("/x.pem") == "/x.pem")
    #expect(file.path("") == "")
  }
}
