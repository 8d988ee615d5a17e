import GodwitEngine
import GodwitPrimitives
import Testing

/// Streams over a store that commits when it is told to, loses the rest in a crash, and reads
/// slowly.
struct StreamRestartTests {
  /// A fixture whose tenant keeps what it has on `disk`.
  private func start(
    on disk: CrashingStore.Disk, now: Int64 = 1_000_000_000
  ) throws -> (StreamFixture, CrashingStore) {
    let made = CrashingStore.start(on: disk, now: now)
    return (made.fixture, made.store)
  }

  @Test func nothingIsThereBeforeItIsCommitted() throws {
    let (fixture, store) = try self.start(on: .init())
    let stream = try fixture.stream("a") { $0.recordsMax = 1 }
    let group = try stream.makeGroup(StreamGroupSettings(name: "g"))
    var committed: [Bool] = []
    fixture.publish("a", "0").whenCommitted { committed.append($0 == nil) }
    #expect(stream.nextOffset == 1)
    #expect(stream.committedOffset == 0)
    #expect(group.pendingCount == 0)
    #expect(group.lease() == nil)
    store.commit()
    #expect(committed == [true])
    #expect(group.pendingCount == 1)
    fixture.publish("a", "1")
    // What is there does not go before the other is committed.
    #expect(stream.texts == ["0"])
    store.commit()
    #expect(stream.texts == ["1"])
  }

  @Test func whatReadersAreToldOfIsCommitted() throws {
    let (fixture, store) = try self.start(on: .init())
    let stream = try fixture.stream("a.*")
    func topics() -> [String: Int] {
      var found: [String: Int] = [:]
      stream.forEachTopic(
        TopicPattern("a.*"),
        while: { topic, count in
          found[String(decoding: topic, as: UTF8.self)] = count
          return true
        }, done: {})
      #expect(found.count == stream.committedTopicCount)
      return found
    }
    fixture.publish("a.x", "0")
    #expect(stream.committedCount == 0 && stream.committedByteCount == 0)
    #expect(stream.lastReceivedAt == 0 && topics().isEmpty)
    store.commit()
    let (time, size) = (fixture.engine.now, stream.byteCount)
    fixture.advance(by: tick)
    for (topic, text) in [("a.x", "1"), ("a.y", "2"), ("a.y", "3")] {
      fixture.publish(topic, text)
    }
    #expect(stream.count == 4 && stream.committedCount == 1)
    #expect(stream.committedByteCount == size && stream.lastReceivedAt == time)
    #expect(topics() == ["a.x": 1])
    store.commit(EngineError(.storageFailed, "no room"))
    #expect(stream.count == 1 && stream.committedCount == 1 && stream.byteCount == size)
    #expect(stream.lastReceivedAt == time && topics() == ["a.x": 1])
    for topic in ["a.y", "a.z"] { fixture.publish(topic, "4") }
    #expect(topics() == ["a.x": 1])
    store.commit()
    #expect(stream.committedCount == 3 && stream.committedByteCount == stream.byteCount)
    #expect(stream.lastReceivedAt == fixture.engine.now)
    #expect(topics() == ["a.x": 1, "a.y": 1, "a.z": 1])
  }

  @Test func aRollupLeavesCountsOfReadersRight() throws {
    let (fixture, store) = try self.start(on: .init())
    let stream = try fixture.stream("a.*") { $0.allowsRollup = true }
    fixture.publish("a.x", "0")
    fixture.publish("a.y", "1|rollup=all")
    fixture.publish("a.x", "2")
    store.commit(only: 2)
    #expect(stream.committedCount == 1 && stream.committedTopicCount == 1)
    fixture.publish("a.z", "3")
    #expect(stream.committedCount == 1 && stream.committedTopicCount == 1)
    store.commit()
    #expect(stream.committedCount == 2 && stream.committedTopicCount == 2)
  }

  @Test func aPurgeLeavesWhatIsCommittedWithIt() throws {
    let (fixture, store) = try self.start(on: .init())
    let stream = try fixture.stream("a")
    fixture.publish("a", "0")
    store.commit()
    fixture.publish("a", "1")
    var purged: Int?
    try stream.purge(.init()) { purged = $0 }
    fixture.publish("a", "2")
    store.commit()
    #expect(purged == 2)
    #expect(stream.texts == ["2"])
    #expect(stream.count == 1)
    #expect(stream.topicCount == 1)
  }

  @Test func limitsHoldWhenAPublisherIsTold() throws {
    let (fixture, store) = try self.start(on: .init())
    let stream = try fixture.stream("a") { $0.recordsPerTopicMax = 1 }
    for index in 0..<3 {
      fixture.publish("a", "\(index)").whenCommitted { _ in #expect(stream.texts == ["2"]) }
    }
    store.commit()
    #expect(stream.texts == ["2"])
  }

  @Test func aFailedCommitIsTakenBack() throws {
    let (fixture, store) = try self.start(on: .init())
    let stream = try fixture.stream("a.*") { $0.duplicateWindow = 100 * tick }
    let group = try stream.makeGroup(StreamGroupSettings(name: "g"))
    fixture.publish("a.x", "0|id=m")
    store.commit()
    var errors: [EngineError.Code?] = []
    for text in ["1|id=n", "2|id=o"] {
      fixture.publish("a.x", text).whenCommitted { errors.append($0?.code) }
    }
    fixture.publish("a.y", "3").whenCommitted { errors.append($0?.code) }
    #expect(fixture.publish("a.x", "4|id=n").map(\.text) == ["=1"])
    store.commit(EngineError(.storageFailed, "no room"))
    #expect(errors == [.storageFailed, .storageFailed, .storageFailed])
    #expect(stream.count == 1)
    #expect(stream.topicCount == 1)
    #expect(stream.lastOffset(TopicPattern("a.x")) == 0)
    #expect(fixture.publish("a.x", "5|id=n|end=1|last=m").map(\.text) == ["1"])
    store.commit()
    #expect(group.take() == ["0|id=m", "5|id=n|end=1|last=m"])
  }

  @Test func aCommitMayFailInPartAndUnnoticed() throws {
    let (fixture, store) = try self.start(on: .init())
    let stream = try fixture.stream("a.*")
    let group = try stream.makeGroup(StreamGroupSettings(name: "g"))
    for topic in ["a.x", "a.y", "a.y"] { fixture.publish(topic, topic) }
    store.commit(only: 1)
    #expect(fixture.publish("a.y", "new|end=0|next=1").map(\.text) == ["1"])
    store.commit()
    #expect(stream.texts == ["a.x", "new|end=0|next=1"])
    #expect(stream.count == 2)
    #expect(group.take().count == 2)
  }

  @Test func aLogThatHasFailedForGoodIsLeftInPeace() throws {
    let (fixture, store) = try self.start(on: .init())
    let stream = try fixture.stream("a.*")
    fixture.publish("a.x", "0")
    store.commit()
    var errors: [EngineError.Code?] = []
    for _ in 0..<3 { fixture.publish("a.y", "1").whenCommitted { errors.append($0?.code) } }
    store.failForGood(EngineError(.storageFailed, "the disk is gone"))
    #expect(errors == [.storageFailed, .storageFailed, .storageFailed])
    #expect(stream.count == 1)
    #expect(stream.topicCount == 1)
    #expect(stream.texts == ["0"])
    #expect(fixture.publish("a.x", "2").refusal != nil)
    #expect(stream.count == 1)
  }

  @Test func aStreamBeginsAgainWithAllItHad() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = try self.start(on: disk)
    let stream = try before.stream("a.*") {
      $0.duplicateWindow = 100 * tick
      $0.allowsExpiry = true
      $0.recordsPerTopicMax = 2
      $0.metadata = ["who": "me"]
      $0.firstOffset = 10
    }
    for index in 0..<5 { before.publish("a.\(index % 2)", "\(index)|id=\(index)") }
    before.publish("a.2", "5|ttl=\(10 * tick)")
    store.commit()
    before.publish("a.0", "lost")
    let settings = stream.settings
    let (after, _) = try self.start(on: disk, now: before.engine.now)
    let again = try #require(after.tenant.streams["s"])
    #expect(again.settings == settings)
    #expect(again.createdAt == stream.createdAt)
    #expect(again.texts == ["1|id=1", "2|id=2", "3|id=3", "4|id=4", "5|ttl=\(10 * tick)"])
    #expect(again.byteCount == stream.byteCount - 16 - 7)
    #expect(again.nextOffset == 16)
    #expect(after.publish("a.1", "3|id=3").map(\.text) == ["=13"])
    #expect(again.count(TopicPattern("a.1")) == 2)
    after.advance(by: 10 * tick)
    #expect(again.count == 4)
  }

  @Test func deletedAndChangedStreamsStaySo() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = try self.start(on: disk)
    let stream = try before.stream("a")
    _ = try before.stream("b") { $0.name = "gone" }
    _ = try before.stream("c") {
      $0.name = "fleeting"
      $0.storage = .memory
    }
    before.publish("b", "1")
    var settings = stream.settings
    settings.recordsMax = 7
    try before.tenant.streams.update(stream, to: settings)
    before.tenant.streams.delete("gone")
    store.settle()
    let (after, _) = try self.start(on: disk)
    #expect(after.tenant.streams.all.map(\.name) == ["s"])
    #expect(after.tenant.streams["s"]?.settings.recordsMax == 7)
    #expect(try after.stream("b") { $0.name = "gone" }.count == 0)
  }

  @Test func whatIsDeletedGoesWhenThatIsWrittenDown() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = try self.start(on: disk)
    _ = try before.stream("a")
    before.publish("a", "1")
    store.commit()
    before.tenant.streams.delete("s")
    // The crash comes first: all is as it was.
    let (again, secondStore) = try self.start(on: disk)
    let stream = try #require(again.tenant.streams["s"])
    #expect(stream.texts == ["1"])
    again.tenant.streams.delete("s")
    // Until then there is no room for a new one of the name.
    #expect(throws: EngineError.self) { try again.stream("a") }
    secondStore.commit()
    // Which has nothing of the old one.
    #expect(try again.stream("a").count == 0)
    again.publish("a", "2")
    secondStore.commit()
    let (after, _) = try self.start(on: disk)
    #expect(after.tenant.streams["s"]?.texts == ["2"])
  }

  @Test func aGroupGoesOnWhereItWas() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = try self.start(on: disk)
    let stream = try before.stream("a")
    var settings = StreamGroupSettings(name: "g")
    settings.ackWait = 10 * tick
    settings.backOff = [10 * tick, 20 * tick]
    settings.filters = [TopicPattern("a")]
    settings.metadata = ["k": "v"]
    let group = try stream.makeGroup(settings)
    for index in 0..<6 { before.publish("a", "\(index)") }
    store.commit()
    for _ in 0..<4 { _ = group.lease() }
    group.acknowledge(0)
    group.acknowledge(2)
    group.release(1)
    var isWritten = false
    group.whenCommitted { isWritten = $0 == nil }
    #expect(!isWritten)
    store.commit()
    #expect(isWritten)
    let (after, _) = try self.start(on: disk, now: before.engine.now)
    let again = try #require(after.tenant.streams["s"]?.group(named: "g"))
    #expect(again.settings == settings)
    #expect(again.pendingCount == 2)
    #expect(again.inFlight == 2)
    #expect(again.delivered == group.delivered)
    #expect(again.floor == group.floor)
    let lease = try #require(again.lease())
    #expect(lease.offset == 1)
    #expect(lease.deliveryCount == 2)
    #expect(lease.sequence == 5)
    #expect(again.take() == ["4", "5"])
    after.advance(by: 10 * tick)
    #expect(again.lease()?.offset == 3)
  }

  @Test func deletedGroupsStayAway() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = try self.start(on: disk)
    let stream = try before.stream("a")
    _ = try stream.makeGroup(StreamGroupSettings(name: "g"))
    _ = try stream.makeGroup(StreamGroupSettings(name: "h"))
    var fleeting = StreamGroupSettings(name: "f")
    fleeting.isDurable = false
    _ = try stream.makeGroup(fleeting)
    stream.deleteGroup("g")
    store.settle()
    let (after, _) = try self.start(on: disk)
    let again = try #require(after.tenant.streams["s"])
    #expect(again.groups.map(\.name) == ["h"])
    _ = try again.makeGroup(StreamGroupSettings(name: "i"))
    #expect(again.groupCount == 2)
  }

  @Test func snapshotsKeepGroupsWhole() throws {
    let disk = CrashingStore.Disk()
    let (before, store) = try self.start(on: disk)
    store.commitsAtOnce = true
    let stream = try before.stream("a")
    var settings = StreamGroupSettings(name: "g")
    settings.start = .lastPerTopic
    let group = try stream.makeGroup(settings)
    for index in 0..<200 {
      before.publish("a", "\(index)")
      let lease = try #require(group.lease())
      if index % 50 != 0 { group.acknowledge(lease.offset) }
      before.advance(by: tick)
    }
    #expect(disk.journals["groups s"]?.count ?? .max < 60)
    let (after, _) = try self.start(on: disk, now: before.engine.now)
    let again = try #require(after.tenant.streams["s"]?.group(named: "g"))
    #expect(again.inFlight == 4)
    #expect(again.floor == group.floor)
    #expect(again.delivered == group.delivered)
  }

  @Test func whatGroupsAreDoneWithGoesAfterARestart() throws {
    for retention in [StreamSettings.Retention.workQueue, .interest] {
      let disk = CrashingStore.Disk()
      let (before, store) = try self.start(on: disk)
      let stream = try before.stream("a") { $0.retention = retention }
      let group = try stream.makeGroup(StreamGroupSettings(name: "g"))
      for index in 0..<3 { before.publish("a", "\(index)") }
      store.commit()
      _ = group.take()
      // The log forgets what it removed only now and then: here, never.
      let kept = disk.logs
      group.acknowledge(1)
      group.whenCommitted { _ in }
      store.commit()
      disk.logs = kept
      let (after, _) = try self.start(on: disk)
      #expect(after.tenant.streams["s"]?.texts == ["0", "2"])
    }
  }

  // MARK: A slow disk

  @Test func waitsForTheDisk() throws {
    let (fixture, store) = try self.start(on: .init())
    store.commitsAtOnce = true
    store.isSlow = true
    let stream = try fixture.stream("a.*")
    for index in 0..<4 { fixture.publish("a.\(index % 2)", "\(index)") }
    let group = try stream.makeGroup(StreamGroupSettings(name: "g"))
    var woken = 0
    #expect(group.lease() == nil)
    group.whenAvailable { woken += 1 }
    #expect(woken == 0)
    store.read()
    #expect(woken == 1)
    #expect(group.lease()?.record.text == "0")
    var found: UInt64?
    stream.findNext(TopicPattern("a.1"), from: 2) { found = $0?.offset }
    while found == nil { store.read() }
    #expect(found == 3)
    var purged: Int?
    try stream.purge(.init(pattern: TopicPattern("a.1"))) { purged = $0 }
    fixture.publish("a.1", "4")
    for _ in 0..<10 { store.read() }
    #expect(purged == 2)
    #expect(stream.count == 3)
  }

  @Test func retentionWaitsForTheDisk() throws {
    let (fixture, store) = try self.start(on: .init())
    store.commitsAtOnce = true
    store.isSlow = true
    let stream = try fixture.stream("a.*") {
      $0.recordsMax = 2
      $0.ageMax = 10 * tick
    }
    for index in 0..<4 { fixture.publish("a.\(index)", "\(index)") }
    #expect(stream.count == 4)
    for _ in 0..<3 { store.read() }
    #expect(stream.count == 2)
    fixture.advance(by: 10 * tick)
    for _ in 0..<3 { store.read() }
    #expect(stream.count == 0)
  }

  @Test func beginsAtATimeWhenTheDiskHasAnswered() throws {
    let (fixture, store) = try self.start(on: .init())
    store.commitsAtOnce = true
    let stream = try fixture.stream("a")
    for index in 0..<20 {
      fixture.publish("a", "\(index)")
      fixture.advance(by: tick)
    }
    store.isSlow = true
    var settings = StreamGroupSettings(name: "g")
    settings.start = .time(1_000_000_000 + 15 * tick)
    let group = try stream.makeGroup(settings)
    #expect(group.lease() == nil)
    var woken = 0
    group.whenAvailable { woken += 1 }
    for _ in 0..<6 { store.read() }
    #expect(woken == 1)
    store.isSlow = false
    #expect(group.pendingCount == 5)
    #expect(group.take() == ["15", "16", "17", "18", "19"])
  }
}
