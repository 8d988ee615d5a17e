import Testing

@testable import GodwitEngine

@Suite struct ScheduleTests {
  private static let second: Int64 = 1_000_000_000

  private static func engine(storedBytesMax: Int = 1 << 20) -> Engine {
    var limits = EngineLimits.defaults
    limits.storedBytesMax = storedBytesMax
    return Engine(limits: limits, now: 1_000 * Self.second)
  }

  private static func advance(_ engine: Engine, seconds: Int64) {
    engine.advance(to: engine.now + seconds * Self.second)
    _ = engine.timers.fireDue()
  }

  @Test func firesInOrderOfTimeAndGivesItsMemoryBack() throws {
    let engine = Self.engine()
    let tenant = engine.tenant(named: "t")
    var fired: [String] = []
    for (delay, name) in [(3, "c"), (1, "a"), (2, "b")] as [(Int64, String)] {
      try tenant.schedule.add(
        tenant.record("x", name), at: engine.now + delay * Self.second
      ) { fired.append($0.text) }
    }
    #expect(tenant.schedule.count == 3)
    #expect(engine.memory.used > 0)
    Self.advance(engine, seconds: 0)
    #expect(fired == [])
    Self.advance(engine, seconds: 2)
    Self.advance(engine, seconds: 2)
    #expect(fired == ["a", "b", "c"])
    #expect(tenant.schedule.count == 0)
    #expect(engine.memory.used == 0)
  }

  @Test func whatIsCancelledNeverFires() throws {
    let engine = Self.engine()
    let tenant = engine.tenant(named: "t")
    var fired = 0
    let number = try tenant.schedule.add(
      tenant.record("x", "y"), at: engine.now + Self.second
    ) { _ in fired += 1 }
    #expect(tenant.schedule.cancel(number))
    #expect(!tenant.schedule.cancel(number))
    #expect(!tenant.schedule.cancel(number + 1))
    #expect(engine.memory.used == 0)
    Self.advance(engine, seconds: 5)
    #expect(fired == 0)
  }

  @Test func aSpentBudgetRefuses() throws {
    let engine = Self.engine()
    let first = engine.tenant(named: "t")
    let record = first.record("x", "y")
    try first.schedule.add(record, at: engine.now + Self.second) { _ in }
    let size = engine.memory.used
    #expect(size > record.byteCount)
    let small = Self.engine(storedBytesMax: 2 * size)
    let tenant = small.tenant(named: "t")
    var fired = 0
    for _ in 0..<2 {
      try tenant.schedule.add(tenant.record("x", "y"), at: small.now + Self.second) { _ in
        fired += 1
      }
    }
    #expect(throws: EngineError.self) {
      try tenant.schedule.add(tenant.record("x", "y"), at: small.now) { _ in fired += 1 }
    }
    #expect(small.memory.refusals == 1)
    Self.advance(small, seconds: 2)
    #expect(fired == 2)
    #expect(small.memory.used == 0)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func eachMessageFiresOnceUnlessCancelled(seed: UInt64) throws {
    var random = Random(seed: seed)
    let engine = Self.engine()
    let tenant = engine.tenant(named: "t")
    var waiting: [UInt64: (text: String, at: Int64)] = [:]
    var expected: Set<String> = []
    var fired: [String] = []
    for step in 0..<500 {
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1:
        let at = engine.now + Int64.random(in: 0...(20 * Self.second), using: &random)
        let number = try tenant.schedule.add(tenant.record("x", "\(step)"), at: at) {
          fired.append($0.text)
        }
        waiting[number] = ("\(step)", at)
      case 2:
        guard let number = waiting.keys.sorted().randomElement(using: &random) else { continue }
        let wasWaiting = tenant.schedule.cancel(number)
        let message = waiting.removeValue(forKey: number)
        if !wasWaiting, let message { expected.insert(message.text) }
      default:
        Self.advance(engine, seconds: Int64.random(in: 0...3, using: &random))
        // A wheel's tick may pass between a message's time and its turn.
        for (_, message) in waiting where message.at + 20_000_000 <= engine.now {
          #expect(fired.contains(message.text), "seed \(seed)")
        }
      }
      #expect(fired.count == Set(fired).count, "seed \(seed)")
    }
    Self.advance(engine, seconds: 60)
    expected.formUnion(waiting.values.map(\.text))
    #expect(Set(fired) == expected, "seed \(seed)")
    #expect(tenant.schedule.count == 0)
    #expect(engine.memory.used == 0)
  }
}

@Suite struct MemoryBudgetTests {
  @Test func givesUntilNothingIsLeft() {
    let budget = MemoryBudget(limit: 10)
    #expect(budget.reserve(4))
    #expect(budget.reserve(6))
    #expect(!budget.reserve(1))
    #expect(budget.reserve(0))
    #expect(budget.used == 10)
    #expect(budget.refusals == 1)
    budget.release(5)
    #expect(!budget.reserve(6))
    #expect(budget.reserve(5))
    #expect(budget.refusals == 2)
  }

  @Test func sumsDoNotOverflow() {
    let budget = MemoryBudget(limit: .max)
    #expect(budget.reserve(.max))
    #expect(!budget.reserve(1))
    #expect(!budget.reserve(.max))
    budget.release(.max)
    #expect(budget.used == 0)
  }

  @Test func aPartTakesFromTheWhole() {
    let whole = MemoryBudget(limit: 10)
    let one = MemoryBudget(limit: 6, of: whole)
    let other = MemoryBudget(limit: 6, of: whole)
    #expect(one.reserve(6))
    #expect(!one.reserve(1))
    #expect(!other.reserve(5))
    #expect(other.reserve(4))
    #expect((whole.used, whole.refusals) == (10, 2))
    one.release(6)
    #expect((one.used, other.used, whole.used) == (0, 4, 4))
  }

  @Test func aTenantHasHalfWhenItIsNotAlone() throws {
    var limits = EngineLimits.defaults
    limits.storedBytesMax = 10_000
    let engine = Engine(limits: limits, now: 1)
    defer { withExtendedLifetime(engine) {} }
    let first = engine.tenant(named: "a")
    #expect(first.memory.limit == 10_000)
    let second = engine.tenant(named: "b")
    #expect((first.memory.limit, second.memory.limit) == (5_000, 5_000))
    #expect(throws: EngineError.self) {
      for index in 0..<100 { try first.retained.set(first.record("\(index)", "x")) }
    }
    #expect(first.memory.used <= 5_000)
    try second.retained.set(second.record("x", "x"))
    // Nor does it get what is for those who have yet to come.
    let other = Engine(limits: limits, now: 1)
    other.tenantsExpected = 2
    #expect(other.tenant(named: "a").memory.limit == 5_000)
    other.tenantsExpected = 1
    #expect(other.tenant(named: "a").memory.limit == 10_000)
    limits.tenantStoredBytesMax = 2_000
    #expect(Engine(limits: limits, now: 1).tenant(named: "a").memory.limit == 2_000)
  }

  @Test func whatIsGivenBackTwiceIsNotCounted() {
    let budget = MemoryBudget(limit: 10)
    #expect(budget.reserve(3))
    budget.release(5)
    #expect(budget.used == 0)
    #expect(budget.reserve(10))
    #expect(!budget.reserve(1))
  }
}
