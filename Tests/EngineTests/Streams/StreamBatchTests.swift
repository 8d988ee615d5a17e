import GodwitEngine
import GodwitPrimitives
import NIOCore
import Testing

/// Several messages that are kept together, or not at all.
struct StreamBatchTests {
  private func stream(
    _ fixture: StreamFixture, change: (inout StreamSettings) -> Void = { _ in }
  ) throws -> GodwitEngine.Stream {
    try fixture.stream("a.*") {
      $0.keepsBatches = true
      $0.allowsRollup = true
      $0.duplicateWindow = 100 * tick
      change(&$0)
    }
  }

  /// Appends `topic text` pairs as one; answers the offsets, or why not.
  private func append(
    _ fixture: StreamFixture, _ stream: GodwitEngine.Stream, _ pairs: [(String, String)]
  ) -> String {
    let messages: [GodwitEngine.Stream.Message] = pairs.map { topic, text in
      { body in
        Array(topic.utf8).withUnsafeBytes { topic in
          Array(text.utf8).withUnsafeBytes { payload in
            var publication = Publication(
              topic: topic, payload: payload, origin: fixture.reader.origin,
              native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .atLeastOnce)
            body(&publication)
          }
        }
      }
    }
    do {
      return "\(try stream.append(together: messages))"
    } catch {
      return "\(error)"
    }
  }

  @Test func allOfThemAtOnce() throws {
    let (fixture, store) = CrashingStore.start(on: .init(), now: 1_000_000_000)
    let stream = try self.stream(fixture)
    let group = try stream.makeGroup(StreamGroupSettings(name: "g"))
    #expect(self.append(fixture, stream, [("a.x", "1"), ("a.y", "2"), ("a.x", "3")]) == "0..<3")
    #expect(stream.texts == [])
    #expect(group.lease() == nil)
    store.commit()
    #expect(stream.texts == ["1", "2", "3"])
    #expect(group.pendingCount == 3)
  }

  /// What is appended, as `topic text`, and why it is refused.
  private static let refusals: [(String, String)] = [
    ("a.x 1,a.y 2|end=7", "topicEndIs(0)"), ("a.x 1,a.x 2|end=1", "expectsOfItself"),
    ("a.x 1,a.y 2|end=1|of=a.*", "expectsOfItself"), ("a.x 1,a.y 2|next=2", "expectsOfItself"),
    ("a.x 1|next=2,a.y 2", "nextOffsetIs(1)"), ("a.x 1|id=m,a.y 2|id=m", "isDuplicate"),
    ("a.x 1,a.y 2|id=known", "isDuplicate"), ("a.x 1,a.x 2|rollup=topic", "rollsItselfUp"),
    ("a.x 1,a.y 2|rollup=all", "rollsItselfUp"), ("a.x 1,a.y 2|stream=other", "otherStream"),
    ("a.x 1,a.y 2|ttl=5", "expiryNotAllowed"), ("a.x 1,a.> 2", "topicInvalid"),
    ("a.x 1,a.y \(String(repeating: "x", count: 65))", "recordTooLarge"),
    ("a.x 1,a.x 1,a.x 1,a.x 1,a.x 1", "recordsMax"),
  ]

  @Test(arguments: Self.refusals)
  func oneThatCannotBeKeptKeepsAllFromIt(all: String, expected: String) throws {
    let pairs = all.split(separator: ",").map { one in
      let parts = one.split(separator: " ")
      return (String(parts[0]), String(parts[1]))
    }
    let fixture = StreamFixture()
    let stream = try self.stream(fixture) {
      $0.recordsMax = 5
      $0.overflow = .refuse
      $0.recordBytesMax = 64
    }
    fixture.publish("a.known", "0|id=known")
    let memory = fixture.tenant.memory.used
    #expect(self.append(fixture, stream, pairs) == expected)
    #expect(stream.texts == ["0|id=known"])
    #expect(stream.topicCount == 1)
    #expect(fixture.tenant.memory.used == memory)
    #expect(self.append(fixture, stream, [("a.x", "1|end=0|next=1"), ("a.y", "2")]) == "1..<3")
  }

  @Test func aFailedCommitTakesAllBack() throws {
    let (fixture, store) = CrashingStore.start(on: .init(), now: 1_000_000_000)
    let stream = try self.stream(fixture)
    store.settle()
    #expect(self.append(fixture, stream, [("a.x", "1|id=m"), ("a.y", "2")]) == "0..<2")
    store.commit(EngineError(.storageFailed, "no room"))
    #expect(stream.count == 0)
    #expect(self.append(fixture, stream, [("a.x", "1|id=m"), ("a.y", "2")]) == "0..<2")
    store.commit()
    #expect(stream.texts == ["1|id=m", "2"])
  }

  /// So many records of the log survive; of the batches in it, those that are whole.
  @Test(arguments: [
    (1, ["0"]), (2, ["0"]), (3, ["0"]), (4, ["0", "1", "2", "3"]), (5, ["0", "1", "2", "3", "4"]),
    (6, ["0", "1", "2", "3", "4"]), (7, ["0", "1", "2", "3", "4", "5", "6"]),
  ])
  func aStartForgetsABatchThatIsTorn(survivors: Int, expected: [String]) throws {
    let disk = CrashingStore.Disk()
    do {
      let (fixture, store) = CrashingStore.start(on: disk, now: 1_000_000_000)
      let stream = try self.stream(fixture)
      store.commit()
      fixture.publish("a.x", "0")
      _ = self.append(
        fixture, stream, [("a.x", "1|batch=b"), ("a.y", "2|batch=b"), ("a.x", "3|batch=b|done=1")])
      fixture.publish("a.x", "4")
      _ = self.append(fixture, stream, [("a.x", "5|batch=b"), ("a.z", "6|batch=b|done=1")])
      store.commit(only: survivors)
    }
    func bare(_ stream: GodwitEngine.Stream) -> [String] {
      stream.texts.map { String($0.split(separator: "|")[0]) }
    }
    for _ in 0..<2 {
      let (fixture, store) = CrashingStore.start(on: disk, now: 1_000_000_000)
      let stream = try #require(fixture.tenant.streams["s"])
      #expect(bare(stream) == expected)
      #expect(stream.count == expected.count)
      store.commit()
    }
    let (fixture, store) = CrashingStore.start(on: disk, now: 1_000_000_000)
    fixture.publish("a.x", "new")
    store.commit()
    let (again, _) = CrashingStore.start(on: disk, now: 1_000_000_000)
    #expect(bare(try #require(again.tenant.streams["s"])) == expected + ["new"])
  }

  /// What was deleted since does not make a batch a torn one.
  @Test func aBatchMayLoseRecords() throws {
    let disk = CrashingStore.Disk()
    do {
      let (fixture, store) = CrashingStore.start(on: disk, now: 1_000_000_000)
      let stream = try self.stream(fixture)
      _ = self.append(
        fixture, stream, [("a.x", "1|batch=b"), ("a.y", "2|batch=b"), ("a.x", "3|batch=b|done=1")])
      store.commit()
      try stream.delete(2) { #expect($0) }
      store.commit()
    }
    let (fixture, _) = CrashingStore.start(on: disk, now: 1_000_000_000)
    #expect(try #require(fixture.tenant.streams["s"]).texts == ["1|batch=b", "2|batch=b"])
  }
}
