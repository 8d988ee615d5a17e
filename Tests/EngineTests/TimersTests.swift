import GodwitEngine
import Testing

private final class Bell: TimerTarget {
  var rung: [Int] = []
  var onRing: (() -> Void)?

  func timerFired(_ kind: Int) {
    self.rung.append(kind)
    self.onRing?()
  }
}

struct TimersTests {
  let engine = Engine(now: 0)

  private func advance(_ milliseconds: Int64) {
    self.engine.advance(to: self.engine.now + milliseconds * 1_000_000)
    _ = self.engine.timers.fireDue()
  }

  @Test func firesInTimeAndOnce() {
    let bell = Bell()
    _ = self.engine.timers.schedule(afterSeconds: 0.1, bell, kind: 7)
    self.advance(90)
    #expect(bell.rung.isEmpty)
    self.advance(20)
    #expect(bell.rung == [7])
    self.advance(1_000)
    #expect(bell.rung == [7])
  }

  @Test(arguments: [Int64.min, -1, 1_699_999_999_000_000_000])
  func whatIsPastIsDueNow(deadline: Int64) {
    let engine = Engine(now: 1_700_000_000_000_000_000)
    let bell = Bell()
    var announced: [Int64] = []
    engine.timers.deadlineMovedForward = { announced.append($0) }
    _ = engine.timers.schedule(at: deadline, bell, kind: 1)
    _ = engine.timers.schedule(at: .max, bell, kind: 2)
    #expect(announced == [engine.now])
    engine.advance(to: engine.now + 10_000_000)
    _ = engine.timers.fireDue()
    #expect(bell.rung == [1])
  }

  @Test func aTargetMayScheduleAgainAndCancelOthers() {
    let bell = Bell()
    let other = Bell()
    let token = self.engine.timers.schedule(afterSeconds: 10, other, kind: 1)
    bell.onRing = {
      self.engine.timers.cancel(token)
      if bell.rung.count < 3 { _ = self.engine.timers.schedule(afterSeconds: 1, bell, kind: 0) }
    }
    _ = self.engine.timers.schedule(afterSeconds: 1, bell, kind: 0)
    for _ in 0..<200 { self.advance(100) }
    #expect(bell.rung.count == 3)
    #expect(other.rung.isEmpty)
  }

  @Test func whatIsDueAtTheSameMomentIsDoneInTurns() {
    let bell = Bell()
    for kind in 0..<1_000 { _ = self.engine.timers.schedule(at: 1_000_000_000, bell, kind: kind) }
    self.engine.advance(to: 2_000_000_000)
    var turns = 0
    var next: Int64? = 0
    while let due = next, due <= self.engine.now {
      let before = bell.rung.count
      var looks = 0
      next = self.engine.timers.fireDue {
        looks += 1
        return looks < 4
      }
      #expect(bell.rung.count - before <= 64)
      turns += 1
    }
    #expect(turns >= 1_000 / 64)
    #expect(bell.rung.sorted() == Array(0..<1_000))
  }

  @Test func announcesOnlyWhatComesSooner() {
    var announced: [Int64] = []
    self.engine.timers.deadlineMovedForward = { announced.append($0) }
    let bell = Bell()
    _ = self.engine.timers.schedule(at: 1_000_000_000, bell, kind: 0)
    _ = self.engine.timers.schedule(at: 2_000_000_000, bell, kind: 0)
    _ = self.engine.timers.schedule(at: 500_000_000, bell, kind: 0)
    #expect(announced == [1_000_000_000, 500_000_000])
  }

  @Test func aScheduledMessageIsPublishedOrCancelled() throws {
    let tenant = self.engine.tenant(named: "a")
    let recorder = Recorder(tenant: tenant)
    try tenant.subscribe(recorder, "later.>")
    let idle = self.engine.memory.used
    let first = try tenant.schedule.add(tenant.record("later.1", "one"), at: 1_000_000_000) {
      tenant.publish($0)
    }
    try tenant.schedule.add(tenant.record("later.2", "two"), at: 1_000_000_000) {
      tenant.publish($0)
    }
    #expect(tenant.schedule.count == 2)
    #expect(tenant.schedule.cancel(first))
    #expect(!tenant.schedule.cancel(first))
    self.advance(1_100)
    #expect(recorder.got == ["two"])
    #expect(self.engine.memory.used == idle)
    #expect(tenant.schedule.count == 0)
  }

  @Test func anExpiredRecordIsNotPublished() throws {
    let tenant = self.engine.tenant(named: "a")
    let recorder = Recorder(tenant: tenant)
    try tenant.subscribe(recorder, "t")
    let record = tenant.record("t", "old", expiresAt: 5)
    self.engine.advance(to: 6)
    #expect(tenant.publish(record) == 0)
    #expect(recorder.got.isEmpty)
    #expect(self.engine.counters.expired == 1)
  }
}
