import GodwitEngine
import GodwitPrimitives
import Testing

/// A stream and its groups against the model, step by step: publishing, commits that succeed and
/// fail, time, deletions, groups that come, read, acknowledge and go, and restarts.
struct StreamPropertyTests {
  @Test(arguments: 1...60)
  func behavesAsTheModelDoes(seed: UInt64) throws {
    var run = try Run(seed: seed)
    for step in 0..<400 {
      try run.step()
      run.snapshotNowAndThen()
      let difference = run.difference
      #expect(difference == nil, "seed \(seed), step \(step): \(difference ?? "")")
      guard difference == nil else { return }
    }
  }

  private struct Run {
    var random: Random
    /// When the streams write down what they know: it changes nothing, so it takes no part in what
    /// `random` decides.
    var snapshots: Random
    let disk = CrashingStore.Disk()
    var fixture: StreamFixture
    var store: CrashingStore
    var stream: GodwitEngine.Stream
    var model: StreamModel
    var published = 0
    var last = ""

    init(seed: UInt64) throws {
      self.snapshots = Random(seed: seed &+ 1_000)
      var random = Random(seed: seed)
      var settings = StreamSettings(name: "s", patterns: [TopicPattern("a.*")])
      settings.retention =
        [.limits, .limits, .interest, .workQueue]
        .randomElement(using: &random) ?? .limits
      settings.recordsMax = [0, 0, 20].randomElement(using: &random) ?? 0
      settings.recordsPerTopicMax = [0, 0, 1, 5].randomElement(using: &random) ?? 0
      settings.overflow = Bool.random(using: &random) ? .refuse : .dropOldest
      settings.refusesPerTopic =
        settings.overflow == .refuse && settings.recordsPerTopicMax > 0
        && Bool.random(using: &random)
      settings.ageMax = [0, 30 * tick].randomElement(using: &random) ?? 0
      settings.duplicateWindow = [0, 20 * tick].randomElement(using: &random) ?? 0
      settings.allowsExpiry = true
      let made = CrashingStore.start(on: self.disk, now: 1_000_000_000)
      self.fixture = made.fixture
      self.store = made.store
      self.stream = try made.fixture.tenant.streams.create(settings)
      self.store.commit()
      self.model = StreamModel(settings: settings, now: self.fixture.engine.now)
      self.random = random
    }

    private mutating func chance(_ percent: Int) -> Bool {
      Int.random(in: 0..<100, using: &self.random) < percent
    }

    private mutating func name() -> String { "g\(Int.random(in: 0..<4, using: &self.random))" }

    private mutating func topic() -> String { "a.\(Int.random(in: 0..<5, using: &self.random))" }

    mutating func step() throws {
      switch Int.random(in: 0..<100, using: &self.random) {
      case 0..<30: self.publish()
      case 30..<45: self.commit()
      case 45..<52: self.advance()
      case 52..<55: try self.delete()
      case 55..<57: try self.purge()
      case 57..<62: try self.changeGroup()
      case 62..<80: self.lease()
      case 80..<98: self.settleOne()
      default: try self.restart()
      }
    }

    mutating func snapshotNowAndThen() {
      guard Int.random(in: 0..<20, using: &self.snapshots) == 0 else { return }
      self.fixture.tenant.streams.takeSnapshots()
    }

    private mutating func publish() {
      let topic = self.topic()
      let id = self.chance(30) ? "\(Int.random(in: 0..<8, using: &self.random))" : nil
      var expiresAt: Int64 = 0
      if self.chance(10) {
        expiresAt =
          self.fixture.engine.now + Int64.random(in: 1...20, using: &self.random) * tick
      }
      self.published += 1
      let text = "\(self.published)" + (id.map { "|id=\($0)" } ?? "")
      self.last = "publish \(topic) \(text)"
      let expected = self.model.publish(topic, text, id: id, expiresAt: expiresAt)
      let got = self.fixture.publish(topic, text, expiresAt: expiresAt).map(\.text)
      #expect(got == [expected], "\(self.last)")
    }

    private mutating func commit() {
      if self.chance(90) {
        self.last = "commit"
        self.store.commit()
        self.model.commit()
      } else {
        self.last = "fail"
        self.store.failLogs()
        self.model.fail()
      }
    }

    private mutating func advance() {
      let time = Int64.random(in: 1...12, using: &self.random) * tick
      self.last = "advance \(time)"
      self.fixture.advance(by: time)
      self.model.advance(to: self.fixture.engine.now)
    }

    private mutating func delete() throws {
      guard let offset = self.model.kept.randomElement(using: &self.random)?.offset else { return }
      self.last = "delete \(offset)"
      self.model.remove(offset)
      try self.stream.delete(offset) { #expect($0) }
    }

    private mutating func purge() throws {
      // A purge waits for what is on its way.
      self.store.commit()
      self.model.commit()
      let topic = self.topic()
      let keeping = Int.random(in: 0...3, using: &self.random)
      self.last = "purge \(topic) \(keeping)"
      let going = self.model.kept.filter { $0.topic == topic }.dropLast(keeping)
      for record in going { self.model.remove(record.offset) }
      try self.stream.purge(.init(pattern: TopicPattern(topic), keeping: keeping)) {
        #expect($0 == going.count)
      }
    }

    private mutating func changeGroup() throws {
      let name = self.name()
      if self.model.groups[name] != nil, self.chance(40) {
        self.last = "delete group \(name)"
        self.model.deleteGroup(name)
        self.stream.deleteGroup(name)
        self.store.settleJournals()
      } else if self.model.groups[name] == nil {
        var settings = StreamGroupSettings(name: name)
        settings.ackWait = Int64.random(in: 1...20, using: &self.random) * tick
        settings.inFlightMax = [0, 3].randomElement(using: &self.random) ?? 0
        settings.deliveriesMax = [0, 3].randomElement(using: &self.random) ?? 0
        settings.acknowledgement = [.each, .each, .all, .none].randomElement(using: &self.random)!
        let filters = [[], ["a.*"], ["a.1"], ["a.1", "a.2"], ["b"]]
        settings.filters = filters.randomElement(using: &self.random)!.map { TopicPattern($0) }
        settings.start = self.start()
        self.last = "make group \(name) \(settings.start) \(settings.filters)"
        self.model.makeGroup(settings)
        _ = try self.stream.makeGroup(settings)
      }
    }

    private mutating func start() -> StreamGroupSettings.Start {
      switch Int.random(in: 0..<6, using: &self.random) {
      case 0: .last
      case 1: .lastPerTopic
      case 2: .new
      case 3:
        .offset(UInt64.random(in: 0...(self.model.nextOffset + 3), using: &self.random))
      case 4: .time(self.fixture.engine.now - Int64.random(in: 0...20, using: &self.random) * tick)
      default: .all
      }
    }

    private mutating func lease() {
      let name = self.name()
      guard let group = self.stream.group(named: name) else { return }
      for _ in 0..<Int.random(in: 1...5, using: &self.random) {
        self.last = "lease \(name)"
        let expected = self.model.lease(name)
        let got = group.lease()
        #expect(got?.offset == expected?.offset)
        #expect(got?.deliveryCount == expected?.count)
      }
    }

    private mutating func settleOne() {
      let name = self.name()
      guard let group = self.stream.group(named: name),
        let offset = self.model.groups[name]?.open.keys.sorted().randomElement(using: &self.random)
      else { return }
      switch Int.random(in: 0..<10, using: &self.random) {
      case 0:
        self.last = "release \(offset) \(name)"
        #expect(group.release(offset) == self.model.release(offset, name, delay: 0))
      case 1:
        let delay = Int64.random(in: 1...20, using: &self.random) * tick
        self.last = "release \(offset) \(name) after \(delay)"
        #expect(
          group.release(offset, delay: delay) == self.model.release(offset, name, delay: delay))
      default:
        self.last = "acknowledge \(offset) \(name)"
        #expect(group.acknowledge(offset) == self.model.acknowledge(offset, name))
      }
    }

    /// A crash: what is not committed is lost, groups' notes alone were written before.
    private mutating func restart() throws {
      self.last = "restart"
      for group in self.stream.groups { group.whenCommitted { _ in } }
      self.store.commitJournals()
      self.model.restart()
      let made = CrashingStore.start(on: self.disk, now: self.fixture.engine.now)
      self.fixture = made.fixture
      self.store = made.store
      self.stream = try #require(made.fixture.tenant.streams["s"])
    }

    /// What differs, in words.
    var difference: String? {
      let stream = self.stream
      let model = self.model
      func unequal<Value: Equatable>(_ what: String, _ got: Value, _ expected: Value) -> String? {
        got == expected ? nil : "after \(self.last): \(what) is \(got), not \(expected)"
      }
      if let found = unequal("records", stream.texts, model.kept.map(\.text))
        ?? unequal("count", stream.count, model.all.count)
        ?? unequal("next", stream.nextOffset, model.nextOffset)
        ?? unequal("topics", stream.topicCount, Set(model.all.map(\.topic)).count)
        ?? unequal(
          "bytes", stream.byteCount, model.all.reduce(0) { $0 + 19 + $1.text.utf8.count })
        ?? unequal("groups", stream.groups.map(\.name), model.groups.keys.sorted())
      {
        return found
      }
      for index in 0..<5 {
        let topic = "a.\(index)"
        let last = model.all.last { $0.topic == topic }?.offset
        if let found = unequal("last", stream.lastOffset(TopicPattern(topic)), last) {
          return found
        }
      }
      for group in stream.groups {
        guard let expected = model.groups[group.name] else { return "no group" }
        if let found = unequal(
          "pending of \(group.name)", group.pendingCount, expected.waiting.count)
          ?? unequal("in flight of \(group.name)", group.inFlight, expected.open.count)
          ?? unequal("sequence of \(group.name)", group.delivered.sequence, expected.sequence)
          ?? unequal("floor of \(group.name)", group.floor.sequence, expected.floor)
        {
          return found
        }
      }
      return nil
    }
  }
}
