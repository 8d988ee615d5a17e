import GodwitEngine
import Testing

struct CursorsTests {
  private func start(on disk: CrashingStore.Disk) -> (Tenant, CrashingStore) {
    let made = CrashingStore.start(on: disk, now: 1_000)
    return (made.fixture.tenant, made.store)
  }

  private func commit(
    _ offset: UInt64, _ note: String = "", of group: String, in log: String, _ tenant: Tenant
  ) {
    tenant.cursors.commit([log: (offset, note)], of: group) { _ in }
  }

  @Test func remembersWhatWasCommitted() {
    let (tenant, store) = self.start(on: .init())
    let cursors = tenant.cursors
    #expect(cursors.position(of: "g", in: "l") == nil)
    var told: [Bool] = []
    cursors.commit(["l": (7, "here"), "m": (3, "")], of: "g") { told.append($0 == nil) }
    self.commit(1, of: "h", in: "l", tenant)
    // It may be refused yet.
    #expect(cursors.groups.isEmpty && told.isEmpty)
    store.commit()
    #expect(told == [true])
    #expect(
      cursors.position(of: "g", in: "l")
        == .init(offset: 7, note: "here", committedAt: 1_000, rank: 1))
    self.commit(4, of: "g", in: "l", tenant)
    self.commit(5, of: "g", in: "l", tenant)
    #expect(cursors.position(of: "g", in: "l")?.offset == 7)
    store.commit()
    #expect(cursors.positions(of: "g").mapValues(\.offset) == ["l": 5, "m": 3])
    #expect(cursors.groups == ["g", "h"])
    cursors.remove(["l"], of: "g") { told.append($0 == nil) }
    #expect(cursors.position(of: "g", in: "l")?.offset == 5)
    store.commit()
    #expect(cursors.positions(of: "g").mapValues(\.offset) == ["m": 3])
    cursors.removeAll(of: "g") { told.append($0 == nil) }
    store.commit()
    #expect(cursors.groups == ["h"])
    #expect(told == [true, true, true])
  }

  @Test func countsAgainstTheBudget() {
    let (tenant, store) = self.start(on: .init())
    let before = tenant.memory.used
    self.commit(1, String(repeating: "x", count: 1_000), of: "g", in: "l", tenant)
    #expect(tenant.memory.used > before + 1_000)
    store.commit()
    #expect(tenant.memory.used > before + 1_000)
    self.commit(2, of: "g", in: "l", tenant)
    self.commit(3, String(repeating: "x", count: 1_000), of: "g", in: "l", tenant)
    self.commit(4, of: "g", in: "l", tenant)
    store.commit()
    #expect(tenant.memory.used < before + 1_000)
    tenant.cursors.removeAll(of: "g") { _ in }
    store.commit()
    #expect(tenant.memory.used == before)
  }

  @Test func whatIsOnItsWayToALogThatIsGoneComesToNothing() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = self.start(on: disk)
    let used = before.memory.used
    self.commit(1, of: "g", in: "l", before)
    self.commit(2, of: "h", in: "m", before)
    store.commit()
    before.cursors.commit(["l": (3, ""), "m": (4, "")], of: "g") { _ in }
    before.cursors.commit(["l": (5, "")], of: "new") { _ in }
    before.cursors.forget(["l"])
    #expect(before.cursors.groups == ["h"])
    store.commit()
    #expect(before.cursors.groups == ["g", "h"])
    #expect(before.cursors.positions(of: "g").mapValues(\.offset) == ["m": 4])
    let (after, _) = self.start(on: disk)
    try after.cursors.restore()
    #expect(after.cursors.groups == ["g", "h"])
    #expect(after.cursors.positions(of: "g").mapValues(\.offset) == ["m": 4])
    for group in ["g", "h"] { before.cursors.removeAll(of: group) { _ in } }
    store.commit()
    #expect(before.memory.used == used)
  }

  @Test func whatIsForgottenIsForgottenOfAllGroupsAndOfNoOtherLog() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = self.start(on: disk)
    for group in ["f", "g", "h"] {
      before.cursors.commit(["l": (1, ""), "m": (2, "")], of: group) { _ in }
    }
    store.commit()
    before.cursors.remove(["l"], of: "f") { _ in }
    before.cursors.removeAll(of: "h") { _ in }
    store.commit()
    self.commit(7, of: "h", in: "l", before)
    store.commit()
    before.cursors.forget(["l", "unknown"])
    #expect(before.cursors.groups == ["f", "g"])
    self.commit(3, of: "g", in: "l", before)
    store.commit()
    let (after, _) = self.start(on: disk)
    try after.cursors.restore()
    #expect(after.cursors.positions(of: "g").mapValues(\.offset) == ["l": 3, "m": 2])
    after.cursors.forget(["m"])
    #expect(after.cursors.groups == ["g"])
    after.cursors.forget(["l"])
    #expect(after.cursors.groups.isEmpty)
  }

  @Test func forgettingCostsWhatIsForgotten() {
    let (tenant, store) = self.start(on: .init())
    for group in 0..<20_000 { self.commit(1, of: "g\(group)", in: "l", tenant) }
    store.commit()
    let clock = ContinuousClock()
    let time = clock.measure { for log in 0..<1_000 { tenant.cursors.forget(["m\(log)"]) } }
    // All groups each time would be half a minute.
    #expect(time < .seconds(2))
    #expect(tenant.cursors.position(of: "g7", in: "l")?.offset == 1)
  }

  @Test func positionsOutliveTheProcess() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = self.start(on: disk)
    for index in 0..<60 {
      self.commit(UInt64(index), "n", of: "g", in: "l", before)
      store.commit()
    }
    self.commit(1, of: "gone", in: "l", before)
    before.cursors.commit(["l": (1, ""), "m": (2, "")], of: "h") { _ in }
    before.cursors.removeAll(of: "gone") { _ in }
    var isWritten = false
    before.cursors.remove(["l"], of: "h") { isWritten = $0 == nil }
    #expect(!isWritten)
    store.commit()
    #expect(isWritten)
    self.commit(1_000, of: "g", in: "l", before)
    let (after, _) = self.start(on: disk)
    try after.cursors.restore()
    #expect(after.cursors.groups == ["g", "h"])
    #expect(
      after.cursors.position(of: "g", in: "l")
        == .init(offset: 59, note: "n", committedAt: 1_000, rank: 60))
    #expect(after.cursors.positions(of: "h").mapValues(\.offset) == ["m": 2])
  }

  @Test func whatWasDecidedEarlierAndCommittedLaterTakesNothingBack() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = self.start(on: disk)
    func offset(_ tenant: Tenant) -> UInt64? {
      tenant.cursors.position(of: "g", in: "l")?.offset
    }
    let first = before.cursors.nextRank()
    let second = before.cursors.nextRank()
    before.cursors.commit(["l": (2, "")], of: "g", rank: second) { _ in }
    store.commit()
    before.cursors.commit(["l": (1, ""), "m": (1, "")], of: "g", rank: first) { _ in }
    store.commit()
    #expect(before.cursors.positions(of: "g").mapValues(\.offset) == ["l": 2, "m": 1])
    let third = before.cursors.nextRank()
    self.commit(5, of: "g", in: "l", before)
    before.cursors.commit(["l": (3, "")], of: "g", rank: third) { _ in }
    store.commit()
    #expect(offset(before) == 5)
    let used = before.memory.used

    let (after, next) = self.start(on: disk)
    let base = after.memory.used
    try after.cursors.restore()
    #expect(offset(after) == 5 && after.memory.used - base == used)
    after.cursors.commit(["l": (3, "")], of: "g", rank: third) { _ in }
    next.commit()
    #expect(offset(after) == 5)
    // A position of this life is later than all before.
    self.commit(4, of: "g", in: "l", after)
    next.commit()
    #expect(offset(after) == 4)
    // So is one that is committed behind what was decided before, of which no position is left.
    after.cursors.commit(["m": (6, "")], of: "g", rank: 100) { _ in }
    self.commit(7, of: "g", in: "m", after)
    next.commit()
    #expect(after.cursors.position(of: "g", in: "m")?.offset == 7)
  }
}
