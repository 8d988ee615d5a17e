import GodwitPrimitives
import Testing

@testable import GodwitEngine

/// Last values that outlive the process.
@Suite struct RetainedStoreLogTests {
  private let disk = CrashingStore.Disk()

  private func start(now: Int64 = 1_000_000_000) throws -> (StreamFixture, CrashingStore) {
    let (fixture, store) = CrashingStore.start(on: self.disk, now: now)
    try fixture.tenant.restoreMessages()
    return (fixture, store)
  }

  private func values(_ tenant: Tenant) -> [String] {
    var values: [String] = []
    tenant.retained.search(TopicPattern(">")) { record in
      values.append("\(String(decoding: record.topic, as: UTF8.self))=\(record.text)")
      return true
    }
    return values.sorted()
  }

  private var kept: Int { self.disk.logs["retained"]?.records.count ?? 0 }

  @Test func theLastCommittedValueComesBack() throws {
    do {
      let (fixture, store) = try self.start()
      let tenant = fixture.tenant
      for text in ["1", "2", "3"] { try tenant.retained.set(tenant.record("a", text)) }
      try tenant.retained.set(tenant.record("b", "x"))
      try tenant.retained.set(tenant.record("gone", "x"))
      store.commit()
      #expect(self.kept == 3)
      var isDone = false
      try tenant.retained.clear(topic: Array("gone".utf8))?.whenCommitted { _ in isDone = true }
      #expect(!isDone)
      #expect(self.values(tenant) == ["a=3", "b=x"])
      store.commit()
      #expect(isDone)
      #expect(self.kept == 2)
      try tenant.retained.set(tenant.record("a", "never committed"))
      #expect(self.values(tenant) == ["a=never committed", "b=x"])
    }
    let (fixture, _) = try self.start()
    #expect(self.values(fixture.tenant) == ["a=3", "b=x"])
    #expect(fixture.tenant.retained.count == 2)
  }

  @Test func aCrashBetweenWriteAndRemovalLeavesOneValue() throws {
    do {
      let (fixture, store) = try self.start()
      let tenant = fixture.tenant
      try tenant.retained.set(tenant.record("a", "old"))
      store.commit()
      try tenant.retained.set(tenant.record("a", "new"))
      try tenant.retained.set(tenant.record("b", "b"))
      _ = try tenant.retained.clear(topic: Array("b".utf8))
      store.commit()
      // The note of the removals is lost.
      var log = try #require(self.disk.logs["retained"])
      log.records[0] = tenant.record("a", "old")
      log.records[2] = tenant.record("b", "b")
      log.records[3] = tenant.record("b", "")
      log.first = 0
      self.disk.logs["retained"] = log
    }
    let (fixture, _) = try self.start()
    #expect(self.values(fixture.tenant) == ["a=new"])
    #expect(self.kept == 1)
  }

  @Test func whatTheDiskRefusesIsTakenBack() throws {
    let (fixture, store) = try self.start()
    let tenant = fixture.tenant
    try tenant.retained.set(tenant.record("a", "old"))
    store.commit()
    let used = tenant.memory.used
    var outcomes: [EngineError?] = []
    for text in ["new", "newer and longer"] {
      try tenant.retained.set(tenant.record("a", text))?.whenCommitted { outcomes.append($0) }
    }
    try tenant.retained.set(tenant.record("b", "b"))?.whenCommitted { outcomes.append($0) }
    store.failLogs()
    #expect(outcomes.map { $0?.code } == [.storageFailed, .storageFailed, .storageFailed])
    #expect(self.values(tenant) == ["a=old"])
    #expect(tenant.memory.used == used)
    _ = try tenant.retained.clear(topic: Array("a".utf8))
    #expect(self.values(tenant) == [])
    store.failLogs()
    #expect(self.values(tenant) == ["a=old"])
    // And then there is room again.
    try tenant.retained.set(tenant.record("a", "last"))
    store.commit()
    #expect(self.values(tenant) == ["a=last"])
    #expect(self.kept == 1)
  }

  @Test func oneOfTwoWritesThatTheDiskTakesIsWhatThereIs() throws {
    let (fixture, store) = try self.start()
    let tenant = fixture.tenant
    try tenant.retained.set(tenant.record("a", "first"))
    try tenant.retained.set(tenant.record("a", "second"))
    store.commit(only: 1)
    #expect(self.values(tenant) == ["a=first"])
    let (again, _) = try self.start()
    #expect(self.values(again.tenant) == ["a=first"])
  }

  @Test func valuesEndAcrossARestart() throws {
    do {
      let (fixture, store) = try self.start()
      let tenant = fixture.tenant
      try tenant.retained.set(tenant.record("a", "short", expiresAt: 5_000_000_000))
      try tenant.retained.set(tenant.record("b", "long", expiresAt: 50_000_000_000))
      store.commit()
    }
    let (fixture, store) = try self.start(now: 6_000_000_000)
    #expect(self.values(fixture.tenant) == ["b=long"])
    fixture.advance(by: 45_000_000_000)
    #expect(self.values(fixture.tenant) == [])
    store.commit()
    #expect(self.kept == 0)
    #expect(fixture.tenant.retained.count == 0)
  }

  @Test func whatTheBrokerSaysAboutItselfIsNotKept() throws {
    let (fixture, store) = try self.start()
    let receipt = try fixture.tenant.retained.set(fixture.tenant.record("$SYS.uptime", "1"))
    #expect(receipt.map { _ in true } == nil)
    store.commit()
    #expect(self.kept == 0)
  }

  @Test func aValueThatNeverChangesDoesNotHoldTheLogBack() throws {
    let (fixture, store) = try self.start()
    store.commitsAtOnce = true
    let tenant = fixture.tenant
    try tenant.retained.set(tenant.record("still", "here"))
    for number in 0..<9_000 { try tenant.retained.set(tenant.record("busy", "\(number)")) }
    let log = try #require(self.disk.logs["retained"])
    #expect(log.records.count == 2)
    #expect(log.next - log.first < 1_000)
    let (again, _) = try self.start()
    #expect(self.values(again.tenant) == ["busy=8999", "still=here"])
  }
}
