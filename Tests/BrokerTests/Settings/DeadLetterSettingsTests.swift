import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import GodwitBroker

@Suite struct DeadLetterSettingsTests {
  /// The rules of a broker with these settings, or why there is none.
  private static func rules(_ yaml: String) throws -> [DeadLetterRule] {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    return try eventLoop.submit {
      let settings = try BrokerSettings(try SettingsFile(yaml: yaml, environment: [:]))
      let loop = Loop(eventLoop: eventLoop, wallNanoseconds: 1)
      let core = try BrokerCore(
        settings, loop: loop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      defer { core.abandon() }
      return core.loop.engine.deadLetterRules
    }.wait()
  }

  @Test func rulesAreRead() throws {
    let rules = try Self.rules(
      """
      dead_letters:
        rules:
          - {topics: [a.>, "mqtt:b/+"], groups: [g*], tenant: t, to: "dead.{topic}"}
          - {}
      """)
    #expect(rules.count == 2)
    #expect(rules[0].patterns.map(\.description) == ["a.>", "b.*"])
    #expect(rules[0].groups == ["g*"])
    #expect(rules[0].tenant == "t")
    #expect(rules[0].destination == "dead.{topic}")
    #expect(rules[1] == DeadLetterRule(destination: nil))
  }

  @Test(arguments: [
    "to: 'a b'", "to: 'a.*'", "to: 'a..b'", "to: '$SYS.a'", "to: '$JS.API.a'",
    "topics: ['a..b'], to: a", "topics: ['a g'], to: a",
  ])
  func nonsenseIsRefused(rule: String) {
    #expect(throws: SettingsError.self) {
      try Self.rules("dead_letters: {rules: [{\(rule)}]}")
    }
  }
}
