import Godwit
import NIOCore
import Testing

@Suite struct TopicTests {
  @Test(arguments: ["a", "orders.created", "a.b.c.d", "größe.ü", "$weird"])
  func namesThatCanBe(_ name: String) throws {
    try Topic<String>(name).validate()
    try TopicPattern<String>(name).validate()
  }

  @Test(arguments: ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\u{0}", "a.\u{7F}"])
  func namesThatCannotBe(_ name: String) {
    #expect(throws: GodwitError.self) { try Topic<String>(name).validate() }
    #expect(throws: GodwitError.self) { try TopicPattern<String>(name).validate() }
  }

  @Test(arguments: ["*", ">", "a.*", "a.*.b", "*.*", "a.>"])
  func patternsAreNoTopics(_ pattern: String) throws {
    try TopicPattern<String>(pattern).validate()
    #expect(throws: GodwitError.self) { try Topic<String>(pattern).validate() }
  }

  @Test func onlyTheLastLevelMayBeOpen() {
    #expect(throws: GodwitError.self) { try TopicPattern<String>("a.>.b").validate() }
  }

  @Test func nameHasABound() {
    #expect(throws: GodwitError.self) {
      try Topic<String>(String(repeating: "a", count: 1_025)).validate()
    }
  }

  @Test func mediaTypeFollowsThePayload() {
    #expect(Topic<String>("t").contentType == "text/plain; charset=utf-8")
    #expect(Topic<ByteBuffer>("t").contentType == "application/octet-stream")
    #expect(Topic<[UInt8]>("t").contentType == "application/octet-stream")
    #expect(Topic<[Int]>("t").contentType == "application/json")
  }
}
