import GodwitEngine
import GodwitPrimitives
import Testing

struct RetainedStoreTests {
  let engine = Engine(now: 1)

  private func found(_ tenant: Tenant, _ pattern: String) -> [String] {
    var texts: [String] = []
    tenant.retained.search(TopicPattern(canonical: Array(pattern.utf8))) { record in
      texts.append(record.text)
      return true
    }
    return texts.sorted()
  }

  @Test func keepsTheLastValueOfEachTopic() throws {
    let tenant = self.engine.tenant(named: "a")
    try tenant.retained.set(tenant.record("x.y", "1"))
    try tenant.retained.set(tenant.record("x.y", "2"))
    try tenant.retained.set(tenant.record("x.z", "3"))
    #expect(self.found(tenant, "x.*") == ["2", "3"])
    #expect(tenant.retained.count == 2)
    #expect(tenant.retained.remove(topic: Array("x.y".utf8)))
    #expect(!tenant.retained.remove(topic: Array("x.y".utf8)))
    #expect(self.found(tenant, ">") == ["3"])
  }

  @Test func expires() throws {
    let tenant = self.engine.tenant(named: "a")
    try tenant.retained.set(tenant.record("x", "1", expiresAt: 50_000_000))
    #expect(self.found(tenant, "x") == ["1"])
    self.engine.advance(to: 50_000_000)
    #expect(self.found(tenant, "x").isEmpty)
    self.engine.advance(to: 100_000_000)
    _ = self.engine.timers.fireDue()
    #expect(tenant.retained.count == 0)
    #expect(self.engine.memory.used == 0)
  }

  @Test func replacingAnExpiringValueStopsItsTimer() throws {
    let tenant = self.engine.tenant(named: "a")
    try tenant.retained.set(tenant.record("x", "1", expiresAt: 50_000_000))
    try tenant.retained.set(tenant.record("x", "2"))
    self.engine.advance(to: 200_000_000)
    _ = self.engine.timers.fireDue()
    #expect(self.found(tenant, "x") == ["2"])
  }

  @Test func aTopicOfTooManyLevelsIsRefused() throws {
    let tenant = self.engine.tenant(named: "a")
    let deep = Array(repeating: "x", count: 256).joined(separator: ".")
    try tenant.retained.set(tenant.record(deep, "1"))
    #expect(throws: EngineError.self) { try tenant.retained.set(tenant.record(deep + ".x", "1")) }
    Array((deep + ".x").utf8).withUnsafeBytes { #expect(!self.engine.limits.allows(topic: $0)) }
    Array(deep.utf8).withUnsafeBytes { #expect(self.engine.limits.allows(topic: $0)) }
    #expect(tenant.retained.count == 1)
  }

  @Test func everyLevelIsChargedAndGivenBack() throws {
    let tenant = self.engine.tenant(named: "a")
    try tenant.retained.set(tenant.record("a", "1"))
    let flat = self.engine.memory.used
    try tenant.retained.set(tenant.record("b" + String(repeating: ".b", count: 49), "1"))
    #expect(self.engine.memory.used > flat + 50 * 256)
    #expect(tenant.retained.byteCount == self.engine.memory.used)
    // A larger value is charged, a smaller one gives back.
    let deep = self.engine.memory.used
    try tenant.retained.set(tenant.record("a", String(repeating: "x", count: 5_000)))
    #expect(self.engine.memory.used >= deep + 4_096)
    try tenant.retained.set(tenant.record("a", "1"))
    #expect(self.engine.memory.used == deep)
    for pattern in ["a", "b" + String(repeating: ".b", count: 49)] {
      #expect(tenant.retained.remove(topic: Array(pattern.utf8)))
    }
    #expect(self.engine.memory.used == 0)
    #expect(tenant.memory.used == 0)
  }

  @Test func whatIsRefusedLeavesNothingBehind() throws {
    var limits = EngineLimits()
    limits.storedBytesMax = 8_000
    let engine = Engine(limits: limits, now: 1)
    let tenant = engine.tenant(named: "a")
    defer { withExtendedLifetime(engine) {} }
    try tenant.retained.set(tenant.record("a", "1"))
    let used = engine.memory.used
    let deep = String(repeating: "b.", count: 99) + "b"
    #expect(throws: EngineError.self) { try tenant.retained.set(tenant.record(deep, "1")) }
    #expect(engine.memory.used == used)
    #expect(tenant.retained.count == 1)
    // A value that grows too large is lost, and its room is given back.
    let large = String(repeating: "x", count: 9_000)
    #expect(throws: EngineError.self) { try tenant.retained.set(tenant.record("a", large)) }
    #expect(engine.memory.used == 0)
  }

  @Test func aWalkPassesOverWhatCameLater() throws {
    let tenant = self.engine.tenant(named: "a")
    for index in 0..<10 { try tenant.retained.set(tenant.record("t.\(index)", "old")) }
    let everything = TopicPattern(canonical: Array(">".utf8))
    let cursor = tenant.retained.cursor(everything, upTo: tenant.retained.lastNumber)
    var found: [String] = []
    #expect(cursor.advance(5) { found.append(String(decoding: $0.topic, as: UTF8.self)) })
    let seen = found
    #expect(!seen.isEmpty && seen.count < 5)
    let rest = (0..<10).map { "t.\($0)" }.filter { !seen.contains($0) }
    try tenant.retained.set(tenant.record(rest[0], "new"))
    try tenant.retained.set(tenant.record("t.x", "new"))
    #expect(tenant.retained.remove(topic: Array(rest[1].utf8)))
    while cursor.advance(1, { found.append(String(decoding: $0.topic, as: UTF8.self)) }) {}
    #expect(found.sorted() == (seen + rest.dropFirst(2)).sorted())
  }

  @Test func isBounded() throws {
    var limits = EngineLimits()
    limits.retainedMax = 2
    let engine = Engine(limits: limits, now: 1)
    let tenant = engine.tenant(named: "a")
    defer { withExtendedLifetime(engine) {} }
    try tenant.retained.set(tenant.record("1", "1"))
    try tenant.retained.set(tenant.record("2", "2"))
    #expect(throws: EngineError.self) { try tenant.retained.set(tenant.record("3", "3")) }
    try tenant.retained.set(tenant.record("2", "again"))
    #expect(tenant.retained.count == 2)
  }
}
