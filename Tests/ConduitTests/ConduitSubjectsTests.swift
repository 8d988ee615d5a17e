import Godwit
import Testing

@testable import GodwitConduit

@Suite struct ConduitSubjectsTests {
  @Test(arguments: [
    ("userService", "user-service"), ("UserService", "User-service"),
    ("HTTPServer", "HTTPServer"), ("test123Value", "test123Value"),
    ("test__value", "test--value"), ("user.*", "user.*"), ("test value", "testvalue"),
    ("a@b/c>d", "abcd"), ("", ""),
  ])
  func namesAreFormattedAsTheOriginalDoes(_ name: String, _ formatted: String) {
    #expect(ConduitSubjects.formatted(name) == formatted)
  }

  @Test func theNamespaceIsThereTwice() {
    #expect(ConduitSubjects.service("userService") == "conduit.conduit.user-service")
  }

  @Test(arguments: ["", "ärger", "a.*", "a..b", ".a", "a.", "@", "a\n", "a.@"])
  func whatCannotBeAServiceIsRefused(_ name: String) {
    #expect(throws: GodwitError.self) { try ConduitSubjects.validate(name) }
  }

  @Test(arguments: ["a", "user_service", "Chat room", "a.b-c"])
  func whatCanBeAServiceIsNot(_ name: String) {
    #expect(throws: Never.self) { try ConduitSubjects.validate(name) }
  }

  @Test func tokensAreOneLevel() {
    #expect(ConduitSubjects.token(of: "_INBOX.abc.XY") == "_INBOX_abc_XY")
    #expect(ConduitSubjects.token(of: "a.>.*") == "a____")
  }

  @Test(arguments: ["", "a.>", "*", "a..b", "a b", "a\u{0}", String(repeating: "a", count: 1_025)])
  func whatCannotBePublishedToIsKnown(_ subject: String) {
    #expect(!ConduitSubjects.isPublishable(subject))
  }
}
