import GodwitEngine
import Testing

/// Changes of topics hold when they are committed, and what is refused leaves nothing.
@Suite struct TopicDefinitionTests {
  private let disk = CrashingStore.Disk()
  private let fixture: StreamFixture
  private let store: CrashingStore
  private static let refusal = EngineError(.storageFailed, "no room")

  init() {
    (self.fixture, self.store) = CrashingStore.start(on: self.disk, now: 1_000_000_000)
  }

  private var topics: PartitionedTopics { self.fixture.tenant.partitionedTopics }

  private func restarted() throws -> [PartitionedTopicSettings] {
    let topics = CrashingStore.start(on: self.disk, now: 1).fixture.tenant.partitionedTopics
    #expect(try topics.restore().isEmpty)
    return topics.all.map(\.settings)
  }

  @Test func whatIsRefusedLeavesNothing() throws {
    var told: [Bool] = []
    func note(_ error: EngineError?) { told.append(error == nil) }
    var events: [String] = []
    self.topics.observe { event in
      switch event {
      case .created: events.append("created")
      case .updated: events.append("updated")
      case .deleted: events.append("deleted")
      }
    }
    let settings = PartitionedTopicSettings(name: "t", topic: Array("t".utf8), partitions: 1)
    let first = try self.topics.create(settings, note)
    self.fixture.publish("t", "1")
    self.store.commit(Self.refusal)
    #expect(first.isDeleted)
    #expect(self.topics["t"] == nil)
    #expect(self.fixture.publish("t", "1").isEmpty)
    #expect(try self.restarted() == [])

    let topic = try self.topics.create(settings, note)
    self.fixture.publish("t", "1")
    self.store.settle()
    var other = settings
    other.ageMax = 7
    for _ in 0..<2 {
      try self.topics.update(topic, to: other, note)
      self.store.commit(Self.refusal)
      try self.topics.addPartitions(topic, to: 3, note)
      #expect(topic.partitions.count == 1)
      self.store.commit(Self.refusal)
      #expect(self.topics.delete("t", note))
      self.store.commit(Self.refusal)
    }
    #expect(topic.settings == settings)
    #expect(topic.partitions.map(\.log.count) == [1])
    #expect(try self.restarted() == [settings])
    #expect(told == [false, true] + Array(repeating: false, count: 6))
    #expect(events == ["created", "deleted", "created"])

    try self.topics.update(topic, to: other, note)
    try self.topics.addPartitions(topic, to: 3, note)
    // That is what it has by then.
    try self.topics.addPartitions(topic, to: 2, note)
    self.store.settle()
    #expect(told.suffix(3) == [true, true, false])
    other.partitions = 3
    #expect(topic.settings == other)
    #expect(topic.partitions.count == 3)
    #expect(try self.restarted() == [other])
    #expect(self.topics.delete("t", note))
    try self.topics.update(topic, to: other, note)
    self.store.settle()
    #expect(told.suffix(2) == [true, false])
    #expect(self.topics.count == 0)
    #expect(try self.restarted() == [])
  }
}
