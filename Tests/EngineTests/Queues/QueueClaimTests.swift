import GodwitPrimitives
import NIOCore
import Testing

@testable import GodwitEngine

/// A message that came by a number and that several logs keep, when the process ends between their
/// writes.
struct QueueClaimTests {
  private let disk = CrashingStore.Disk()

  private func start(
    now: Int64 = 1_000_000_000
  ) throws -> (fixture: StreamFixture, store: CrashingStore, queues: Queues) {
    let (fixture, store) = CrashingStore.start(on: self.disk, now: now)
    _ = try fixture.tenant.partitionedTopics.restore()
    try fixture.tenant.restoreMessages()
    store.commit()
    return (fixture, store, try #require(fixture.tenant.queues))
  }

  private func texts(_ tenant: Tenant, _ name: String) throws -> [String] {
    try #require(tenant.streams[name]).texts
  }

  /// One message by the number 7 to two streams, a topic and a queue; then the process ends when
  /// `commit` has written what it writes.
  ///
  /// - Parameter now: the time of a life of its own that the message has.
  private func publish(
    now: Int64? = nil, _ commit: (CrashingStore) -> Void
  ) throws -> (fixture: StreamFixture, store: CrashingStore, queues: Queues) {
    var (fixture, store, queues) = try self.start()
    _ = try fixture.stream("a") { $0.name = "one" }
    _ = try fixture.stream(">") { $0.name = "two" }
    _ = try fixture.tenant.partitionedTopics.create(
      PartitionedTopicSettings(name: "a", topic: Array("a".utf8)))
    var queue = try queues.create(Array("reader".utf8))
    store.commit()
    if let now {
      (fixture, store, queues) = try self.start(now: now)
      queue = try #require(queues[Array("reader".utf8)])
    }
    let reader = QueueHolder(fixture.tenant, queue)
    try fixture.tenant.router.subscribe(
      Subscription(pattern: TopicPattern("a"), group: nil, subscriber: reader))
    store.commit()
    Array("a".utf8).withUnsafeBytes { topic in
      Array("text".utf8).withUnsafeBytes { payload in
        var publication = Publication(
          topic: topic, payload: payload, origin: fixture.reader.origin,
          native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .exactlyOnce)
        queue.receive(7, with: &publication)
        var memo: Route?
        fixture.tenant.publish(&publication, memo: &memo)
        publication.seal()
      }
    }
    commit(store)
    return try self.start(now: 2_000_000_000)
  }

  private func has(_ life: (fixture: StreamFixture, store: CrashingStore, queues: Queues)) throws
    -> [Int]
  {
    let tenant = life.fixture.tenant
    let queue = try #require(life.queues[Array("reader".utf8)])
    var items = 0
    queue.forEach { _, _ in items += 1 }
    return [
      try self.texts(tenant, "one").count, try self.texts(tenant, "two").count,
      try #require(tenant.partitionedTopics["a"]).partitions[0].log.count, items,
      queue.received.count,
    ]
  }

  @Test func whatAllHaveIsReceived() throws {
    #expect(try self.has(self.publish { $0.commit() }) == [1, 1, 1, 1, 1])
  }

  @Test(arguments: [false, true])
  func whatNobodyWroteIsNotReceived(isNoted: Bool) throws {
    let life = try self.publish { if isNoted { $0.commitJournals() } }
    #expect(try self.has(life) == [0, 0, 0, 0, 0])
  }

  @Test(arguments: [
    ["stream one"], ["stream two"], ["a-0"], ["queues"], ["stream one", "a-0", "queues"],
    ["stream one", "stream two", "a-0"], ["stream two", "a-0", "queues"],
  ])
  func whatOnlySomeHaveIsTakenBack(logs: [String]) throws {
    let life = try self.publish { store in
      store.commitJournals()
      for log in logs { store.commit(logNamed: log) }
    }
    #expect(try self.has(life) == [0, 0, 0, 0, 0])
    // It stays so, and who sends it again is heard.
    life.store.commit()
    #expect(try self.has(self.start(now: 3_000_000_000)) == [0, 0, 0, 0, 0])
  }

  @Test(arguments: ["stream one", "a-0"])
  func theSameWhenTheClockWasSetBackBefore(log: String) throws {
    let life = try self.publish(now: 500_000_000) { store in
      store.commitJournals()
      store.commit(logNamed: log)
      store.commit(logNamed: "queues")
    }
    #expect(try self.has(life) == [0, 0, 0, 0, 0])
  }

  @Test func whatAnEarlierVersionWroteGoesByTime() throws {
    let (fixture, _, _) = try self.start()
    let stream = try fixture.stream("a") { $0.name = "one" }
    var entry = ByteBuffer()
    entry.writeMultipleIntegers(1 as UInt8, 5 as UInt64, 0 as UInt32, 3 as UInt16)
    entry.writeString("one")
    entry.writeInteger(9 as UInt8)
    let copy = try #require(QueueCopy(&entry))
    #expect(entry.readableBytes == 1)
    #expect(copy.isMissing(fixture.tenant, stream.createdAt))
    #expect(!copy.isMissing(fixture.tenant, stream.createdAt - 1))
    var written = ByteBuffer()
    copy.write(to: &written)
    #expect(Array(buffer: written) == [1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 3] + "one".utf8)
  }

  @Test func aStreamThatWasMadeAnewTakesNothingFromOthers() throws {
    let life = try self.publish { $0.commit() }
    #expect(life.fixture.tenant.streams.delete("two"))
    life.store.commit()
    _ = try life.fixture.stream(">") { $0.name = "two" }
    life.store.commit()
    #expect(try self.has(self.start(now: 3_000_000_000)) == [1, 0, 1, 1, 1])
  }
}

/// A consumer that puts what it is sent into a queue.
private final class QueueHolder: Subscriber {
  private let queue: Queue

  init(_ tenant: Tenant, _ queue: Queue) {
    self.queue = queue
    super.init(tenant: tenant)
  }

  override func deliver(
    _ publication: inout Publication, to subscription: Subscription, prefix: UnsafeRawBufferPointer
  ) -> Bool {
    (try? self.queue.append(&publication, note: [])) != nil
  }
}
