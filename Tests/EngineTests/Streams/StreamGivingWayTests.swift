import GodwitEngine
import GodwitPrimitives
import Testing

/// What has to look at many topics or records lets others have their turns.
struct StreamGivingWayTests {
  private let fixture = StreamFixture()
  private let stream: GodwitEngine.Stream
  /// Nothing is of that topic, and no level says so before the last.
  private let absent = TopicPattern("t.*.absent")

  init() throws {
    self.stream = try self.fixture.stream(">")
    for number in 0..<10_000 { self.fixture.publish("t.\(number).x", "") }
  }

  /// Looks whether something is over in as many turns more than the first as it should be.
  private func expect(
    _ expected: ClosedRange<Int>, _ begin: (@escaping () -> Void) throws -> Void
  ) rethrows {
    var waiting: [() -> Void] = []
    self.fixture.engine.putOff = { waiting.append($0) }
    defer { self.fixture.engine.putOff = nil }
    var isOver = false
    try begin { isOver = true }
    var turns = 0
    while !isOver, !waiting.isEmpty {
      turns += 1
      waiting.removeFirst()()
    }
    #expect(isOver)
    #expect(expected.contains(turns))
  }

  @Test func topicsAreLookedThroughSomeAtATime() throws {
    let stream = self.stream
    self.expect(2...100) { done in
      stream.findNext(self.absent, from: 0) {
        #expect($0 == nil)
        done()
      }
    }
    self.expect(2...100) { done in
      stream.findLast(TopicPattern("t.*.x")) {
        #expect($0 == 9_999)
        done()
      }
    }
    self.expect(2...100) { done in
      stream.findLastOffsets(
        [TopicPattern("t.7.x"), self.absent, TopicPattern("t.*.x")], before: .max, limit: 20_000
      ) {
        #expect($0.count == 10_000)
        done()
      }
    }
    try self.expect(2...100) { done in
      try stream.purge(.init(pattern: self.absent)) {
        #expect($0 == 0)
        done()
      }
    }
    var topics = 0
    self.expect(2...100) { done in
      stream.forEachTopic(
        TopicPattern("t.>"),
        while: { _, _ in
          topics += 1
          return true
        }, done: done)
    }
    #expect(topics == 10_000)
  }

  @Test func recordsAreLookedThroughSomeAtATime() {
    self.expect(2...100) { done in
      self.stream.forEachRecord(self.absent, from: 0, while: { _ in true }, done: done)
    }
  }

  @Test func aShortLookIsOverAtOnce() {
    self.expect(0...0) { done in
      self.stream.findLast(TopicPattern("t.7.x")) {
        #expect($0 == 7)
        done()
      }
    }
  }

  @Test func whatIsUnderWayEndsWithTheStream() {
    var waiting: [() -> Void] = []
    self.fixture.engine.putOff = { waiting.append($0) }
    var isOver = false
    self.stream.findLast(self.absent) {
      #expect($0 == nil)
      isOver = true
    }
    self.stream.forEachRecord(nil, from: 0, while: { _ in true }, done: {})
    #expect(self.fixture.tenant.streams.delete("s"))
    for body in waiting { body() }
    #expect(isOver)
  }

  @Test func aStreamOfManyTopicsIsForgottenSomeAtATime() throws {
    let memory = self.fixture.tenant.memory
    for isPurge in [true, false] {
      let before = memory.used
      var waiting: [() -> Void] = []
      self.fixture.engine.putOff = { waiting.append($0) }
      self.fixture.engine.effort.pointee = 0
      if isPurge {
        try self.stream.purge(.init()) { #expect($0 == 10_000) }
      } else {
        self.fixture.tenant.streams.delete("s")
      }
      #expect(self.stream.topicCount == 0)
      // The topics of before are still in memory, and counted, and go bit by bit.
      #expect(memory.used > before / 4)
      var turns = 0
      while !waiting.isEmpty {
        let used = memory.used
        self.fixture.engine.effort.pointee = 0
        waiting.removeFirst()()
        #expect(used - memory.used < before / 2)
        turns += 1
      }
      #expect((3...100).contains(turns))
      // A stream that somebody holds on to has its records in memory.
      #expect(memory.used < (isPurge ? 1_000 : before / 2))
      self.fixture.engine.putOff = nil
      if isPurge { for number in 0..<10_000 { self.fixture.publish("t.\(number).x", "") } }
    }
  }

  @Test func groupsGoWithTheirStreamSomeAtATime() throws {
    let stream = self.stream
    var told: [String] = []
    let groups = try (0..<1_000).map { number in
      let group = try stream.makeGroup(.init(name: "g\(number)"))
      group.onDeleted = { told.append(group.name) }
      return group
    }
    var woken = 0
    for group in groups { group.whenAvailable { woken += 1 } }
    var waiting: [() -> Void] = []
    self.fixture.engine.putOff = { waiting.append($0) }
    self.fixture.engine.effort.pointee = 0
    #expect(self.fixture.tenant.streams.delete("s"))
    #expect(stream.groupCount == 0)
    #expect((1...500).contains(told.count))
    // Who has not been told yet gets nothing, and waits.
    let last = try #require(groups.first { !$0.isDeleted })
    #expect(last.lease() == nil)
    #expect(!last.acknowledge(0))
    // There may be another of that name meanwhile.
    let other = try self.fixture.stream("other")
    _ = try other.makeGroup(.init(name: last.name))
    while !waiting.isEmpty {
      let before = told.count
      self.fixture.engine.effort.pointee = 0
      waiting.removeFirst()()
      #expect(told.count - before <= 500)
    }
    #expect(Set(told).count == 1_000)
    #expect(woken == 1_000)
    #expect(groups.allSatisfy { $0.isDeleted && $0.stream == nil })
    #expect(other.groupCount == 1)
  }

  @Test func whatIsLookedAtCountsAsEffort() {
    let effort = self.fixture.engine.effort
    effort.pointee = 0
    self.stream.findLast(self.absent) { _ in }
    #expect(effort.pointee >= 4_096)
    effort.pointee = 0
    #expect(self.stream.count(TopicPattern("t.*.x")) == 10_000)
    #expect(effort.pointee >= 10_000)
  }
}
