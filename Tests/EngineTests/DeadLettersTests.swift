import GodwitEngine
import GodwitPrimitives
import Testing

/// What becomes of records that groups give up.
struct DeadLettersTests {
  private let fixture = StreamFixture()
  private var tenant: Tenant { self.fixture.tenant }

  private func rule(
    _ destination: String?, patterns: [String] = [], groups: [String] = [], tenant: String? = nil
  ) -> DeadLetterRule {
    var rule = DeadLetterRule(destination: destination)
    rule.patterns = patterns.map { TopicPattern(canonical: Array($0.utf8)) }
    rule.groups = groups
    rule.tenant = tenant
    return rule
  }

  /// A stream with a record, and a group that is handed each once.
  private func group(
    _ fixture: StreamFixture? = nil, change: (inout StreamGroupSettings) -> Void = { _ in }
  ) throws -> (GodwitEngine.Stream, StreamGroup) {
    let fixture = fixture ?? self.fixture
    let stream = try fixture.stream("a.>")
    var settings = StreamGroupSettings(name: "g")
    settings.deliveriesMax = 1
    settings.ackWait = tick
    change(&settings)
    return (stream, try stream.makeGroup(settings))
  }

  /// The header of that name of the last record of a stream.
  private func header(_ name: String, _ stream: GodwitEngine.Stream) -> String? {
    var value: String?
    stream.withRecord(at: stream.nextOffset - 1) { record in
      record?.withPublication { message in
        value = message.metadata(stream.tenant.engine).headers
          .first { $0.name == Array(name.utf8) }
          .map { String(decoding: $0.value, as: UTF8.self) }
      }
    }
    return value
  }

  @Test func aLetterSaysWhereItComesFrom() throws {
    self.fixture.engine.deadLetterRules = [self.rule("dead.{group}", patterns: ["a.*"])]
    let (_, group) = try self.group()
    self.fixture.publish("a.x", "0")
    _ = group.lease()
    self.fixture.advance(by: tick)
    let letters = try #require(self.tenant.streams[DeadLetters.streamName])
    #expect(letters.texts == ["0"])
    #expect(letters.settings.patterns.map(\.description) == ["dead.g"])
    let expected = [
      DeadLetters.Header.reason: "handed out 1 time in vain", DeadLetters.Header.attempts: "1",
      DeadLetters.Header.topic: "a.x", DeadLetters.Header.group: "g",
      DeadLetters.Header.log: "s", DeadLetters.Header.offset: "0",
      DeadLetters.Header.time: "1970-01-01T00:00:01Z", DeadLetters.Header.origin: "text",
    ]
    for (name, value) in expected { #expect(self.header(name, letters) == value, "\(name)") }
    #expect(group.inFlight == 0)
    #expect(self.tenant.deadLetters.count == 1)
  }

  @Test func whatIsRejectedIsALetterToo() throws {
    self.fixture.engine.deadLetterRules = [self.rule("dead")]
    let (_, group) = try self.group { $0.deliveriesMax = 0 }
    for index in 0..<2 { self.fixture.publish("a.x", "\(index)") }
    _ = group.lease()
    _ = group.lease()
    #expect(group.terminate(0, reason: "not an order\n"))
    #expect(!group.terminate(0))
    #expect(group.acknowledge(1))
    let letters = try #require(self.tenant.streams[DeadLetters.streamName])
    #expect(letters.texts == ["0"])
    #expect(self.header(DeadLetters.Header.reason, letters) == "not an order ")
    #expect(group.inFlight == 0)
  }

  @Test(arguments: [
    ("dead", true), ("dead.{topic}", true), ("b.{log}.{group}", true), ("x.{other}", true),
    ("a b", false), ("*", false),
  ])
  func theFirstRuleThatFitsHolds(destination: String, isFit: Bool) throws {
    self.fixture.engine.deadLetterRules = [
      self.rule("never", tenant: "b"), self.rule("never", patterns: ["b.>"]),
      self.rule("never", groups: ["h*"]), self.rule(destination, groups: ["g*"]),
      self.rule("never"),
    ]
    let record = self.tenant.record(topic: Array("a.x".utf8), payload: [])
    let found = self.tenant.deadLetters.destination(of: record, log: "s.1", group: "g 1")
    let topic = destination.replacing("{topic}", with: "a.x").replacing("{log}", with: "s_1")
      .replacing("{group}", with: "g_1")
    #expect(found.map { String(decoding: $0, as: UTF8.self) } == (isFit ? topic : nil))
  }

  @Test func aRuleMaySayNowhere() throws {
    self.fixture.engine.deadLetterRules = [self.rule(nil, groups: ["g"]), self.rule("dead")]
    let (_, group) = try self.group()
    self.fixture.publish("a.x", "0")
    _ = group.lease()
    self.fixture.advance(by: tick)
    #expect(self.tenant.streams[DeadLetters.streamName] == nil)
    #expect(group.inFlight == 0)
  }

  @Test func aLetterIsNoLetterAgain() throws {
    self.fixture.engine.deadLetterRules = [self.rule("dead.{topic}")]
    let (_, group) = try self.group()
    self.fixture.publish("a.x", "0")
    _ = group.lease()
    self.fixture.advance(by: tick)
    let letters = try #require(self.tenant.streams[DeadLetters.streamName])
    var settings = StreamGroupSettings(name: "again")
    settings.deliveriesMax = 1
    settings.ackWait = tick
    let second = try letters.makeGroup(settings)
    #expect(second.lease() != nil)
    self.fixture.advance(by: tick)
    #expect(second.inFlight == 0)
    #expect(letters.count == 1)
  }

  @Test func topicsAreAddedToTheStreamOfLetters() throws {
    self.fixture.engine.deadLetterRules = [self.rule("dead.{topic}")]
    let (_, group) = try self.group()
    for topic in ["a.x", "a.y", "a.x"] { self.fixture.publish(topic, topic) }
    for _ in 0..<3 { _ = group.lease() }
    self.fixture.advance(by: tick)
    let letters = try #require(self.tenant.streams[DeadLetters.streamName])
    #expect(letters.texts.sorted() == ["a.x", "a.x", "a.y"])
    #expect(
      Set(letters.settings.patterns.map(\.description)) == ["dead.a.x", "dead.a.y"])
  }

  @Test func aTopicWithPartitionsKeepsLetters() throws {
    let settings = PartitionedTopicSettings(name: "dlq", topic: Array("dlq".utf8))
    let topic = try self.tenant.partitionedTopics.create(settings)
    self.fixture.engine.deadLetterRules = [self.rule("dlq")]
    let (_, group) = try self.group()
    self.fixture.publish("a.x", "0")
    _ = group.lease()
    self.fixture.advance(by: tick)
    #expect(topic.partitions[0].log.count == 1)
    #expect(self.tenant.streams[DeadLetters.streamName] == nil)
  }

  @Test func whatALetterSaysTakesMemory() {
    var metadata = Metadata()
    let plain = self.tenant.record(topic: [0x61], payload: []).byteCount
    metadata.headers = [.init(name: [0x61], value: Array(repeating: 0x61, count: 50_000))]
    let letter = self.tenant.record(topic: [0x61], payload: [], metadata: metadata)
    #expect(letter.byteCount >= plain + 50_000)
  }

  // MARK: Lasting

  @Test func aRecordStaysUntilItsLetterLasts() throws {
    let (fixture, store) = CrashingStore.start(on: .init(), now: 100 * tick)
    fixture.engine.deadLetterRules = [self.rule("dead")]
    let (_, group) = try self.group(fixture)
    var exhausted = 0
    group.onExhausted = { _ in exhausted += 1 }
    fixture.publish("a.x", "0")
    store.commit()
    _ = group.lease()
    fixture.advance(by: tick)
    // The letter is written, and not yet there.
    #expect(group.inFlight == 1)
    #expect(group.lease() == nil)
    #expect(!group.release(0))
    #expect(!group.extend(0))
    #expect(exhausted == 0)
    store.commit()
    #expect(group.inFlight == 0)
    #expect(exhausted == 1)
    #expect(fixture.tenant.streams[DeadLetters.streamName]?.texts == ["0"])
  }

  @Test func aLetterThatCannotBeKeptIsTriedAgain() throws {
    let (fixture, store) = CrashingStore.start(on: .init(), now: 100 * tick)
    fixture.engine.deadLetterRules = [self.rule("dead")]
    let (_, group) = try self.group(fixture)
    fixture.publish("a.x", "0")
    store.commit()
    _ = group.lease()
    fixture.advance(by: tick)
    store.failLogs()
    #expect(group.inFlight == 1)
    #expect(fixture.tenant.deadLetters.failures == 1)
    fixture.advance(by: 1_000_000_000 + tick)
    store.commit()
    #expect(group.inFlight == 0)
    #expect(fixture.tenant.streams[DeadLetters.streamName]?.texts == ["0"])
  }

  @Test func aCrashBeforeTheLetterLastsBringsBoth() throws {
    let disk = CrashingStore.Disk()
    let (fixture, store) = CrashingStore.start(on: disk, now: 100 * tick)
    fixture.engine.deadLetterRules = [self.rule("dead")]
    let (_, group) = try self.group(fixture)
    fixture.publish("a.x", "0")
    store.commit()
    _ = group.lease()
    fixture.advance(by: tick)
    // All of the group's notes are there, and the letter is not.
    store.commitJournals()
    let (again, storeAgain) = CrashingStore.start(on: disk, now: 110 * tick)
    again.engine.deadLetterRules = [self.rule("dead")]
    again.advance(by: 1_000_000_000 + 10 * tick)
    storeAgain.commit()
    again.advance(by: tick)
    storeAgain.commit()
    let restored = try #require(again.tenant.streams["s"]?.group(named: "g"))
    for _ in 0..<4 where again.tenant.streams[DeadLetters.streamName] == nil {
      // What was lent a moment before the crash may not be known to have been.
      _ = restored.lease()
      again.advance(by: 2 * tick)
      storeAgain.commit()
    }
    storeAgain.commit()
    #expect(again.tenant.streams[DeadLetters.streamName]?.texts == ["0"])
    #expect(restored.inFlight == 0)
  }
}
