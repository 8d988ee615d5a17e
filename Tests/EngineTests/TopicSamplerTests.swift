import Testing

@testable import GodwitEngine

@Suite struct TopicSamplerTests {
  private let start: Int64 = 1_000_000_000_000
  private let millisecond: Int64 = 1_000_000

  private func publish(_ tenant: Tenant, _ topic: String, bytes: Int = 10) {
    tenant.publish(topic: Array(topic.utf8), payload: Array(repeating: 0, count: bytes))
  }

  @Test func aQuietBrokerIsCountedExactly() {
    let engine = Engine(now: self.start)
    let tenant = engine.tenant(named: "default")
    for turn in 0..<30 {
      engine.advance(to: self.start + Int64(turn) * 100 * self.millisecond)
      self.publish(tenant, "often")
      self.publish(tenant, "often")
      if turn % 10 == 0 { self.publish(tenant, "seldom", bytes: 100) }
    }
    engine.advance(to: self.start + 3_000 * self.millisecond)
    let topics = engine.busiestTopics(10)
    #expect(topics.map { String(decoding: $0.topic, as: UTF8.self) } == ["often", "seldom"])
    #expect(topics.map(\.messages) == [60, 3])
    #expect(topics.map(\.messagesPerSecond) == [20, 1])
    #expect(topics.map(\.bytesPerSecond) == [200, 100])
    #expect(topics.map(\.tenant) == ["default", "default"])
  }

  @Test func aBusyBrokerIsSampledAndStillEstimatedWell() {
    let engine = Engine(now: self.start)
    let tenant = engine.tenant(named: "default")
    // 64 topics in turn, one of them twice as often: what a fixed stride would see falsely.
    for turn in 0..<400 {
      engine.advance(to: self.start + Int64(turn) * 10 * self.millisecond)
      for number in 0..<640 {
        self.publish(tenant, "t.\(number % 64)")
        if number % 64 == 7 { self.publish(tenant, "t.7") }
      }
    }
    engine.advance(to: self.start + 4_000 * self.millisecond)
    let topics = engine.busiestTopics(100)
    #expect(topics.count == 64)
    let total = topics.map(\.messagesPerSecond).reduce(0, +)
    #expect(total > 45_000 && total < 85_000, "65,000 a second estimated as \(total)")
    let seven = topics.first { $0.topic == Array("t.7".utf8) }
    let others = (total - (seven?.messagesPerSecond ?? 0)) / 63
    #expect((seven?.messagesPerSecond ?? 0) > 1.2 * others)
  }

  @Test func newTopicsDisplaceTheLeastBusy() {
    let engine = Engine(now: self.start)
    let tenant = engine.tenant(named: "default")
    for turn in 0..<20 {
      engine.advance(to: self.start + Int64(turn) * 1_000 * self.millisecond)
      for _ in 0..<5 { self.publish(tenant, "heavy") }
      for number in 0..<30 { self.publish(tenant, "once.\(turn).\(number)") }
    }
    let topics = engine.busiestTopics(1_000)
    #expect(topics.count == 256)
    #expect(topics.first?.topic == Array("heavy".utf8))
    #expect(topics.first?.messages == 100)
  }

  @Test func afterBusyTimesAQuestionTakesTheSampleUpAgain() {
    let engine = Engine(now: self.start)
    let tenant = engine.tenant(named: "default")
    for _ in 0..<200_000 { self.publish(tenant, "burst") }
    var now = self.start
    for _ in 0..<10 {
      now += 1_000 * self.millisecond
      engine.advance(to: now)
      _ = engine.busiestTopics(1)
      self.publish(tenant, "calm")
    }
    let calm = engine.busiestTopics(2).first { $0.topic == Array("calm".utf8) }
    #expect((calm?.messages ?? 0) >= 5)
  }

  @Test func tenantsAreKeptApartAndOversizeTopicsLeftOut() {
    let engine = Engine(now: self.start)
    self.publish(engine.tenant(named: "a"), "same")
    self.publish(engine.tenant(named: "b"), "same")
    self.publish(engine.tenant(named: "b"), String(repeating: "x", count: 5_000))
    #expect(Set(engine.busiestTopics(10).map(\.tenant)) == ["a", "b"])
    #expect(engine.busiestTopics(10).count == 2)
    #expect(engine.busiestTopics(0).isEmpty)
  }
}
