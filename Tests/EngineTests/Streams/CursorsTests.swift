import GodwitEngine
import Testing

struct CursorsTests {
  private func start(on disk: CrashingStore.Disk) -> (Tenant, CrashingStore) {
    let made = CrashingStore.start(on: disk, now: 1_000)
    return (made.fixture.tenant, made.store)
  }

  @Test func remembersWhatWasCommitted() throws {
    let (tenant, _) = self.start(on: .init())
    let cursors = tenant.cursors
    #expect(cursors.position(of: "g", in: "l") == nil)
    try cursors.commit(7, note: "here", of: "g", in: "l")
    try cursors.commit(3, of: "g", in: "m")
    try cursors.commit(1, of: "h", in: "l")
    #expect(
      cursors.position(of: "g", in: "l") == .init(offset: 7, note: "here", committedAt: 1_000))
    try cursors.commit(5, of: "g", in: "l")
    #expect(cursors.position(of: "g", in: "l")?.offset == 5)
    #expect(cursors.groups == ["g", "h"])
    #expect(cursors.positions(of: "g").mapValues(\.offset) == ["l": 5, "m": 3])
    #expect(cursors.remove("g", in: "l"))
    #expect(!cursors.remove("g", in: "l"))
    #expect(cursors.remove("g"))
    #expect(!cursors.remove("g"))
    #expect(cursors.groups == ["h"])
  }

  @Test func countsAgainstTheBudget() throws {
    let (tenant, _) = self.start(on: .init())
    let before = tenant.memory.used
    try tenant.cursors.commit(1, note: String(repeating: "x", count: 1_000), of: "g", in: "l")
    #expect(tenant.memory.used > before + 1_000)
    try tenant.cursors.commit(2, of: "g", in: "l")
    #expect(tenant.memory.used < before + 1_000)
    tenant.cursors.remove("g")
    #expect(tenant.memory.used == before)
  }

  @Test func positionsOutliveTheProcess() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = self.start(on: disk)
    for index in 0..<60 {
      try before.cursors.commit(UInt64(index), note: "n", of: "g", in: "l")
      store.commit()
    }
    try before.cursors.commit(1, of: "gone", in: "l")
    try before.cursors.commit(1, of: "h", in: "l")
    try before.cursors.commit(2, of: "h", in: "m")
    before.cursors.remove("gone")
    before.cursors.remove("h", in: "l")
    var isWritten = false
    before.cursors.whenCommitted { isWritten = $0 == nil }
    #expect(!isWritten)
    store.commit()
    #expect(isWritten)
    try before.cursors.commit(1_000, of: "g", in: "l")
    let (after, _) = self.start(on: disk)
    try after.cursors.restore()
    #expect(after.cursors.groups == ["g", "h"])
    #expect(
      after.cursors.position(of: "g", in: "l") == .init(offset: 59, note: "n", committedAt: 1_000))
    #expect(after.cursors.positions(of: "h").mapValues(\.offset) == ["m": 2])
  }
}
