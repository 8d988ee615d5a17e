import GodwitEngine
import NIOCore
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
    log.remove(at: 0)
    #expect(log.firstOffset == 1 && log.startOffset == 0)
    log.trim(before: 5)
    #expect(log.firstOffset == 5 && log.startOffset == 5)
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
    #expect(lax.firstOffset == 3 && lax.startOffset == 3)
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
    func text(_ offset: UInt64) -> String? {
      switch log.entry(at: offset) {
      case .record(let record, let own): own == offset ? record.text : "another"
      case .batch(let bytes, _, let first, let count):
        (first..<first + UInt64(count)).contains(offset) ? String(buffer: bytes) : "another"
      case nil: nil
      }
    }
    for step in 0..<2_000 {
      switch Int.random(in: 0..<6, using: &random) {
      case 0 where log.nextOffset > 0:
        let offset = UInt64.random(in: 0..<log.nextOffset, using: &random)
        log.remove(at: offset)
        model[offset] = nil
      case 1 where log.nextOffset > 40:
        let offset = UInt64.random(in: 0..<log.nextOffset - 20, using: &random)
        log.trim(before: offset)
        model = model.filter { $0.key >= offset }
      case 2:
        let count = Int.random(in: 1...4, using: &random)
        let first = try log.append(
          batch: ByteBuffer(string: "b\(step)"), form: 1, origin: .engine, count: count,
          time: Int64(step))
        for offset in first..<first + UInt64(count) { model[offset] = "b\(step)" }
      case 3 where step % 7 == 0:
        let before = log.byteCount
        let bytes = Int.random(in: 0...before, using: &random)
        let end = log.trimOffset(keeping: bytes)
        log.trim(before: end)
        model = model.filter { $0.key >= end }
        #expect(log.byteCount >= bytes)
      default:
        model[try log.append(tenant.record("t", "\(step)"))] = "\(step)"
      }
      #expect(log.count == model.count)
      let probe = UInt64.random(in: 0...log.nextOffset, using: &random)
      #expect(text(probe) == model[probe])
      let next = model.keys.filter { $0 >= probe }.min()
      #expect(log.next(from: probe) == next ?? log.nextOffset)
      if let oldest = model.keys.min() { #expect(log.firstOffset <= oldest) }
    }
    log.trim(before: log.nextOffset)
    #expect(log.byteCount == 0)
  }
}
