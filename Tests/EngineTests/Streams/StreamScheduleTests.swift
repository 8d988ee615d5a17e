import GodwitEngine
import GodwitPrimitives
import Testing

/// Sends what is due to the topic `out`, and notes what it was.
private final class Sender: StreamVoice {
  let fixture: StreamFixture
  var refuses = false
  private(set) var sent: [String] = []

  init(_ fixture: StreamFixture) {
    self.fixture = fixture
    fixture.tenant.streams.voice = self
  }

  func republish(_ republication: Republication, _ tenant: Tenant) {}
  func markerMetadata(of stream: GodwitEngine.Stream) -> Metadata { Metadata() }

  func send(_ due: DueRecord, in stream: GodwitEngine.Stream) -> Capture.Result {
    if self.refuses { return .refused(.recordsMax) }
    let text = due.record.text.split(separator: "|")[0]
    let from = String(decoding: due.record.topic, as: UTF8.self)
    self.sent.append(String(text))
    let payload = "\(text)|from=\(from)" + (due.next.map { "|due=\($0)" } ?? "")
    return Array("out".utf8).withUnsafeBytes { topic in
      Array(payload.utf8).withUnsafeBytes { payload in
        var publication = Publication(
          topic: topic, payload: payload, origin: self.fixture.reader.origin,
          native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .atLeastOnce)
        return stream.append(&publication, sentOnFrom: due.record.topic, next: due.next)
      }
    }
  }
}

/// Records that a stream sends on when their time has come.
struct StreamScheduleTests {
  private let second: Int64 = 1_000_000_000

  private func stream(
    _ fixture: StreamFixture, change: (inout StreamSettings) -> Void = { _ in }
  ) throws -> GodwitEngine.Stream {
    try fixture.stream("a.*") {
      $0.sendsScheduled = true
      $0.allowsRollup = true
      change(&$0)
    }
  }

  @Test func aTimeComesOnce() throws {
    let fixture = StreamFixture()
    let sender = Sender(fixture)
    let stream = try self.stream(fixture)
    fixture.publish("a.x", "x|at=\(3 * self.second)|rollup=topic")
    fixture.publish("a.y", "y|at=\(2 * self.second)|rollup=topic")
    #expect(stream.scheduledCount == 2)
    fixture.advance(by: self.second + tick)
    #expect(sender.sent == ["y"])
    fixture.advance(by: 5 * self.second)
    #expect(sender.sent == ["y", "x"])
    #expect(stream.texts == ["y|from=a.y", "x|from=a.x"])
    #expect(stream.scheduledCount == 0)
  }

  @Test func aStreamThatSendsNothingKeepsIt() throws {
    let fixture = StreamFixture()
    let sender = Sender(fixture)
    let stream = try self.stream(fixture) { $0.sendsScheduled = false }
    fixture.publish("a.x", "x|at=0")
    fixture.advance(by: self.second)
    #expect(sender.sent == [])
    #expect(stream.count == 1)
  }

  @Test func aRepetitionSkipsWhatWasMissed() throws {
    let fixture = StreamFixture()
    let sender = Sender(fixture)
    let stream = try self.stream(fixture)
    fixture.publish("a.x", "x|every=\(self.second)|rollup=topic")
    for _ in 0..<3 { fixture.advance(by: self.second) }
    #expect(sender.sent.count == 3)
    fixture.advance(by: 10 * self.second)
    #expect(sender.sent.count == 4)
    fixture.advance(by: self.second)
    #expect(sender.sent.count == 5)
    #expect(stream.scheduledCount == 1)
  }

  @Test(arguments: [0, 1])
  func aRecordThatGoesIsNotSent(perTopic: Int) throws {
    let fixture = StreamFixture()
    let sender = Sender(fixture)
    let stream = try self.stream(fixture) { $0.recordsPerTopicMax = perTopic }
    for name in ["deleted", "purged", "replaced", "ended"] {
      fixture.publish("a.\(name)", "\(name)|at=\(3 * self.second)|rollup=topic")
    }
    try stream.delete(0) { #expect($0) }
    try stream.purge(.init(pattern: TopicPattern("a.purged"))) { #expect($0 == 1) }
    fixture.publish("a.replaced", "plain|rollup=topic")
    fixture.publish("a.other", "other|from=a.ended")
    #expect(stream.isScheduled(Array("a.ended".utf8)) == nil)
    #expect(stream.isScheduled(Array("a.replaced".utf8)) == false)
    #expect(stream.scheduledCount == 0)
    fixture.advance(by: 5 * self.second)
    #expect(sender.sent == [])
    #expect(stream.texts == ["plain|rollup=topic", "other|from=a.ended"])
  }

  @Test func whatIsRefusedIsTriedAgain() throws {
    let fixture = StreamFixture()
    let sender = Sender(fixture)
    sender.refuses = true
    let stream = try self.stream(fixture)
    fixture.publish("a.x", "x|at=\(2 * self.second)|rollup=topic")
    fixture.advance(by: 2 * self.second)
    #expect(stream.count == 1)
    sender.refuses = false
    fixture.advance(by: 2 * self.second)
    #expect(stream.texts == ["x|from=a.x"])
  }

  @Test func whatIsNotCommittedIsSentAgain() throws {
    let (fixture, store) = CrashingStore.start(on: .init(), now: self.second)
    let sender = Sender(fixture)
    let stream = try self.stream(fixture)
    fixture.publish("a.x", "x|at=\(2 * self.second)|rollup=topic")
    #expect(stream.isScheduled(Array("a.x".utf8)) == true)
    store.commit()
    fixture.advance(by: 2 * self.second)
    #expect(sender.sent == ["x"])
    store.commit(EngineError(.storageFailed, "no room"))
    #expect(stream.texts == ["x|at=\(2 * self.second)|rollup=topic"])
    fixture.advance(by: 2 * self.second)
    store.commit()
    #expect(sender.sent == ["x", "x"])
    #expect(stream.texts == ["x|from=a.x"])
  }

  @Test func aStartGoesOn() throws {
    let disk = CrashingStore.Disk()
    do {
      let (fixture, store) = CrashingStore.start(on: disk, now: self.second)
      let sender = Sender(fixture)
      _ = try self.stream(fixture)
      fixture.publish("a.once", "once|at=\(3 * self.second)|rollup=topic")
      fixture.publish("a.done", "done|at=\(2 * self.second)|rollup=topic")
      fixture.publish("a.every", "every|every=\(10 * self.second)|rollup=topic")
      fixture.publish("a.new", "new|every=\(10 * self.second)|rollup=topic")
      store.commit()
      fixture.advance(by: self.second + tick)
      #expect(sender.sent == ["done"])
      store.commit()
      // It was sent, and when it is due again is known.
      fixture.publish("a.note", "every|from=a.every|due=\(11 * self.second)")
      store.commit()
    }
    let (fixture, store) = CrashingStore.start(on: disk, now: 15 * self.second)
    let sender = Sender(fixture)
    let stream = try #require(fixture.tenant.streams["s"])
    #expect(stream.scheduledCount == 3)
    fixture.advance(by: tick)
    // What may have been sent, `new`, waits for its next time.
    #expect(sender.sent == ["once", "every"])
    store.commit()
    fixture.advance(by: 10 * self.second)
    #expect(sender.sent == ["once", "every", "every", "new"])
  }

  /// An orderly end writes down when each is due, so that the log need not be read.
  @Test func aSnapshotKnowsTheTimes() throws {
    let disk = CrashingStore.Disk()
    do {
      let (fixture, store) = CrashingStore.start(on: disk, now: self.second)
      let sender = Sender(fixture)
      _ = try self.stream(fixture)
      fixture.publish("a.once", "once|at=\(9 * self.second)|rollup=topic")
      fixture.publish("a.every", "every|every=\(5 * self.second)|rollup=topic")
      store.commit()
      fixture.advance(by: 5 * self.second)
      #expect(sender.sent == ["every"])
      store.commit()
      fixture.tenant.streams.takeSnapshots()
      store.commit()
    }
    let (fixture, store) = CrashingStore.start(on: disk, now: 8 * self.second)
    let sender = Sender(fixture)
    let stream = try #require(fixture.tenant.streams["s"])
    #expect(stream.recordsReadAtStart == 0)
    #expect(stream.scheduledCount == 2)
    fixture.advance(by: self.second)
    #expect(sender.sent == ["once"])
    store.commit()
    // It is due at 6 and 5 more: it was sent at 6.
    fixture.advance(by: 2 * self.second)
    #expect(sender.sent == ["once", "every"])
  }

  /// The crash came when what was sent was there, and the schedule not gone yet.
  @Test func whatWasSentIsNotSentAgain() throws {
    let disk = CrashingStore.Disk()
    do {
      let (fixture, store) = CrashingStore.start(on: disk, now: self.second)
      let stream = try self.stream(fixture) { $0.sendsScheduled = false }
      fixture.publish("a.x", "x|at=\(2 * self.second)")
      fixture.publish("a.out", "x|from=a.x")
      store.commit()
      #expect(stream.count == 2)
      var settings = stream.settings
      settings.sendsScheduled = true
      try fixture.tenant.streams.update(stream, to: settings)
      store.commit()
    }
    let (fixture, _) = CrashingStore.start(on: disk, now: 5 * self.second)
    let sender = Sender(fixture)
    let stream = try #require(fixture.tenant.streams["s"])
    fixture.advance(by: self.second)
    #expect(sender.sent == [])
    #expect(stream.texts == ["x|from=a.x"])
  }
}
