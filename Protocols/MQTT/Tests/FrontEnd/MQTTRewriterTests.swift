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
    #expect(rewriter.rewrite("x/y/1", for: .publish) == "y/1")
    #expect(rewriter.rewrite("x/y/1", for: .subscribe) == "z/1/y")
    #expect(rewriter.rewrite("x/only", for: .publish) == nil)
    #expect(rewriter.rewrite("other", for: .publish) == nil)
  }

  @Test func badExpressionsAreRefused() {
    #expect(throws: (any Error).self) {
      try MQTTRewriter([.init(direction: .all, source: "#", pattern: "(", target: "x")])
    }
  }
}
