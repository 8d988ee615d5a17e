import GodwitEngine
import GodwitPrimitives
import Testing

/// What streams change, and send by themselves.
struct StreamSendingTests {
  @Test(arguments: [
    ("a.*.*", "b.{{wildcard(2)}}.$1", "a.x.y", "b.y.x"),
    ("a.>", "b.>", "a.x.y", "b.x.y"), (">", "all.>", "a.b", "all.a.b"),
    ("a.*", "b.{{split(1, -)}}", "a.1-2--3", "b.1.2.3"),
    ("a.*", "b.{{splitFromLeft(1,2)}}", "a.abcd", "b.ab.cd"),
    ("a.*", "b.{{SplitFromRight(1,1)}}", "a.abcd", "b.abc.d"),
    ("a.*", "b.{{sliceFromLeft(1,3)}}", "a.abcdefgh", "b.abc.def.gh"),
    ("a.*", "b.{{sliceFromRight(1,3)}}", "a.abcdefgh", "b.ab.cde.fgh"),
    ("a.*", "b.{{left(1,2)}}.{{right(1,1)}}", "a.abc", "b.ab.c"),
    ("a.*", "b.{{partition(1,1)}}", "a.abc", "b.0"),
  ])
  func transformsTopics(source: String, template: String, topic: String, expected: String) throws {
    let transform = try TopicTransform(source: TopicPattern(source), template: template)
    let result = Array(topic.utf8).withUnsafeBytes { transform.apply(to: $0) }
    #expect(result.map { String(decoding: $0, as: UTF8.self) } == expected)
    #expect(Array("z".utf8).withUnsafeBytes { transform.apply(to: $0) } == nil || source == ">")
  }

  /// FNV-1a of `foo` is 0xA9F37ED7.
  @Test func partitionsByAStableHash() throws {
    let transform = try TopicTransform(
      source: TopicPattern("*"), template: "{{partition(1000,1)}}")
    let result = Array("foo".utf8).withUnsafeBytes { transform.apply(to: $0) }
    #expect(result == Array("\(UInt32(0xA9F3_7ED7) % 1000)".utf8))
  }

  @Test(arguments: [
    ("a.*", "b.$2"), ("a", "b.$1"), ("a.>", "b"), ("a", "b.>"), ("a.*", "b..c"), ("a.*", "b.*"),
    ("a.*", "{{left(1)}}"), ("a.*", "{{partition(0,1)}}"), ("a.*", "{{other(1)}}"),
    ("a.>", "b.>.c"), ("a.*", "{{wildcard(1)"), ("a.*", "{{slicefromleft(1,0)}}"),
    ("a.*", "{{wildcard(-1)}}"), ("a.*", "$0"),
  ])
  func refusesTemplatesThatSayNothing(source: String, template: String) {
    #expect(throws: EngineError.self) {
      try TopicTransform(source: TopicPattern(source), template: template)
    }
  }

  @Test func keepsUnderAnotherTopic() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a.*") {
      $0.transform = try? TopicTransform(source: TopicPattern("a.x"), template: "b")
    }
    #expect(fixture.publish("a.x", "0|end=0").map(\.text) == ["0"])
    #expect(fixture.publish("a.x", "1|end=1").map(\.text) == ["1"])
    fixture.publish("a.y", "2")
    #expect(stream.count(TopicPattern("b")) == 2)
    #expect(stream.count(TopicPattern("a.y")) == 1)
  }

  @Test func whatGoesInACircleComesToAnEnd() throws {
    let fixture = StreamFixture()
    let streams = try [("a", "b"), ("b", "a")].map { own, other in
      try fixture.stream("\(own).*") {
        $0.name = own
        let transform = try? TopicTransform(
          source: TopicPattern("\(own).*"), template: "\(other).$1")
        $0.republish = transform.map { RepublishSettings(transform: $0) }
      }
    }
    fixture.publish("a.x", "0")
    #expect(streams.map(\.count) == [9, 8])
    // Each message is counted by itself.
    fixture.publish("b.x", "1")
    #expect(streams.map(\.count) == [17, 17])
  }

  @Test func publishesAgainWhatItHasKept() throws {
    let fixture = StreamFixture()
    let store = CrashingStore(engine: fixture.engine)
    fixture.tenant.store = store
    let stream = try fixture.stream("a.*") {
      $0.republish = (try? TopicTransform(source: TopicPattern("a.*"), template: "b.$1")).map {
        RepublishSettings(transform: $0)
      }
    }
    let listener = Recorder(tenant: fixture.tenant)
    try fixture.tenant.subscribe(listener, "b.*")
    fixture.publish("a.x", "0")
    #expect(listener.got.isEmpty)
    store.commit()
    #expect(listener.got == ["0"])
    var settings = stream.settings
    settings.republish?.withoutPayload = true
    try fixture.tenant.streams.update(stream, to: settings)
    let voice = Voice()
    fixture.publish("a.x", "1")
    store.commit()
    #expect(listener.got == ["0", ""])
    fixture.tenant.streams.voice = voice
    fixture.publish("a.x", "2")
    store.commit()
    #expect(listener.got == ["0", ""])
    #expect(voice.heard == ["s 2 b.x 2 true"])
  }

  @Test func marksTopicsWhoseLastRecordHasGone() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a.*") {
      $0.allowsExpiry = true
      $0.ageMax = 10 * tick
      $0.markerLife = 5 * tick
    }
    let voice = Voice()
    fixture.tenant.streams.voice = voice
    fixture.publish("a.x", "0|ttl=\(2 * tick)")
    fixture.publish("a.y", "1")
    fixture.advance(by: 2 * tick)
    #expect(stream.texts == ["1", ""])
    var marks: [Bool] = []
    for offset: UInt64 in [1, 2] {
      stream.withRecord(at: offset) { record in
        marks.append(record.map(GodwitEngine.Stream.isMarker) ?? false)
        if offset == 2 { #expect(record?.metadata?.headers.count == 1) }
      }
    }
    #expect(marks == [false, true])
    fixture.advance(by: 5 * tick)
    #expect(stream.texts == ["1"])
    fixture.advance(by: 3 * tick)
    #expect(stream.texts == [""])
    fixture.advance(by: 5 * tick)
    #expect(stream.count == 0)
  }

  @Test func settingsComeBackAsTheyWere() throws {
    let disk = CrashingStore.Disk()
    let made = CrashingStore.start(on: disk, now: 1_000_000_000)
    var settings = StreamSettings(
      name: "s",
      patterns: [
        TopicPattern("a.>"), TopicPattern(canonical: Array("b.>".utf8), openTail: .zeroOrMore),
        TopicPattern(canonical: Array("c".utf8), reserved: .dollar),
      ])
    settings.retention = .interest
    settings.recordsMax = 1
    settings.bytesMax = 2
    settings.ageMax = 3
    settings.recordBytesMax = 4
    settings.recordsPerTopicMax = 5
    settings.overflow = .refuse
    settings.refusesPerTopic = true
    settings.duplicateWindow = 6
    settings.deniesDelete = true
    settings.allowsRollup = true
    settings.allowsExpiry = true
    settings.markerLife = 7
    settings.groupsMax = 8
    settings.metadata = ["a": "b", "c": ""]
    settings.notes = ["d": "e"]
    let transform = try TopicTransform(source: TopicPattern("a.*"), template: "b.$1")
    settings.transform = transform
    settings.republish = RepublishSettings(transform: transform, withoutPayload: true)
    _ = try made.fixture.tenant.streams.create(settings)
    made.store.commit()
    let again = CrashingStore.start(on: disk, now: 1_000_000_000)
    #expect(again.fixture.tenant.streams["s"]?.settings == settings)
  }

  private final class Voice: StreamVoice {
    var heard: [String] = []

    func republish(_ republication: Republication, _ tenant: Tenant) {
      let topic = String(decoding: republication.topic, as: UTF8.self)
      let facts = "\(republication.offset) \(topic) \(republication.previousEnd)"
      self.heard.append("\(republication.stream.name) \(facts) \(republication.withoutPayload)")
    }

    func markerMetadata(of stream: GodwitEngine.Stream) -> Metadata {
      var metadata = Metadata()
      metadata.headers = [.init(name: Array("Marker".utf8), value: Array("age".utf8))]
      return metadata
    }
  }
}
