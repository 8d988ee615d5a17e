import GodwitWire
import Testing

@Suite struct NameExpressionTests {
  @Test(arguments: [
    ("orders", ["orders"], ["order", "orderss", "xorders"]),
    ("^orders\\..*$", ["orders.", "orders.eu"], ["orders", "ordersx"]),
    ("a|bc|", ["a", "bc", ""], ["abc", "b"]),
    ("[a-c]+[^0-9_]?", ["abc", "ax", "a"], ["", "a1", "a_"]),
    ("x{2,3}y{2}z{1,}", ["xxyyz", "xxxyyzz"], ["xyyz", "xxxxyyz", "xxyz"]),
    ("(?:ab)*?(c|d)", ["c", "ababd"], ["ab", "abc d"]),
    ("\\w+-\\d\\.\\D", ["top_ic-1.x"], ["topic-1.1", "topic-1xx"]),
    (".*(a*)*", ["", "aaaa", "b"], []),
    ("[]a]", ["]", "a"], ["b"]),
  ])
  func namesMatchOrDoNot(_ text: String, _ good: [String], _ bad: [String]) throws {
    let expression = try #require(NameExpression(text))
    for name in good { #expect(expression.matches(name), "\(name)") }
    for name in bad { #expect(!expression.matches(name), "\(name)") }
  }

  @Test(arguments: [
    "(", ")", "a)", "*", "a**", "[", "[a", "[z-a]", "a{3,2}", "a{1001}", "a{,2}", "\\", "\\1",
    "(?i)a",
    "[[:alpha:]]", "ä", "(((a{100}){100}){100})", "((){1000}){1000}",
    String(repeating: "(", count: 400) + String(repeating: ")", count: 400),
  ])
  func whatIsNoneOrTooLargeIsRefused(_ text: String) {
    #expect(NameExpression(text) == nil)
  }

  @Test func timeDoesNotExplode() throws {
    let expression = try #require(NameExpression("(a|a|aa)*(a?){100}b"))
    #expect(!expression.matches(String(repeating: "a", count: 249)))
  }
}
