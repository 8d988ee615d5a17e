import GodwitEngine
import GodwitPrimitives
import Testing

struct StreamGroupTests {
  let fixture = StreamFixture()

  private func filled(_ count: Int) throws -> GodwitEngine.Stream {
    let stream = try self.fixture.stream("a.*")
    for index in 0..<count { self.fixture.publish("a.\(index % 2)", "\(index)") }
    return stream
  }

  private func group(
    _ stream: GodwitEngine.Stream, _ change: (inout StreamGroupSettings) -> Void = { _ in }
  ) throws -> StreamGroup {
    var settings = StreamGroupSettings(name: "g")
    settings.ackWait = 10 * tick
    change(&settings)
    return try stream.makeGroup(settings)
  }

  @Test func handsOutInOrder() throws {
    let group = try self.group(self.filled(3)) { $0.inFlightMax = 2 }
    #expect(group.pendingCount == 3)
    #expect(group.take() == ["0", "1"])
    #expect(group.pendingCount == 1)
    #expect(group.acknowledge(0))
    #expect(!group.acknowledge(0))
    #expect(!group.acknowledge(7))
    #expect(group.take() == ["2"])
    #expect(group.inFlight == 2)
    #expect(group.delivered == .init(sequence: 3, end: 3))
    #expect(group.floor == .init(sequence: 1, end: 1))
  }

  @Test func theFloorRisesOverWhatIsDone() throws {
    let group = try self.group(self.filled(4))
    _ = group.take()
    group.acknowledge(2)
    group.acknowledge(1)
    #expect(group.floor == .init(sequence: 0, end: 0))
    group.acknowledge(0)
    #expect(group.floor == .init(sequence: 3, end: 3))
    group.acknowledge(3)
    #expect(group.floor == .init(sequence: 4, end: 4))
  }

  @Test func aLeaseEndsByItself() throws {
    let group = try self.group(self.filled(2))
    _ = group.take()
    self.fixture.advance(by: 5 * tick)
    #expect(group.extend(1))
    self.fixture.advance(by: 5 * tick)
    var woken = 0
    group.whenAvailable { woken += 1 }
    let again = try #require(group.lease())
    #expect(again.offset == 0)
    #expect(again.deliveryCount == 2)
    #expect(again.sequence == 3)
    #expect(group.lease() == nil)
    self.fixture.advance(by: 5 * tick)
    #expect(woken == 1)
    #expect(group.lease()?.offset == 1)
    #expect(group.redelivered == 2)
  }

  @Test func backsOff() throws {
    let group = try self.group(self.filled(1)) { $0.backOff = [tick, 3 * tick] }
    _ = group.lease()
    for wait in [1, 3, 3] as [Int64] {
      self.fixture.advance(by: (wait - 1) * tick)
      #expect(group.lease() == nil)
      self.fixture.advance(by: tick)
      #expect(group.lease() != nil)
    }
  }

  @Test func whatIsGivenBackComesAgain() throws {
    let group = try self.group(self.filled(3))
    _ = group.take()
    #expect(group.release(1))
    #expect(group.release(0, delay: 2 * tick))
    #expect(!group.release(1))
    #expect(group.take() == ["1"])
    self.fixture.advance(by: 2 * tick)
    #expect(group.take() == ["0"])
    #expect(group.deliveryCount(of: 0) == 2)
    #expect(group.inFlight == 3)
    #expect(group.terminate(0))
    #expect(group.deliveryCount(of: 0) == nil)
  }

  @Test func givesUpAfterSoManyDeliveries() throws {
    let group = try self.group(self.filled(1)) {
      $0.deliveriesMax = 2
      $0.deadLetterTopic = Array("dead".utf8)
    }
    let graves = Recorder(tenant: self.fixture.tenant)
    try self.fixture.tenant.subscribe(graves, "dead")
    var exhausted: [Int] = []
    group.onExhausted = { exhausted.append($0.deliveryCount) }
    _ = group.lease()
    group.release(0)
    _ = group.lease()
    self.fixture.advance(by: 10 * tick)
    #expect(group.lease() == nil)
    #expect(exhausted == [2])
    #expect(graves.got == ["0"])
    #expect(group.inFlight == 0)
  }

  @Test func acknowledgesAllBefore() throws {
    let group = try self.group(self.filled(4)) { $0.acknowledgement = .all }
    _ = group.take()
    #expect(group.acknowledge(2))
    #expect(!group.acknowledge(1))
    #expect(group.inFlight == 1)
    #expect(group.floor.end == 3)
  }

  @Test func needsNoAcknowledgement() throws {
    let group = try self.group(self.filled(2)) {
      $0.acknowledgement = .none
      $0.inFlightMax = 1
    }
    #expect(group.take() == ["0", "1"])
    #expect(group.inFlight == 0)
    #expect(!group.acknowledge(0))
    #expect(group.floor == .init(sequence: 2, end: 2))
  }

  @Test func beginsWhereItIsTold() throws {
    let stream = try self.filled(4)
    self.fixture.advance(by: tick)
    let later = self.fixture.engine.now
    self.fixture.publish("a.0", "4")
    func texts(_ start: StreamGroupSettings.Start, _ filter: String? = nil) throws -> [String] {
      let group = try self.group(stream) {
        $0.start = start
        $0.filters = filter.map { [TopicPattern($0)] } ?? []
      }
      let count = group.pendingCount
      let texts = group.take()
      #expect(count == texts.count)
      #expect(group.pendingCount == 0)
      stream.deleteGroup("g")
      return texts
    }
    #expect(try texts(.all) == ["0", "1", "2", "3", "4"])
    #expect(try texts(.all, "a.1") == ["1", "3"])
    #expect(try texts(.all, "a.7") == [])
    #expect(try texts(.last) == ["4"])
    #expect(try texts(.last, "a.1") == ["3"])
    #expect(try texts(.lastPerTopic) == ["3", "4"])
    #expect(try texts(.new) == [])
    #expect(try texts(.offset(3)) == ["3", "4"])
    #expect(try texts(.offset(1), "a.1") == ["1", "3"])
    #expect(try texts(.time(later)) == ["4"])
    #expect(try texts(.time(0)) == ["0", "1", "2", "3", "4"])
    #expect(try texts(.time(later + 1)) == [])
  }

  @Test func newRecordsWakeThoseWhoWantThem() throws {
    let group = try self.group(self.filled(2)) {
      $0.start = .new
      $0.filters = [TopicPattern("a.1")]
    }
    var woken = 0
    group.whenAvailable { woken += 1 }
    self.fixture.publish("a.0", "no")
    #expect(woken == 0)
    #expect(group.pendingCount == 0)
    self.fixture.publish("a.1", "yes")
    #expect(woken == 1)
    #expect(group.take() == ["yes"])
  }

  @Test func roomWakesReaders() throws {
    let group = try self.group(self.filled(2)) { $0.inFlightMax = 1 }
    _ = group.lease()
    var woken = 0
    group.whenAvailable { woken += 1 }
    group.acknowledge(0)
    #expect(woken == 1)
  }

  @Test func pausesUntilATime() throws {
    let group = try self.group(self.filled(1)) {
      $0.pausedUntil = self.fixture.engine.now + 3 * tick
    }
    var woken = 0
    group.whenAvailable { woken += 1 }
    #expect(group.isPaused)
    #expect(group.lease() == nil)
    self.fixture.advance(by: 3 * tick)
    #expect(woken == 1)
    #expect(group.lease() != nil)
  }

  @Test func keepsThePace() throws {
    let stream = try self.fixture.stream("a")
    self.fixture.publish("a", "0")
    self.fixture.advance(by: 3 * tick)
    self.fixture.publish("a", "1")
    let group = try self.group(stream) { $0.keepsPace = true }
    self.fixture.publish("a", "2")
    #expect(group.take() == ["0"])
    self.fixture.advance(by: 2 * tick)
    #expect(group.take() == [])
    self.fixture.advance(by: tick)
    #expect(group.take() == ["1", "2"])
  }

  @Test func aGroupWithoutReadersIsDeleted() throws {
    let stream = try self.filled(0)
    let group = try self.group(stream) { $0.inactiveMax = 5 * tick }
    group.attach()
    self.fixture.advance(by: 10 * tick)
    #expect(stream.groupCount == 1)
    group.detach()
    self.fixture.advance(by: 4 * tick)
    group.touch()
    self.fixture.advance(by: 4 * tick)
    #expect(stream.groupCount == 1)
    self.fixture.advance(by: tick)
    #expect(stream.groupCount == 0)
    #expect(group.isDeleted)
  }

  @Test func whatIsGoneIsNotHandedOut() throws {
    let stream = try self.filled(6)
    let group = try self.group(stream)
    _ = group.lease()
    _ = group.lease()
    group.release(1)
    for offset: UInt64 in [0, 1, 3] { try stream.delete(offset) { _ in } }
    #expect(group.inFlight == 0)
    #expect(group.pendingCount == 3)
    #expect(group.take() == ["2", "4", "5"])
    try stream.purge(.init()) { _ in }
    #expect(group.inFlight == 0)
    #expect(group.floor.end == 6)
    self.fixture.publish("a.0", "6")
    #expect(group.pendingCount == 1)
    #expect(group.take() == ["6"])
  }

  @Test func filtersMayChange() throws {
    let stream = try self.filled(6)
    let group = try self.group(stream) { $0.filters = [TopicPattern("a.0")] }
    #expect(group.lease()?.offset == 0)
    var settings = group.settings
    settings.filters = [TopicPattern("a.1")]
    try stream.updateGroup(group, to: settings)
    #expect(group.pendingCount == 3)
    #expect(group.take() == ["1", "3", "5"])
    settings.acknowledgement = .none
    #expect(throws: EngineError.self) { try stream.updateGroup(group, to: settings) }
  }

  @Test func namesAreGivenOnceAndNumbersAreBounded() throws {
    let stream = try self.fixture.stream("a") { $0.groupsMax = 1 }
    _ = try self.group(stream)
    #expect(throws: EngineError.self) { try self.group(stream) }
    #expect(throws: EngineError.self) { try self.group(stream) { $0.name = "h" } }
    #expect(stream.deleteGroup("g"))
    #expect(!stream.deleteGroup("g"))
    _ = try self.group(stream) { $0.name = "h" }
  }

  // MARK: Retention by groups

  @Test func aWorkQueueForgetsWhatIsDone() throws {
    let stream = try self.fixture.stream("a") { $0.retention = .workQueue }
    for index in 0..<3 { self.fixture.publish("a", "\(index)") }
    let group = try self.group(stream)
    _ = group.take()
    group.acknowledge(1)
    #expect(stream.texts == ["0", "2"])
    group.release(0)
    group.terminate(0)
    #expect(stream.texts == ["2"])
  }

  @Test func interestForgetsWhatAllAreDoneWith() throws {
    let stream = try self.fixture.stream("a.*") { $0.retention = .interest }
    self.fixture.publish("a.0", "nobody")
    #expect(stream.count == 0)
    let one = try self.group(stream) { $0.name = "one" }
    let two = try self.group(stream) {
      $0.name = "two"
      $0.filters = [TopicPattern("a.1")]
    }
    self.fixture.publish("a.0", "0")
    self.fixture.publish("a.1", "1")
    #expect(one.take() == ["0", "1"])
    one.acknowledge(1)
    one.acknowledge(2)
    #expect(stream.texts == ["1"])
    #expect(two.take() == ["1"])
    two.acknowledge(2)
    #expect(stream.count == 0)
    self.fixture.publish("a.1", "2")
    _ = one.take()
    one.acknowledge(3)
    #expect(stream.count == 1)
    stream.deleteGroup("two")
    #expect(stream.count == 0)
  }
}

extension StreamGroup {
  /// Leases all there is; the texts.
  func take() -> [String] {
    var texts: [String] = []
    while let lease = self.lease() { texts.append(lease.record.text) }
    return texts
  }
}
