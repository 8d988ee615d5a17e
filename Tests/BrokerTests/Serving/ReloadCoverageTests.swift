import GodwitEngine
import GodwitFrontEndKit
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import GodwitBroker

/// Every declared key either holds after a reload, or is named as one that waits for a restart.
///
/// A broker that was started with the defaults and told to reload must be, in all that can be
/// reached from it, what a broker is that was started with the new value.
struct ReloadCoverageTests {
  /// Values for keys whose kind does not say what makes sense. A text or list without one fails.
  private static let examples: [String: String] = [
    "server.name": "other",
    "server.listen": "['nats=127.0.0.1:0']",
    "admin.address": "'127.0.0.1:9'",
    "admin.user": "ops, password: pw",
    "admin.password": "pw, user: ops",
    "admin.token": "t",
    "admin.host_names": "[a.example]",
    "access.tenant": "acme",
    "access.token": "t",
    "access.users": "[{name: ada, password: pw, permissions: {publish: {allow: [a]}}}]",
    "access.acl": "[{topics: [a], action: publish}]",
    "dead_letters.rules": "[{topics: [a], to: dead}]",
    "kafka.advertised_host": "kafka.example",
    "kafka.cluster_id": "other",
    "kafka.super_users": "[ada]",
    "mqtt.response_topic_prefix": "answers/",
    "mqtt.automatic_subscriptions": "[{filter: a}]",
    "mqtt.rewrite": "[{source: a, pattern: a, target: b}]",
    "mqtt.flapping": "{enabled: true}",
    "mqtt.slow_subscription": "{enabled: true}",
  ]
  /// Keys that name files. Their contents are taken over by the listeners, which this broker does
  /// not have; the interop tests swap certificates and users.
  private static let files: Set<String> = [
    "tls.certificate", "tls.key", "tls.client_ca", "tls.verify_clients", "access.users_file",
  ]

  @Test func everyKeyIsTakenOverOrNamed() throws {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let failures = try eventLoop.submit {
      var failures: [String] = []
      let noise = try Self.dump("", "", eventLoop)
        .differences(from: Self.dump("", "", eventLoop))
      for section in SettingsFile.sections {
        for setting in section.settings {
          let path = "\(section.name).\(setting.key)"
          guard !Self.files.contains(path) else { continue }
          guard let example = Self.examples[path] ?? Self.example(setting) else {
            failures.append("\(path): no example")
            continue
          }
          let yaml = "\(section.name): {\(setting.key): \(example)}"
          do {
            let reloaded = try Self.dump("", yaml, eventLoop)
            let fresh = try Self.dump(yaml, yaml, eventLoop)
            let named = try Self.settings(yaml).waitingForRestart(since: Self.settings(""))
            let isNamed = named.contains(path) || named.contains(section.name)
            let differences = reloaded.differences(from: fresh).subtracting(noise)
            if !isNamed, !differences.isEmpty {
              failures.append("\(path): \(differences.sorted().prefix(3))")
            }
          } catch {
            failures.append("\(path): \(error)")
          }
        }
      }
      return failures
    }.wait()
    #expect(failures == [])
  }

  private static func settings(_ yaml: String) throws -> BrokerSettings {
    try BrokerSettings(try SettingsFile(yaml: yaml, environment: [:]))
  }

  /// What a broker holds that was started with one file and read another one.
  private static func dump(
    _ first: String, _ second: String, _ eventLoop: any EventLoop
  ) throws -> StateDump {
    let started = try Self.settings(first)
    let loop = Loop(eventLoop: eventLoop, limits: started.engineLimits, wallNanoseconds: 1)
    let core = try BrokerCore(
      started, loop: loop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try core.reload(try Self.settings(second))
    defer { core.abandon() }
    return StateDump(core, skipping: ["started", "notices"])
  }

  /// Another value than the default.
  private static func example(_ setting: Setting) -> String? {
    switch (setting.kind, setting.defaultValue) {
    case (.bool, let value): value == .bool(true) ? "false" : "true"
    case (.integer(let bounds), .integer(let value)?):
      "\(value < bounds.upperBound ? value + 1 : value - 1)"
    case (.double(let bounds), .double(let value)?):
      "\(value < bounds.upperBound ? (value + bounds.upperBound) / 2 : bounds.lowerBound)"
    case (.choice(let words), let value):
      words.first { .text($0) != value }.map { "'\($0)'" }
    default: nil
    }
  }
}
