import GodwitEngine
import MQTTWire
import NIOCore
import Testing

@testable import MQTTFrontEnd

@Suite struct MQTTRewriterTests {
  @Test func theLastRuleThatMatchesWins() throws {
    let rewriter = try MQTTRewriter([
      .init(direction: .all, source: "x/#", pattern: "^x/(.+)/(.+)$", target: "z/$2/$1"),
      .init(direction: .publish, source: "x/y/#", pattern: "^x/y/(.+)$", target: "y/$1"),
      .init(direction: .all, source: "+/only", pattern: "never", target: "no"),
    ])
    #expect(try rewriter.rewrite("x/y/1", for: .publish, tenant: "t") == "y/1")
    #expect(try rewriter.rewrite("x/y/1", for: .subscribe, tenant: "t") == "z/1/y")
    #expect(try rewriter.rewrite("x/only", for: .publish, tenant: "t") == nil)
    #expect(try rewriter.rewrite("other", for: .publish, tenant: "t") == nil)
  }

  @Test func aRuleMayBeForOneTenantOnly() throws {
    let rewriter = try MQTTRewriter([
      .init(direction: .all, source: "x/#", pattern: "x/(.*)", target: "y/$1"),
      .init(direction: .all, tenant: "acme", source: "x/#", pattern: "x/(.*)", target: "acme/$1"),
    ])
    for direction in [MQTTRewriteRule.Direction.publish, .subscribe] {
      #expect(try rewriter.rewrite("x/1", for: direction, tenant: "acme") == "acme/1")
      #expect(try rewriter.rewrite("x/1", for: direction, tenant: "birds") == "y/1")
    }
  }

  @Test func aNameThatIsTooLongToBeTriedIsRefused() throws {
    let rewriter = try MQTTRewriter([
      .init(direction: .all, source: "x/#", pattern: "x/(.*)", target: "y/$1")
    ])
    let most = String(repeating: "a", count: MQTTRewriter.nameBytesMax - 2)
    #expect(try rewriter.rewrite("x/\(most)", for: .publish, tenant: "t") == "y/\(most)")
    #expect(throws: MQTTWireError.self) {
      try rewriter.rewrite("x/\(most)a", for: .publish, tenant: "t")
    }
    #expect(try rewriter.rewrite("z/\(most)a", for: .publish, tenant: "t") == nil)
  }
}

/// What expressions match, and that nothing makes them slow.
@Suite struct MQTTExpressionTests {
  private func groups(_ pattern: String, _ name: String) throws -> [String?]? {
    try MQTTExpression(pattern).groups(in: name)?.map { $0.map(String.init) }
  }

  @Test(arguments: [
    ("a/b", "a/b"), ("^a/b$", "a/b"), (".*", ""), ("", ""), ("a|bc|", "bc"), ("a|bc|", ""),
    ("[a-c]+", "abcab"), ("[^/]+/x", "höhe/x"), ("[]a]+", "]a"), ("[a-]+", "a-"),
    ("\\d{2,3}", "123"), ("\\d{2}", "12"), ("a{2,}", "aaaa"), ("[\\w.]+", "a_1.b"),
    ("\\S+\\s\\S+", "a b"), ("\\$x\\.", "$x."), ("(?:ab)*", "abab"), ("(a*)*", "aa"),
    ("(a|b)*?c", "abac"), ("x?y", "y"), ("[\\D]", "x"), ("....", "äöü€"),
  ])
  func matches(_ pattern: String, _ name: String) throws {
    #expect(try self.groups(pattern, name) != nil)
  }

  @Test(arguments: [
    ("a", "ab"), ("a", "ba"), (".", "\n"), ("[^/]+", "a/b"), ("\\d{2,3}", "1"), ("a{2}", "aaa"),
    ("a^b", "ab"), ("a$b", "ab"), ("a.b", "ab"), ("\\.", "x"), ("[^\\d]", "1"), ("a+", ""),
  ])
  func doesNotMatch(_ pattern: String, _ name: String) throws {
    #expect(try self.groups(pattern, name) == nil)
  }

  @Test func groupsTakeWhatTheyShould() throws {
    #expect(try self.groups("(.+)/(.+)", "a/b/c") == ["a/b", "c"])
    #expect(try self.groups("(.+?)/(.+)", "a/b/c") == ["a", "b/c"])
    #expect(try self.groups("(a)|(b)", "b") == [nil, "b"])
    #expect(try self.groups("((a)b)+", "abab") == ["ab", "a"])
    #expect(try self.groups("(?:x)(é*)", "xéé") == ["éé"])
    let many = String(repeating: "(a)", count: 11)
    #expect(try self.groups(many, String(repeating: "a", count: 11))?.count == 9)
  }

  @Test(arguments: [
    "(", ")", "a)", "[", "[]", "*a", "a**", "a{2", "a{3,2}", "a{x}", "a{1001}", "\\", "\\1", "\\b",
    "(?=a)", "(?i)a", "[z-a]", "[[:alpha:]]", "{2}", "(((a{99}){99}){99}){99}",
    "(?:(?:(?:(?:(?:){900}){900}){900}){900}){900}", String(repeating: "(", count: 100_000),
    String(repeating: "a", count: 501),
  ])
  func isRefused(_ pattern: String) {
    #expect(throws: MQTTExpression.Failure.self) { try MQTTExpression(pattern) }
  }

  /// Each of these takes an engine that backtracks longer than anybody waits.
  @Test(arguments: [
    ("^y/(.+)/z/(.+)$", "y/a/z/" + String(repeating: "z/", count: 2_000) + "\n"),
    ("(a*)*b", String(repeating: "a", count: 4_000)),
    ("(a|a)*b", String(repeating: "a", count: 4_000)),
    ("(.*)(.*)(.*)(.*)(.*)x", String(repeating: "a", count: 4_000)),
  ])
  func nothingTakesLong(_ pattern: String, _ name: String) throws {
    #expect(try self.groups(pattern, name) == nil)
  }
}
