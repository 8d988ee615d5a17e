import MQTTWire
import Testing

@Suite struct MQTTTopicFilterTests {
  static func parse(_ text: String) -> MQTTTopicFilter? {
    Array(text.utf8).withUnsafeBytes { MQTTTopicFilter($0) }
  }

  @Test(arguments: [
    ("a", false), ("a/b", false), ("+", true), ("#", true), ("/", false), ("a/+/b", true),
    ("+/+", true), ("a//#", true), ("$SYS/#", true), ("/+", true), ("a b", false),
  ])
  func takes(_ filter: String, _ hasWildcard: Bool) throws {
    let parsed = try #require(Self.parse(filter))
    #expect(parsed.hasWildcard == hasWildcard)
    #expect(parsed.shareName == nil)
    #expect(parsed.filter == 0..<filter.utf8.count)
  }

  @Test func takesShares() throws {
    let parsed = try #require(Self.parse("$share/group/a/+"))
    #expect(parsed.shareName == 7..<12)
    #expect(parsed.filter == 13..<16)
    #expect(parsed.hasWildcard)
    #expect(Self.parse("$share")?.shareName == nil)
    #expect(Self.parse("$share/g//")?.filter == 9..<10)
  }

  @Test(arguments: [
    "", "a#", "#/", "a/#/b", "a+", "+a", "a/+b/c", "a\0", "$share/", "$share/g", "$share/g/",
    "$share//a", "$share/+/a", "$share/a#/a", "$share/g/a#",
  ])
  func refuses(_ filter: String) { #expect(Self.parse(filter) == nil) }
}
