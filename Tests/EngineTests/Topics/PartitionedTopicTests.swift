import GodwitEngine
import NIOCore
import Testing

struct PartitionedTopicTests {
  private let fixture = StreamFixture()
  private var tenant: Tenant { self.fixture.tenant }

  private func make(
    _ name: String = "t", partitions: Int = 1,
    change: (inout PartitionedTopicSettings) -> Void = { _ in }
  ) throws -> PartitionedTopic {
    var settings = PartitionedTopicSettings(
      name: name, topic: Array("top.\(name)".utf8), partitions: partitions)
    change(&settings)
    return try self.tenant.partitionedTopics.create(settings)
  }

  private func batch(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

  @Test func whatAnybodyPublishesIsInOnePartition() throws {
    let topic = try self.make(partitions: 3)
    let captures = self.fixture.publish("top.t", "one")
    #expect(captures.count == 1)
    #expect(captures.first?.partition?.topic === topic)
    #expect(captures.first?.stream == nil)
    var isKept = false
    captures.whenCommitted { isKept = $0 == nil }
    #expect(isKept)
    #expect(topic.partitions.map(\.log.count).reduce(0, +) == 1)
    #expect(self.fixture.publish("top.other", "one").isEmpty)
  }

  @Test func aKeyChoosesThePartition() throws {
    let topic = try self.make(partitions: 5)
    self.tenant.partitionedTopics.choose = { key, count in
      #expect(count == 5)
      return Int(key.first ?? 0) - 48
    }
    for key in ["0", "3", "3", "9"] {
      var metadata = Metadata()
      metadata.key = Array(key.utf8)
      self.tenant.publish(topic: Array("top.t".utf8), payload: [], metadata: metadata)
    }
    // What the rule answers outside counts as no answer.
    #expect(topic.partitions.map(\.log.count) == [2, 0, 0, 2, 0])
  }

  @Test func theRuleSaysWhoseTimeItIs() throws {
    let topic = try self.make()
    func publish(_ sentAt: Int64?) {
      var metadata = Metadata()
      metadata.sentAt = sentAt
      self.tenant.publish(topic: Array("top.t".utf8), payload: [1], metadata: metadata)
    }
    publish(5)
    self.tenant.partitionedTopics.time = { asked, sentAt in
      #expect(asked === topic)
      return sentAt == 7 ? nil : sentAt * 2
    }
    for sentAt: Int64? in [nil, 6, 7] { publish(sentAt) }
    let log = topic.partitions[0].log
    let now = self.fixture.engine.now
    #expect((0..<4).map { log.record(at: $0)?.receivedAt } == [now, now, 12, now])
    #expect(log.record(at: 2)?.body == ByteBuffer(bytes: [1]))
    #expect(log.record(at: 2)?.metadata?.sentAt == 6)
  }

  @Test func whatHasNoKeyIsSpreadInTurns() throws {
    let topic = try self.make(partitions: 2)
    let text = String(repeating: "x", count: 1_000)
    for _ in 0..<64 { self.fixture.publish("top.t", text) }
    let counts = topic.partitions.map(\.log.count)
    #expect(counts.reduce(0, +) == 64)
    #expect(counts.allSatisfy { $0 >= 16 })
    let first = try #require(topic.partitions[0].log.record(at: 0))
    #expect(first.text == text)
  }

  @Test func readsBatchesAndRecordsInOrder() throws {
    let partition = try self.make().partitions[0]
    #expect(partition.name == "t-0")
    try partition.append(batch: self.batch("abc"), form: 2, origin: .engine, count: 3, time: 5)
    self.fixture.publish("top.t", "r")
    try partition.append(batch: self.batch("de"), origin: .engine, count: 2, time: 6)
    #expect(partition.nextOffset == 6)
    #expect(partition.text(from: 0) == ["abc@0+3", "r@3", "de@4+2"])
    #expect(partition.text(from: 2) == ["abc@0+3", "r@3", "de@4+2"])
    #expect(partition.text(from: 3) == ["r@3", "de@4+2"])
    #expect(partition.text(from: 5) == ["de@4+2"])
    #expect(partition.text(from: 6) == [])
    #expect(partition.text(from: 0, maxBytes: 1) == ["abc@0+3"])
    #expect(partition.text(from: 0, maxBytes: 9) == ["abc@0+3", "r@3"])
    partition.trim(before: 1)
    #expect(partition.firstOffset == 1)
    #expect(partition.text(from: 0, maxBytes: 3) == ["abc@0+3"])
    #expect(partition.offset(forTime: 6) == 3)
    #expect(throws: EngineError.self) {
      try partition.append(batch: self.batch(""), origin: .engine, count: 0, time: 0)
    }
    #expect(throws: EngineError.self) {
      try partition.append(
        batch: self.batch(""), origin: .engine, count: Partition.batchRecordsMax + 1, time: 0)
    }
  }

  @Test func aBatchIsWrittenWhereItIsKeptOrNotAtAll() throws {
    let partition = try self.make().partitions[0]
    var room: [Int] = []
    func append(_ size: Int, count: Int) throws {
      try partition.append(batchOf: size, origin: .engine, count: count, time: 5) { target in
        room.append(target.count)
        target.copyBytes(from: "abcdef".utf8.prefix(size))
      }
    }
    try append(3, count: 2)
    try append(0, count: 1)
    #expect(throws: EngineError.self) { try append(3, count: 0) }
    #expect(room == [3, 0])
    #expect(partition.text(from: 0) == ["abc@0+2", "@2+1"])
  }

  @Test func readersAreWokenOrForgotten() throws {
    let topic = try self.make()
    let partition = topic.partitions[0]
    var woken: [Int] = []
    partition.whenAppended { woken.append(1) }
    let second = partition.whenAppended { woken.append(2) }
    partition.whenAppended { woken.append(3) }
    partition.cancel(second)
    try partition.append(batch: self.batch("x"), origin: .engine, count: 1, time: 0)
    #expect(woken == [1, 3])
    try partition.append(batch: self.batch("x"), origin: .engine, count: 1, time: 0)
    #expect(woken == [1, 3])
    partition.whenAppended { woken.append(4) }
    #expect(self.tenant.partitionedTopics.delete("t"))
    #expect(woken == [1, 3, 4])
  }

  @Test func wakesNobodyWithinAPublish() throws {
    let topic = try self.make()
    let recorder = Recorder(tenant: self.tenant)
    try self.tenant.subscribe(recorder, "top.*")
    var wasTold = false
    topic.partitions[0].whenAppended { wasTold = recorder.got == ["x"] }
    self.fixture.publish("top.t", "x")
    #expect(wasTold)
  }

  @Test func othersHearWhatIsPublishedElsewhere() throws {
    let topic = try self.make()
    #expect(!topic.hasOtherListeners)
    let recorder = Recorder(tenant: self.tenant)
    let subscription = try self.tenant.subscribe(recorder, "top.*")
    #expect(topic.hasOtherListeners)
    let record = self.tenant.record("top.t", "x")
    var memo: Route?
    let taken = record.withPublication { topic.publishElsewhere(&$0, memo: &memo) }
    #expect(taken == 1)
    #expect(recorder.got == ["x"])
    #expect(topic.partitions[0].log.count == 0)
    self.tenant.router.unsubscribe(subscription)
    #expect(!topic.hasOtherListeners)
    self.fixture.publish("top.t", "x")
    #expect(topic.partitions[0].log.count == 1)
  }

  @Test func oldRecordsGo() throws {
    let topic = try self.make { $0.ageMax = 60_000_000_000 }
    let partition = topic.partitions[0]
    for _ in 0..<10 {
      self.fixture.publish("top.t", "x")
      self.fixture.advance(by: 10_000_000_000)
    }
    self.fixture.advance(by: 5_000_000_000)
    #expect(partition.firstOffset == 4 || partition.firstOffset == 5)
    self.fixture.advance(by: 100_000_000_000)
    #expect(partition.log.count == 0)
    #expect(partition.firstOffset == 10)
    var settings = topic.settings
    settings.cleanup = .compact
    try self.tenant.partitionedTopics.update(topic, to: settings)
    self.fixture.publish("top.t", "x")
    self.fixture.advance(by: 100_000_000_000)
    #expect(partition.log.count == 1)
  }

  @Test func whatIsTooMuchGoes() throws {
    let topic = try self.make { $0.bytesMax = 10_000 }
    let partition = topic.partitions[0]
    for index in 0..<100 {
      if index % 2 == 0 {
        self.fixture.publish("top.t", String(repeating: "x", count: 200))
      } else {
        try partition.append(
          batch: self.batch(String(repeating: "y", count: 400)), origin: .engine, count: 4, time: 0)
      }
    }
    #expect(partition.log.byteCount >= 10_000)
    #expect(partition.log.byteCount < 11_200)
    #expect(partition.nextOffset == 250)
  }

  @Test func partitionsAreAddedAndNeverTakenAway() throws {
    let topic = try self.make(partitions: 2)
    let topics = self.tenant.partitionedTopics
    try topics.addPartitions(topic, to: 4)
    #expect(topic.partitions.map(\.name) == ["t-0", "t-1", "t-2", "t-3"])
    #expect(throws: EngineError.self) { try topics.addPartitions(topic, to: 4) }
    var settings = topic.settings
    settings.partitions = 3
    #expect(throws: EngineError.self) { try topics.update(topic, to: settings) }
    settings.partitions = PartitionedTopicSettings.partitionsMax + 1
    #expect(throws: EngineError.self) { try topics.update(topic, to: settings) }
    settings = topic.settings
    settings.topic = Array("other".utf8)
    #expect(throws: EngineError.self) { try topics.update(topic, to: settings) }
    #expect(throws: EngineError.self) { try self.make(partitions: 0) }
    #expect(throws: EngineError.self) { try self.make("t") }
    #expect(topics.count == 1)
  }

  @Test func eachHasATimeOfItsOwn() throws {
    let first = try self.make()
    self.tenant.partitionedTopics.delete("t")
    let second = try self.make()
    let third = try self.make("other")
    #expect(first.createdAt < second.createdAt && second.createdAt < third.createdAt)
  }

  @Test func aDeletedTopicLeavesNothing() throws {
    let topics = self.tenant.partitionedTopics
    var events: [String] = []
    topics.observe { event in
      switch event {
      case .created(let topic): events.append("+\(topic.name)")
      case .updated(let topic): events.append("=\(topic.name)")
      case .deleted(let topic): events.append("-\(topic.name)")
      }
    }
    let before = self.fixture.engine.memory.used
    do {
      let topic = try self.make(partitions: 2)
      let partition = topic.partitions[1]
      try topics.addPartitions(topic, to: 3)
      for _ in 0..<100 { self.fixture.publish("top.t", String(repeating: "x", count: 1_000)) }
      self.tenant.cursors.commit(["t-1": (1, ""), "u-1": (1, "")], of: "g") { _ in }
      #expect(topics.delete("t"))
      #expect(!topics.delete("t"))
      #expect(events == ["+t", "=t", "-t"])
      #expect(topic.isDeleted && topic.partitions.isEmpty)
      #expect(self.tenant.cursors.positions(of: "g").keys.sorted() == ["u-1"])
      #expect(throws: EngineError.self) {
        try partition.append(batch: self.batch("x"), origin: .engine, count: 1, time: 0)
      }
      #expect(self.fixture.publish("top.t", "x").isEmpty)
      self.tenant.cursors.removeAll(of: "g") { _ in }
    }
    #expect(self.fixture.engine.memory.used == before)
    #expect(try self.make().partitions[0].nextOffset == 0)
  }
}

extension Partition {
  /// What is there, in short: text, offset, and of batches how many records.
  func text(from offset: UInt64, maxBytes: Int = .max) -> [String] {
    self.entries(from: offset, maxBytes: maxBytes).map { entry in
      switch entry {
      case .record(let record, let offset): "\(record.text)@\(offset)"
      case .batch(let bytes, _, let first, let count):
        "\(String(buffer: bytes))@\(first)+\(count)"
      }
    }
  }
}
