import NATSWire
import Testing

@Suite struct NATSSubjectTests {
  private func with<Result>(
    _ text: String, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    Array(text.utf8).withUnsafeBytes(body)
  }

  @Test(arguments: ["a", "a.b", "*", ">", "a.*", "a.>", "*.*", "a*", "a.b>", ">a.b", "$SYS.x", "é"])
  func patterns(_ text: String) {
    #expect(self.with(text, NATSSubject.isValidPattern))
  }

  @Test(arguments: ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b", "a.>."])
  func notPatterns(_ text: String) {
    #expect(!self.with(text, NATSSubject.isValidPattern))
  }

  @Test(arguments: [
    ("a", true, true), ("a.b", true, true), ("a*.b", true, true), ("a.*", true, false),
    ("*", true, false), ("a.>.b", true, false), (">", true, false), ("", false, false),
    (".", false, false), ("a.", false, false), (".a", false, false), ("a..b", false, false),
  ])
  func publishing(_ text: String, _ isDeliverable: Bool, _ isLiteral: Bool) {
    #expect(self.with(text, NATSSubject.hasOnlyFullTokens) == isDeliverable)
    #expect(self.with(text, NATSSubject.isLiteral) == isLiteral)
  }

  @Test(arguments: [
    ("a.b", "a.b", true), ("a.b", "a.*", true), ("a.b", "*.b", true), ("a.b", ">", true),
    ("a.b", "a.>", true), ("a", "a.>", false), ("a.b.c", "a.*", false), ("a.b", "a", false),
    ("a", "a.b", false), ("a.*", "a.b", false), ("a.*", "a.*", true), ("a.*", "a.>", true),
    ("a.>", "a.*", false), ("a.>", "a.>", true), ("a.>", ">", true), (">", "a.>", false),
  ])
  func matching(_ subject: String, _ pattern: String, _ expected: Bool) {
    let result = self.with(subject) { subject in
      self.with(pattern) { NATSSubject.matches(subject, pattern: $0) }
    }
    #expect(result == expected)
  }

  @Test(arguments: [
    ("a.b", "a.b", true), ("a.*", "*.b", true), ("a.>", "*.b.c", true), ("a.>", "b.>", false),
    ("a", "a.>", false), ("a.*", "a.b.c", false), (">", "x", true),
  ])
  func collision(_ first: String, _ second: String, _ expected: Bool) {
    let collide = { (one: String, other: String) in
      self.with(one) { one in self.with(other) { NATSSubject.collide(one, $0) } }
    }
    #expect(collide(first, second) == expected)
    #expect(collide(second, first) == expected)
  }

  @Test func tokens() {
    let tokens = { (text: String) in
      self.with(text) { NATSSubject.Tokens($0).map { String(decoding: $0, as: UTF8.self) } }
    }
    #expect(tokens("a.bc.d") == ["a", "bc", "d"])
    #expect(tokens("a") == ["a"])
    #expect(tokens("a.") == ["a", ""])
    #expect(tokens("") == [""])
    #expect(self.with("a.b.c", NATSSubject.tokenCount) == 3)
    #expect(self.with("", NATSSubject.tokenCount) == 0)
  }
}
