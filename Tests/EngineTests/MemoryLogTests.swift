import GodwitEngine
import Testing

struct MemoryLogTests {
  let engine = Engine(now: 1)

  private func log(
    records: Int = 0, bytes: Int = 0, overflow: LogOverflow = .refuse, engine: Engine? = nil
  ) -> MemoryLog {
    MemoryLog(
      name: "q", engine: engine ?? self.engine, recordsMax: records, bytesMax: bytes,
      overflow: overflow)
  }

  @Test func offsetsAreDenseAndNeverGivenTwice() throws {
    let tenant = self.engine.tenant(named: "a")
    let log = self.log()
    for index in 0..<10 { #expect(try log.append(tenant.record("t", "\(index)")) == UInt64(index)) }
    #expect(log.record(at: 3)?.text == "3")
    log.remove(at: 3)
    #expect(log.record(at: 3) == nil)
    log.trim(before: 5)
    #expect(log.firstOffset == 5)
    #expect(log.count == 5)
    #expect(log.record(at: 4) == nil)
    log.trim(before: 100)
    #expect(log.count == 0)
    #expect(try log.append(tenant.record("t", "x")) == 10)
    #expect(log.record(at: 10)?.text == "x")
    #expect(log.record(at: 11) == nil)
  }

  @Test func aFullLogRefusesOrDropsTheOldest() throws {
    let tenant = self.engine.tenant(named: "a")
    let strict = self.log(records: 2)
    _ = try strict.append(tenant.record("t", "1"))
    _ = try strict.append(tenant.record("t", "2"))
    #expect(throws: EngineError.self) { try strict.append(tenant.record("t", "3")) }
    let lax = self.log(records: 2, overflow: .dropOldest)
    for index in 0..<5 { _ = try lax.append(tenant.record("t", "\(index)")) }
    #expect(lax.count == 2)
    #expect(lax.firstOffset == 3)
    #expect(lax.droppedCount == 3)
    #expect(lax.record(at: 4)?.text == "4")
  }

  @Test func bytesAreBoundedAndGivenBack() throws {
    var limits = EngineLimits()
    limits.storedBytesMax = 4_000
    let engine = Engine(limits: limits, now: 1)
    let tenant = engine.tenant(named: "a")
    do {
      let log = self.log(engine: engine)
      #expect(throws: EngineError.self) {
        for index in 0..<100 { _ = try log.append(tenant.record("t", "\(index)")) }
      }
      #expect(engine.memory.used <= 4_000)
      #expect(engine.memory.refusals == 1)
    }
    #expect(engine.memory.used == 0)
    let small = self.log(bytes: 500, engine: engine)
    let large = String(repeating: "x", count: 200)
    #expect(throws: EngineError.self) { try small.append(tenant.record("t", large)) }
  }

  @Test func appendWakesWaitersOnce() throws {
    let tenant = self.engine.tenant(named: "a")
    let log = self.log()
    var woken = 0
    log.whenAppended { woken += 1 }
    _ = try log.append(tenant.record("t", "1"))
    _ = try log.append(tenant.record("t", "2"))
    #expect(woken == 1)
    var durable = false
    log.whenCommitted(before: 2) { durable = $0 == nil }
    #expect(durable)
  }

  @Test(arguments: 1...10)
  func agreesWithADictionary(seed: UInt64) throws {
    var random = Random(seed: seed)
    let tenant = self.engine.tenant(named: "a")
    let log = self.log()
    var model: [UInt64: String] = [:]
    for step in 0..<2_000 {
      switch Int.random(in: 0..<5, using: &random) {
      case 0 where log.nextOffset > 0:
        let offset = UInt64.random(in: 0..<log.nextOffset, using: &random)
        log.remove(at: offset)
        model[offset] = nil
      case 1 where log.nextOffset > 40:
        let offset = UInt64.random(in: 0..<log.nextOffset - 20, using: &random)
        log.trim(before: offset)
        model = model.filter { $0.key >= offset }
      default:
        model[try log.append(tenant.record("t", "\(step)"))] = "\(step)"
      }
      #expect(log.count == model.count)
      let probe = UInt64.random(in: 0...log.nextOffset, using: &random)
      #expect(log.record(at: probe)?.text == model[probe])
      if let oldest = model.keys.min() { #expect(log.firstOffset <= oldest) }
    }
  }
}
