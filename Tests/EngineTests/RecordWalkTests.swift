import GodwitEngine
import NIOCore
import Testing

/// Looking through logs that others have.
struct RecordWalkTests {
  /// Packs texts: each is a line.
  private final class Lines: BatchKeeper {
    let origin: Origin

    init(_ engine: Engine) { self.origin = TextConditions(engine: engine).origin }

    func forEachKey(
      of bytes: ByteBuffer, form: UInt8, first: UInt64,
      _ body: (UInt64, UnsafeRawBufferPointer, Bool) -> Void
    ) -> Bool { false }

    func trim(
      _ bytes: ByteBuffer, form: UInt8, first: UInt64, _ isLeft: (UInt64) -> Bool
    ) -> ByteBuffer? { nil }

    func forEachRecord(
      of bytes: ByteBuffer, form: UInt8, first: UInt64, topic: [UInt8], bytesMax: Int,
      _ body: (UInt64, inout Publication, Int64) -> Bool
    ) -> Bool {
      let text = String(buffer: bytes)
      if text == "shut" { return false }
      for (index, line) in text.split(separator: "\n").enumerated() {
        let goesOn = topic.withUnsafeBytes { topic in
          Array(line.utf8).withUnsafeBytes { payload in
            var message = Publication(
              topic: topic, payload: payload, origin: self.origin,
              native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .atLeastOnce)
            return body(first + UInt64(index), &message, 7)
          }
        }
        if !goesOn { break }
      }
      return true
    }

    func time(of bytes: ByteBuffer, form: UInt8) -> Int64? { 7 }
  }

  private let fixture = StreamFixture()

  /// A topic with a record, a batch of three, one that cannot be opened, and a record.
  private func topic(_ keeper: Lines) throws -> Partition {
    self.fixture.tenant.partitionedTopics.keeper = keeper
    let settings = PartitionedTopicSettings(name: "t", topic: Array("t".utf8))
    let topic = try self.fixture.tenant.partitionedTopics.create(settings)
    self.fixture.publish("t", "a")
    let partition = topic.partitions[0]
    for text in ["b\nc\nd", "shut"] {
      try partition.append(
        batch: ByteBuffer(string: text), origin: keeper.origin, count: text == "shut" ? 1 : 3,
        time: 7)
    }
    self.fixture.publish("t", "e")
    return partition
  }

  /// What a walk comes by, and where it ends.
  private func walk(
    _ view: LogView, from start: UInt64 = 0, to end: UInt64 = .max, limit: Int = .max
  ) -> (texts: [String], position: UInt64, unreadable: Int)? {
    var texts: [String] = []
    var result: (texts: [String], position: UInt64, unreadable: Int)?
    let walk = RecordWalk(
      view, from: start, to: end,
      visit: { found, message in
        texts.append("\(found.offset)" + String(decoding: message.payload, as: UTF8.self))
        return texts.count < limit
      }, done: { result = (texts, $0.position, $0.unreadable) })
    walk.start()
    return result
  }

  @Test func recordsOfBatchesAreComeByToo() throws {
    let keeper = Lines(self.fixture.engine)
    let partition = try self.topic(keeper)
    let view = LogView(partition)
    let all = try #require(self.walk(view))
    #expect(all.texts == ["0a", "1b", "2c", "3d", "5e"])
    #expect(all.unreadable == 1)
    #expect(all.position == 6)
    #expect(try #require(self.walk(view, from: 2, to: 3)).texts == ["2c"])
    let some = try #require(self.walk(view, limit: 2))
    #expect(some.texts == ["0a", "1b"])
    #expect(some.position == 2)
    #expect(view.time(at: 2) == 7)
    #expect(view.time(at: 0) == self.fixture.engine.now)
    #expect(view.time(at: 6) == nil)
  }

  @Test func whatWasRemovedIsPassedOver() throws {
    let keeper = Lines(self.fixture.engine)
    let view = LogView(try self.topic(keeper))
    var wasThere: [Bool] = []
    try view.remove(2) { wasThere.append($0) }
    try view.remove(5) { wasThere.append($0) }
    try view.remove(5) { wasThere.append($0) }
    #expect(wasThere == [true, true, false])
    #expect(try #require(self.walk(view)).texts == ["0a", "1b", "3d"])
  }

  @Test func aLongWalkGivesWay() throws {
    let stream = try self.fixture.stream("a")
    for index in 0..<3_000 { self.fixture.publish("a", "\(index % 10)") }
    var seen = 0
    var isDone = false
    let walk = RecordWalk(
      LogView(stream), from: 0, to: .max,
      visit: { _, _ in
        seen += 1
        return true
      }, done: { _ in isDone = true })
    walk.start()
    #expect(seen < 3_000)
    #expect(!isDone)
    for _ in 0..<10 { self.fixture.advance(by: tick) }
    #expect(seen == 3_000)
    #expect(isDone)
  }

  @Test func manyWalksTakeTurns() throws {
    let stream = try self.fixture.stream("a")
    for index in 0..<3_000 { self.fixture.publish("a", "\(index % 10)") }
    var waiting: [() -> Void] = []
    self.fixture.engine.putOff = { waiting.append($0) }
    defer { self.fixture.engine.putOff = nil }
    var seen = [0, 0, 0]
    for index in seen.indices {
      RecordWalk(
        LogView(stream), from: 0, to: .max,
        visit: { _, _ in
          seen[index] += 1
          return true
        }, done: { _ in }
      ).start()
    }
    // Who shares the turns out has them all, and lets one go on at a time.
    #expect(waiting.count == 3)
    let before = seen
    waiting.removeFirst()()
    #expect(seen[0] > before[0] && seen[1] == before[1] && seen[2] == before[2])
    while !waiting.isEmpty { waiting.removeFirst()() }
    #expect(seen == [3_000, 3_000, 3_000])
  }

  @Test func waitsForTheDisk() throws {
    let (fixture, store) = CrashingStore.start(on: .init(), now: 1)
    store.isSlow = true
    let stream = try fixture.stream("a")
    for index in 0..<3 { fixture.publish("a", "\(index)") }
    store.commit()
    var seen: [UInt64] = []
    var isDone = false
    let walk = RecordWalk(
      LogView(stream), from: 0, to: .max,
      visit: { found, _ in
        seen.append(found.offset)
        return true
      }, done: { _ in isDone = true })
    walk.start()
    #expect(!isDone)
    for _ in 0..<8 where !isDone { store.read() }
    #expect(isDone)
    #expect(seen == [0, 1, 2])
  }

  @Test func aWalkEndsWithItsStream() throws {
    let stream = try self.fixture.stream("a")
    for index in 0..<3_000 { self.fixture.publish("a", "\(index % 10)") }
    var isDone = false
    let walk = RecordWalk(
      LogView(stream), from: 0, to: .max, visit: { _, _ in true }, done: { _ in isDone = true })
    walk.start()
    self.fixture.tenant.streams.delete("s")
    self.fixture.advance(by: tick)
    #expect(isDone)
  }
}
