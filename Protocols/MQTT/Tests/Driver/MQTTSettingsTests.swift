import Godwit
import GodwitDriverKit
import GodwitMQTT
import MQTTWire
import NIOCore
import Testing

/// URLs and options.
@Suite struct MQTTSettingsTests {
  @Test func urls() throws {
    let settings = try MQTTSettings(url: "mqtt://u:p@a,mqtts://b,mqtt+ws://c,mqtt+wss://d:1/x")
    #expect(settings.servers.map(\.port) == [1883, 8883, 80, 1])
    #expect(settings.servers.map(\.usesTLS) == [false, true, false, true])
    #expect(settings.servers.map(\.webSocketPath) == [nil, nil, "/mqtt", "/x"])
    #expect(settings.servers.map(\.webSocketProtocol) == [nil, nil, "mqtt", "mqtt"])
    #expect(settings.credentials == .user("u", password: "p"))
    for wrong in ["nats://a", "mqtt://a/path", "mqtt://", ""] {
      #expect(throws: GodwitError.self, "\(wrong)") { _ = try MQTTSettings(url: wrong) }
    }
  }

  @Test func optionsBecomeCapabilities() throws {
    let drivers: DriverRegistry = [.mqtt]
    func capabilities(_ url: String) throws -> Capabilities {
      try drivers.driver(for: [url], options: [:]).capabilities
    }
    let usual = try capabilities("mqtt://a")
    #expect(usual.guarantee == .atLeastOnce && usual.hasHeaders && usual.reportsNoResponders)
    #expect(try capabilities("mqtt://a?qos=0").guarantee == .atMostOnce)
    #expect(try capabilities("mqtt://a?groups=false").hasGroups == false)
    let old = try capabilities("mqtt://a?version=4")
    #expect(!old.hasHeaders && !old.cloudEvents.isStructuredOnly)
    #expect(try capabilities("mqtt://a?version=4&envelope=false").cloudEvents.isStructuredOnly)
  }

  @Test(arguments: [
    "version=3", "qos=3", "auth_method=PLAIN&user=a&password=b", "auth_method=SCRAM-SHA-256",
    "version=4&auth_method=SCRAM-SHA-256&user=a&password=b", "will_qos=1", "password=x",
    "version=4&will_topic=a&will_delay_seconds=1", "retained_messages=some", "will_topic=",
    "unknown=1", "packet_bytes_max=1",
  ])
  func whatCannotBeIsRefused(_ query: String) {
    let drivers: DriverRegistry = [.mqtt]
    #expect(throws: GodwitError.self) {
      _ = try drivers.driver(for: ["mqtt://a?\(query)"], options: [:])
    }
  }

  @Test func timesAndBoundsThatCannotBeAreRefused() throws {
    let changes: [(inout MQTTSettings) -> Void] = [
      { $0.drainTimeout = .seconds(-1) }, { $0.backoff.factor = .infinity },
      { $0.attemptsMax = 0 }, { $0.windowLimits.messagesMax = 0 },
      { $0.windowLimits.bytesMax = 0 }, { $0.pingTimeout = .zero },
    ]
    for (number, change) in changes.enumerated() {
      var settings = try MQTTSettings(url: "mqtt://h")
      change(&settings)
      #expect(throws: GodwitError.self, "change \(number)") { _ = try MQTTDriver(settings) }
    }
  }

  @Test func credentialsStandOnce() {
    let drivers: DriverRegistry = [.mqtt]
    #expect(throws: GodwitError.self) {
      _ = try drivers.driver(for: ["mqtt://u:p@a"], options: ["user": "v"])
    }
  }
}
