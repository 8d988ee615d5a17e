import Testing

@testable import GodwitEngine

/// Delayed messages that outlive the process.
@Suite struct ScheduleRestartTests {
  private static let second: Int64 = 1_000_000_000
  private let disk = CrashingStore.Disk()

  private func start(now: Int64) throws -> (StreamFixture, CrashingStore) {
    let (fixture, store) = CrashingStore.start(on: self.disk, now: now * Self.second)
    try fixture.tenant.restoreMessages()
    return (fixture, store)
  }

  private final class Sent {
    var texts: [String] = []
  }

  private func send(_ fixture: StreamFixture) -> Sent {
    let sent = Sent()
    fixture.tenant.schedule.send(for: 1) { record, note in
      sent.texts.append("\(record.text) \(String(decoding: note, as: UTF8.self))")
    }
    return sent
  }

  @discardableResult
  private func add(
    _ fixture: StreamFixture, _ text: String, at time: Int64
  ) throws -> UInt64 {
    try fixture.tenant.record("later", text).withPublication { publication in
      Result { [time] in
        try fixture.tenant.schedule.add(
          &publication, at: time * Self.second, sender: 1, note: Array("by me".utf8))
      }
    }.get()
  }

  @Test func whatIsCommittedGoesOutAfterARestart() throws {
    do {
      let (fixture, store) = try self.start(now: 100)
      try self.add(fixture, "soon", at: 110)
      try self.add(fixture, "later", at: 200)
      let cancelled = try self.add(fixture, "cancelled", at: 150)
      store.commit()
      #expect(fixture.tenant.schedule.count == 3)
      #expect(fixture.tenant.schedule.cancel(cancelled))
      #expect(!fixture.tenant.schedule.cancel(cancelled))
      store.commit()
      try self.add(fixture, "never committed", at: 120)
    }
    let (fixture, store) = try self.start(now: 120)
    store.isSlow = true
    #expect(fixture.tenant.schedule.count == 2)
    fixture.advance(by: Self.second)
    // Its time has come, and nobody knows whose it is.
    let sent = self.send(fixture)
    #expect(sent.texts == [])
    store.read()
    #expect(sent.texts == ["soon by me"])
    store.isSlow = false
    fixture.advance(by: 100 * Self.second)
    #expect(sent.texts == ["soon by me", "later by me"])
    store.commit()
    #expect(fixture.tenant.schedule.count == 0)
    #expect(fixture.tenant.queues?.log.count == 0)
    let (again, _) = try self.start(now: 500)
    #expect(again.tenant.schedule.count == 0)
  }

  @Test func aRefusedMessageIsNotSent() throws {
    let (fixture, store) = try self.start(now: 100)
    let sent = self.send(fixture)
    try self.add(fixture, "refused", at: 110)
    store.failLogs()
    fixture.advance(by: 20 * Self.second)
    #expect(sent.texts == [])
    #expect(fixture.tenant.schedule.count == 0)
  }
}
