import GodwitEngine
import GodwitPrimitives
import NIOCore
import Testing

struct StreamTests {
  @Test func capturesWhatItsPatternsMatch() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a.*", "b.>")
    #expect(fixture.publish("a.x", "1").map(\.text) == ["0"])
    #expect(fixture.publish("b.x.y", "2").map(\.text) == ["1"])
    #expect(fixture.publish("c", "3").isEmpty)
    #expect(stream.texts == ["1", "2"])
    #expect(stream.count == 2)
    #expect(stream.topicCount == 2)
    #expect(stream.firstOffset == 0)
    #expect(stream.nextOffset == 2)
  }

  @Test func aCaptureCountsAsAReceiver() throws {
    let fixture = StreamFixture()
    _ = try fixture.stream("a")
    #expect(fixture.tenant.publish("a", "1") == 1)
    #expect(fixture.tenant.publish("b", "1") == 0)
  }

  @Test func severalStreamsKeepOneMessage() throws {
    let fixture = StreamFixture()
    _ = try fixture.stream("a") { $0.name = "one" }
    _ = try fixture.stream(">") { $0.name = "two" }
    let captures = fixture.publish("a", "1")
    #expect(Set(captures.compactMap(\.stream?.name)) == ["one", "two"])
    var called = 0
    captures.whenCommitted { error in
      #expect(error == nil)
      called += 1
    }
    #expect(called == 1)
  }

  @Test func patternsThatOverlapAreRefused() throws {
    let fixture = StreamFixture()
    #expect(throws: EngineError.self) { try fixture.stream("a.*", "a.b") }
    #expect(throws: EngineError.self) { try fixture.stream("a") { $0.name = "" } }
    #expect(throws: EngineError.self) { try fixture.stream("a") { $0.recordsMax = -1 } }
    #expect(throws: EngineError.self) { try fixture.stream("a") { $0.refusesPerTopic = true } }
    _ = try fixture.stream("a")
    #expect(throws: EngineError.self) { try fixture.stream("b") }
  }

  @Test func wildcardsInTopicsAreRefused() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream(">")
    #expect(fixture.publish("a.*", "1").map(\.text) == ["topicInvalid"])
    #expect(stream.count == 0)
  }

  @Test func beginsAtItsFirstOffset() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a") { $0.firstOffset = 100 }
    #expect(fixture.publish("a", "1").map(\.text) == ["100"])
    #expect(stream.firstOffset == 100)
  }

  // MARK: Conditions

  @Test func findsDuplicatesWithinTheWindow() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a.*") { $0.duplicateWindow = 10 * tick }
    #expect(fixture.publish("a.x", "1|id=m").map(\.text) == ["0"])
    #expect(fixture.publish("a.y", "2|id=m").map(\.text) == ["=0"])
    #expect(fixture.publish("a.y", "2|id=n").map(\.text) == ["1"])
    #expect(stream.rememberedIDs == 2)
    fixture.advance(by: 10 * tick)
    #expect(fixture.publish("a.y", "3|id=m").map(\.text) == ["2"])
    #expect(stream.rememberedIDs == 1)
  }

  @Test func withoutAWindowNothingIsADuplicate() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a")
    fixture.publish("a", "1|id=m")
    fixture.publish("a", "2|id=m")
    #expect(stream.count == 2)
  }

  @Test(arguments: [
    ("a.x", "m|stream=s", "3"), ("a.x", "m|stream=t", "otherStream"),
    ("a.x", "m|next=3", "3"), ("a.x", "m|next=2", "nextOffsetIs(3)"),
    ("a.x", "m|end=1", "3"), ("a.x", "m|end=3", "topicEndIs(1)"),
    ("a.z", "m|end=0", "3"), ("a.z", "m|end=1", "topicEndIs(0)"),
    ("a.z", "m|end=3|of=a.*", "3"), ("a.z", "m|end=0|of=a.*", "topicEndIs(3)"),
    ("a.x", "m|last=three", "3"),
    ("a.x", "m|last=four", "lastMessageIDIs(Optional(\(Array("three".utf8))))"),
    ("a.x", "m|rollup=all", "rollupNotAllowed"), ("a.x", "m|ttl=5", "expiryNotAllowed"),
    ("a.x", "m|ttl=soon", "timeToLiveInvalid"),
  ])
  func conditionsHoldOrTheMessageIsRefused(topic: String, text: String, expected: String) throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a.*")
    fixture.publish("a.x", "1")
    fixture.publish("a.y", "2")
    fixture.publish("a.y", "3|id=three")
    #expect(fixture.publish(topic, text).map(\.text) == [expected])
    #expect(stream.count == (expected == "3" ? 4 : 3))
  }

  @Test func rollsUpATopicOrEverything() throws {
    for perTopic in [0, 10] {
      let fixture = StreamFixture()
      let stream = try fixture.stream("a.*") {
        $0.allowsRollup = true
        $0.recordsPerTopicMax = perTopic
      }
      for index in 0..<3 { fixture.publish("a.x", "x\(index)") }
      for index in 0..<3 { fixture.publish("a.y", "y\(index)") }
      fixture.publish("a.x", "r|rollup=topic")
      #expect(stream.texts == ["y0", "y1", "y2", "r|rollup=topic"])
      #expect(stream.count == 4)
      #expect(stream.count(TopicPattern("a.x")) == 1)
      fixture.publish("a.z", "all|rollup=all")
      #expect(stream.texts == ["all|rollup=all"])
      #expect(stream.topicCount == 1)
      #expect(stream.firstOffset == 7)
    }
  }

  // MARK: Limits

  @Test func theOldestMakesRoom() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a.*") { $0.recordsMax = 3 }
    for index in 0..<5 { fixture.publish("a.\(index)", "\(index)") }
    #expect(stream.texts == ["2", "3", "4"])
    #expect(stream.firstOffset == 2)
    #expect(stream.topicCount == 3)
  }

  @Test func bytesAreBounded() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a") { $0.bytesMax = 3 * 20 }
    for index in 0..<5 { fixture.publish("a", "12\(index)") }
    #expect(stream.texts == ["122", "123", "124"])
    #expect(stream.byteCount == 60)
    #expect(fixture.publish("a", String(repeating: "x", count: 44)).map(\.text) == ["bytesMax"])
    #expect(stream.count == 3)
  }

  @Test func aFullStreamRefuses() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a.*") {
      $0.recordsMax = 2
      $0.overflow = .refuse
      $0.recordBytesMax = 5
    }
    #expect(fixture.publish("a.x", "123456").map(\.text) == ["recordTooLarge"])
    fixture.publish("a.x", "1")
    fixture.publish("a.x", "2")
    #expect(fixture.publish("a.x", "3").map(\.text) == ["recordsMax"])
    #expect(stream.texts == ["1", "2"])
  }

  @Test func aFullTopicMakesRoomOrRefuses() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a.*") {
      $0.recordsPerTopicMax = 2
      $0.recordsMax = 4
      $0.overflow = .refuse
    }
    for index in 0..<4 { fixture.publish("a.\(index % 2)", "\(index)") }
    #expect(fixture.publish("a.0", "4").map(\.text) == ["4"])
    #expect(stream.texts == ["1", "2", "3", "4"])
    #expect(fixture.publish("a.2", "5").map(\.text) == ["recordsMax"])
    var settings = stream.settings
    settings.refusesPerTopic = true
    try fixture.tenant.streams.update(stream, to: settings)
    #expect(fixture.publish("a.0", "6").map(\.text) == ["recordsPerTopicMax"])
  }

  @Test func ageTakesRecordsAway() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a") {
      $0.ageMax = 10 * tick
      $0.allowsExpiry = true
    }
    fixture.publish("a", "for ever|ttl=never")
    fixture.publish("a", "old")
    fixture.advance(by: 5 * tick)
    fixture.publish("a", "young")
    fixture.advance(by: 5 * tick)
    #expect(stream.texts == ["for ever|ttl=never", "young"])
    fixture.advance(by: 5 * tick)
    #expect(stream.texts == ["for ever|ttl=never"])
    fixture.publish("a", "late")
    fixture.advance(by: 10 * tick)
    #expect(stream.texts == ["for ever|ttl=never"])
  }

  @Test func aRecordEndsItsLife() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a") { $0.allowsExpiry = true }
    fixture.publish("a", "long|ttl=\(20 * tick)")
    fixture.publish("a", "short|ttl=\(10 * tick)")
    fixture.publish("a", "other", expiresAt: fixture.engine.now + 30 * tick)
    fixture.advance(by: 10 * tick)
    #expect(stream.count == 2)
    fixture.advance(by: 10 * tick)
    #expect(stream.texts == ["other"])
    fixture.advance(by: 10 * tick)
    #expect(stream.count == 0)
  }

  @Test func aTopicPerRecordCostsMemory() throws {
    let fixture = StreamFixture()
    let before = fixture.tenant.memory.used
    let stream = try fixture.stream("a.*") { $0.duplicateWindow = tick }
    for index in 0..<100 { fixture.publish("a.\(index)", "1|id=\(index)") }
    #expect(fixture.tenant.memory.used > before + 100 * 600)
    try stream.purge(.init()) { #expect($0 == 100) }
    #expect(fixture.tenant.streams.delete("s"))
    #expect(fixture.tenant.memory.used == before)
  }

  // MARK: Taking away

  @Test func purgesByPatternPlaceAndNumber() throws {
    for perTopic in [0, 10] {
      let fixture = StreamFixture()
      let stream = try fixture.stream("a.*") { $0.recordsPerTopicMax = perTopic }
      for index in 0..<10 { fixture.publish(index % 2 == 0 ? "a.x" : "a.y", "\(index)") }
      var counts: [Int] = []
      try stream.purge(.init(pattern: TopicPattern("a.x"), keeping: 3)) { counts.append($0) }
      #expect(stream.texts == ["1", "3", "4", "5", "6", "7", "8", "9"])
      try stream.purge(.init(pattern: TopicPattern("a.*"), before: 4)) { counts.append($0) }
      #expect(stream.texts == ["4", "5", "6", "7", "8", "9"])
      try stream.purge(.init(before: 6)) { counts.append($0) }
      try stream.purge(.init(keeping: 3)) { counts.append($0) }
      #expect(stream.texts == ["7", "8", "9"])
      try stream.purge(.init()) { counts.append($0) }
      #expect(counts == [2, 2, 2, 1, 3])
      #expect(stream.count == 0)
      #expect(stream.firstOffset == 10)
      #expect(fixture.publish("a.x", "10").map(\.text) == ["10"])
    }
  }

  @Test func deletesOne() throws {
    for perTopic in [0, 10] {
      let fixture = StreamFixture()
      let stream = try fixture.stream("a.*") { $0.recordsPerTopicMax = perTopic }
      for index in 0..<6 { fixture.publish(index % 2 == 0 ? "a.x" : "a.y", "\(index)") }
      var found: [Bool] = []
      for offset: UInt64 in [4, 4, 9] { try stream.delete(offset) { found.append($0) } }
      #expect(found == [true, false, false])
      #expect(stream.lastOffset(TopicPattern("a.x")) == 2)
      try stream.delete(0) { _ in }
      try stream.delete(2) { _ in }
      #expect(stream.lastOffset(TopicPattern("a.x")) == nil)
      #expect(stream.topicCount == 1)
    }
  }

  @Test func deniesWhatItWasToldToDeny() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a") {
      $0.deniesDelete = true
      $0.deniesPurge = true
    }
    fixture.publish("a", "1")
    #expect(throws: EngineError.self) { try stream.delete(0) { _ in } }
    #expect(throws: EngineError.self) { try stream.purge(.init()) { _ in } }
    var settings = stream.settings
    settings.deniesPurge = false
    #expect(throws: EngineError.self) { try fixture.tenant.streams.update(stream, to: settings) }
    settings.deniesPurge = true
    settings.isSealed = true
    try fixture.tenant.streams.update(stream, to: settings)
    #expect(fixture.publish("a", "2").map(\.text) == ["isSealed"])
  }

  // MARK: Looking up

  @Test func looksUpByOffsetAndTopic() throws {
    for perTopic in [0, 10] {
      let fixture = StreamFixture()
      let stream = try fixture.stream("a.>") { $0.recordsPerTopicMax = perTopic }
      for (topic, text) in [("a.x", "0"), ("a.y", "1"), ("a.x", "2"), ("a.z.z", "3")] {
        fixture.publish(topic, text)
      }
      var texts: [String?] = []
      stream.withRecord(at: 2) { texts.append($0?.text) }
      stream.withRecord(at: 9) { texts.append($0?.text) }
      #expect(texts == ["2", nil])
      var found: [UInt64?] = []
      stream.findNext(TopicPattern("a.x"), from: 1) { found.append($0?.offset) }
      stream.findNext(TopicPattern("a.*"), from: 0) { found.append($0?.offset) }
      stream.findNext(TopicPattern("a.*"), from: 3) { found.append($0?.offset) }
      stream.findNext(TopicPattern("a.z.>"), from: 0) { found.append($0?.offset) }
      #expect(found == [2, 0, nil, 3])
      #expect(stream.lastOffset(TopicPattern("a.*")) == 2)
      #expect(stream.lastOffsets([TopicPattern("a.>")]) == [1, 2, 3])
      #expect(stream.count(TopicPattern("a.*")) == 3)
      var topics: [String: Int] = [:]
      stream.forEachTopic(
        TopicPattern("a.*"),
        while: { topic, count in
          topics[String(decoding: topic, as: UTF8.self)] = count
          return true
        }, done: {})
      #expect(topics == ["a.x": 2, "a.y": 1])
    }
  }

  @Test func wakesReadersWhenThePublishIsOver() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a")
    var seen: [Int] = []
    stream.whenAppended { seen.append(stream.count) }
    fixture.publish("a", "1")
    fixture.publish("a", "2")
    #expect(seen == [1])
  }

  // MARK: Changing

  @Test func newLimitsTakeEffect() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a.*")
    for index in 0..<8 { fixture.publish("a.\(index % 2)", "\(index)") }
    var settings = stream.settings
    settings.recordsPerTopicMax = 3
    try fixture.tenant.streams.update(stream, to: settings)
    #expect(stream.texts == ["2", "3", "4", "5", "6", "7"])
    settings.recordsMax = 4
    try fixture.tenant.streams.update(stream, to: settings)
    #expect(stream.texts == ["4", "5", "6", "7"])
    settings.ageMax = tick
    fixture.advance(by: 2 * tick)
    try fixture.tenant.streams.update(stream, to: settings)
    #expect(stream.count == 0)
  }

  @Test func aLimitPerTopicCountsWhatGoesMeanwhileOnce() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a")
    // More than a walk looks at before others have a turn.
    for index in 0..<5_000 { fixture.publish("a", "\(index)") }
    var settings = stream.settings
    settings.recordsPerTopicMax = 4_999
    try fixture.tenant.streams.update(stream, to: settings)
    var wasThere = false
    try stream.delete(7) { wasThere = $0 }
    fixture.advance(by: 2 * tick)
    #expect(wasThere)
    #expect(stream.count == 4_999)
    #expect(stream.firstOffset == 0)
    fixture.publish("a", "5000")
    #expect(stream.count == 4_999)
    #expect(stream.firstOffset == 1)
  }

  @Test func theLastLimitPerTopicHolds() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a")
    for index in 0..<5_000 { fixture.publish("a", "\(index)") }
    var settings = stream.settings
    for limit in [10, 0, 20] {
      settings.recordsPerTopicMax = limit
      try fixture.tenant.streams.update(stream, to: settings)
    }
    fixture.advance(by: 2 * tick)
    #expect(stream.count == 20)
    settings.recordsPerTopicMax = 4_000
    for index in 0..<5_000 { fixture.publish("a", "\(index)") }
    try fixture.tenant.streams.update(stream, to: settings)
    #expect(stream.count == 20)
  }

  @Test func newPatternsTakeEffect() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a")
    var settings = stream.settings
    settings.patterns = [TopicPattern("b")]
    try fixture.tenant.streams.update(stream, to: settings)
    #expect(fixture.publish("a", "1").isEmpty)
    #expect(fixture.publish("b", "1").map(\.text) == ["0"])
  }

  @Test func aDeletedStreamCapturesNothing() throws {
    let fixture = StreamFixture()
    let stream = try fixture.stream("a")
    fixture.publish("a", "1")
    #expect(fixture.tenant.streams.delete("s"))
    #expect(!fixture.tenant.streams.delete("s"))
    #expect(fixture.publish("a", "2").isEmpty)
    #expect(stream.isDeleted)
    #expect(try fixture.stream("a").count == 0)
  }

  @Test func findsStreamsThatOverlap() throws {
    let fixture = StreamFixture()
    _ = try fixture.stream("a.*") { $0.name = "one" }
    _ = try fixture.stream("b") { $0.name = "two" }
    let streams = fixture.tenant.streams
    #expect(streams.overlapping([TopicPattern("a.b")]).map(\.name) == ["one"])
    #expect(streams.overlapping([TopicPattern(">")]).map(\.name) == ["one", "two"])
    #expect(streams.overlapping([TopicPattern("c")]).map(\.name) == [])
  }
}
