import GodwitEngine
import MQTTWire
import NIOCore
import Testing

@testable import MQTTFrontEnd

@Suite struct MQTTDelayTests {
  static func parse(_ topic: String) throws -> (MQTTDelay, String)? {
    try Array(topic.utf8).withUnsafeBytes { bytes in
      try MQTTDelay.parse(bytes).map { ($0.delay, String(decoding: $0.rest, as: UTF8.self)) }
    }
  }

  @Test func readsIntervalsAndTimes() throws {
    let short = try #require(try Self.parse("$delayed/15/a/b"))
    #expect(short == (.interval(15), "a/b"))
    #expect(try Self.parse("$delayed/4294967/x")?.0 == .interval(4_294_967))
    #expect(try Self.parse("$delayed/4294968/x")?.0 == .time(4_294_968))
    #expect(try Self.parse("delayed/1/x") == nil)
    #expect(MQTTDelay.time(2).deadline(now: 1) == 2_000_000_000)
    #expect(MQTTDelay.time(2).deadline(now: 3_000_000_000) == 3_000_000_000)
  }

  @Test(arguments: [
    "$delayed/", "$delayed/x/a", "$delayed/-1/a", "$delayed//a", "$delayed/1", "$delayed/1/",
    "$delayed/1.5/a", "$delayed/99999999999/a", "$delayed/999999999999999999999/a",
  ])
  func refusesOthers(_ topic: String) {
    #expect(throws: MQTTWireError.self) { try Self.parse(topic) }
  }
}
