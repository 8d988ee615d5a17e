import GodwitFrontEndKit
import Testing

@testable import GodwitCLI

@Suite struct NameExplanationTests {
  private static func explain(_ name: String, from: String? = nil) async throws -> NameExplanation {
    try await NamesCommand.Explain.explain(name, from: from)
  }

  private static func spelling(_ explanation: NameExplanation, _ name: String) -> String? {
    guard let row = explanation.rows.first(where: { $0.name == name }) else { return nil }
    return try? row.spelling.get()
  }

  @Test(arguments: [
    ("a/b", "mqtt", "a.b", "a/b"), ("a.b", "nats", "a.b", "a/b"),
    ("plain", "nats", "plain", "plain"),
    ("a.b/c", "mqtt", "a//b.c", "a.b/c"), ("/x", "mqtt", "/.x", "/x"),
    ("a b", "mqtt", "a%20b", "a b"), ("sensors/+/t", "mqtt", "sensors.*.t", "sensors/+/t"),
    ("+", "mqtt", "*", "+"), ("#", "mqtt", ">", "#"), ("/+", "mqtt", "/.*", "/+"),
    ("a.*.>", "nats", "a.*.>", "a/+/#"), ("*", "nats", "*", "+"), ("a/*", "mqtt", "a.%2A", "a/*"),
  ])
  func bothWays(name: String, from: String, nats: String, mqtt: String) async throws {
    let explanation = try await Self.explain(name)
    #expect(explanation.source.name == from)
    #expect(explanation.isDetected)
    #expect(Self.spelling(explanation, "nats") == nats)
    #expect(Self.spelling(explanation, "mqtt") == mqtt)
  }

  @Test(arguments: [
    ("$share/g/a/+", "a.*", "`$share/g/`"), ("$exclusive/a", "a", "`$exclusive/`"),
    ("$delayed/5/x/y", "x.y", "`$delayed/5/`"),
  ])
  func prefixesAreNoTopics(name: String, canonical: String, prefix: String) async throws {
    let explanation = try await Self.explain(name)
    #expect(explanation.source.name == "mqtt")
    #expect(explanation.canonical.text == canonical)
    #expect(Self.spelling(explanation, "nats") == canonical)
    #expect(explanation.notes.first?.hasPrefix(prefix) == true)
    #expect(
      explanation.lines(TextStyle(hasColours: false)).contains { $0.hasPrefix("  \(prefix)") })
  }

  @Test(arguments: ["$share/g", "$share//a", "$delayed/x/a", "$SYS/broker"])
  func otherNamesKeepTheirFirstLevel(name: String) async throws {
    #expect(try await Self.explain(name, from: "mqtt").prefix == nil)
  }

  @Test func theProtocolCanBeSaid() async throws {
    let explanation = try await Self.explain("a//b", from: "NATS")
    #expect(!explanation.isDetected)
    #expect(Self.spelling(explanation, "mqtt") == "a.b")
    let other = try await Self.explain("a//b", from: "mqtt")
    #expect(Self.spelling(other, "nats") == "a./.b")
  }

  @Test func whatCannotBeSaidSaysWhy() async throws {
    let explanation = try await Self.explain("a/b", from: "nats")
    #expect(Self.spelling(explanation, "mqtt") == nil)
    let lines = explanation.lines(TextStyle(hasColours: false))
    #expect(lines.contains { $0.hasPrefix("  MQTT       MQTT has no name for it") })
    #expect(String(decoding: explanation.json, as: UTF8.self).contains(#""cannot_say":"MQTT"#))
  }

  @Test(arguments: [("a/#/b", "mqtt"), ("a/+b", "mqtt"), ("a..b", "nats"), ("", "nats")])
  func refusesWhatIsNoName(name: String, from: String) async {
    await #expect(throws: ClientError.self) { try await Self.explain(name, from: from) }
  }

  @Test func refusesUnknownProtocols() async {
    await #expect(throws: ClientError.self) { try await Self.explain("a", from: "smoke") }
  }

  @Test(arguments: [
    ("a/b", "a.b"), ("/x", ".x"), ("a//b", "a..b"), ("a b", "a-x25-20b"), ("orders", "orders"),
  ])
  func kafkaHasANameForMost(name: String, kafka: String) async throws {
    #expect(Self.spelling(try await Self.explain(name, from: "mqtt"), "kafka") == kafka)
  }

  @Test func wildcardsAreExplained() async throws {
    let lines = try await Self.explain("a/#").lines(TextStyle(hasColours: false))
    #expect(
      lines == [
        "a/# is a pattern in MQTT, by the look of it (--from chooses)", "",
        "  canonical  a.>", "  NATS       a.>", "  MQTT       a/#",
        "  Kafka      the protocol has no patterns", "",
        "  one level  NATS *   MQTT +",
        "  the rest   NATS > (one or more)   MQTT # (none or more)", "",
        "  MQTT's # matches the parent too; in NATS, `a.>` does not match `a`.",
      ])
    let nats = try await Self.explain("a.>")
    #expect(
      nats.notes == [
        "NATS's > stands for one level or more; in MQTT, `a/#` matches `a` too."
      ])
    #expect(try await Self.explain("a/b").notes.isEmpty)
  }

  @Test func aProtocolWithoutPatternsSaysSo() throws {
    let levels = WildcardSyntax(
      separator: ".", oneLevel: "*", rest: ">", restIncludesParent: false)
    let dots = NameSpeaker(
      name: "dots", wildcards: levels,
      spell: { .success(String(decoding: $0, as: UTF8.self)) }, read: { .success(Array($0.utf8)) })
    let flat = NameSpeaker(
      name: "flat", wildcards: nil,
      spell: { .success(String(decoding: $0, as: UTF8.self)) }, read: { .success(Array($0.utf8)) })
    let explanation = try NameExplanation("a.*", from: nil, speakers: [dots, flat])
    #expect(explanation.rows[1].spelling == .failure(NameError("the protocol has no patterns")))
    #expect(try NameExplanation("a.b", from: "flat", speakers: [dots, flat]).notes.isEmpty)
  }
}
