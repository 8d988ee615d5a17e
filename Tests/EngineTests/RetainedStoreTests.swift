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
