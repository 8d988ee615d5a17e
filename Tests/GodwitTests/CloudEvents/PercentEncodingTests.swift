import Testing

@testable import Godwit

@Suite struct PercentEncodingTests {
  @Test(arguments: [
    ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"), ("", ""), ("/a?b=c#d", "/a?b=c#d"),
    ("100%\"", "100%25%22"), ("a\u{7F}", "a%7F"),
  ])
  func writesAndReads(_ text: String, _ encoded: String) {
    #expect(PercentEncoding.encode(text) == encoded)
    #expect(PercentEncoding.decode(encoded) == text)
  }

  @Test(arguments: [
    ("%41%6a%6A", "Ajj"), (#""a \"b\" \\""#, #"a "b" \"#), ("100%", "100%"), ("%4", "%4"),
    ("%zz", "%zz"), ("\"", "\""), ("Euro €", "Euro €"),
  ])
  func readsWhatOthersWrite(_ value: String, _ text: String) {
    #expect(PercentEncoding.decode(value) == text)
  }

  @Test(arguments: ["%C0%A0", "%FF", "%E2%82"])
  func refusesWhatIsNotUTF8(_ value: String) {
    #expect(PercentEncoding.decode(value) == nil)
  }
}
