import GodwitPrimitives
import NIOCore
import Testing

@testable import GodwitEngine

/// A consumer that puts what it is sent into a queue.
private final class Holder: Subscriber {
  let queue: Queue
  /// What became of the last message.
  var failure: EngineError?

  init(_ tenant: Tenant, _ queue: Queue) {
    self.queue = queue
    super.init(tenant: tenant)
  }

  override func deliver(
    _ publication: inout Publication, to subscription: Subscription, prefix: UnsafeRawBufferPointer
  ) -> Bool {
    do throws(EngineError) {
      try self.queue.append(&publication, note: Array("note".utf8))
      return true
    } catch {
      self.failure = error
      return false
    }
  }
}

@Suite struct QueuesTests {
  private let disk = CrashingStore.Disk()

  /// A life of the process, with what the disk has.
  private func start(now: Int64 = 1_000_000_000) throws -> (StreamFixture, CrashingStore, Queues) {
    let (fixture, store) = CrashingStore.start(on: self.disk, now: now)
    try fixture.tenant.restoreMessages()
    store.commit()
    return (fixture, store, try #require(fixture.tenant.queues))
  }

  /// Publishes, and answers a box for what the publisher is told; `nil` in it for no error.
  private final class Answer {
    var outcomes: [EngineError?] = []
  }

  private func publish(
    _ fixture: StreamFixture, _ topic: String, _ text: String,
    receivedBy receiver: (Queue, UInt16)? = nil
  ) -> Answer {
    let answer = Answer()
    Array(topic.utf8).withUnsafeBytes { topic in
      Array(text.utf8).withUnsafeBytes { payload in
        var publication = Publication(
          topic: topic, payload: payload, origin: fixture.reader.origin,
          native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .exactlyOnce)
        if let receiver { receiver.0.receive(receiver.1, with: &publication) }
        var memo: Route?
        fixture.tenant.publish(&publication, memo: &memo)
        publication.seal()
        publication.kept.whenCommitted { answer.outcomes.append($0) }
      }
    }
    return answer
  }

  private func texts(_ queue: Queue) -> [String] {
    var texts: [String] = []
    var sequence: UInt64 = 0
    while let next = queue.next(from: sequence) {
      if case .record(let record) = queue.fetch(next) {
        texts.append(record.text)
      } else {
        texts.append("?")
      }
      sequence = next + 1
    }
    return texts
  }

  private func subscribe(_ fixture: StreamFixture, _ queue: Queue) throws -> Holder {
    let holder = Holder(fixture.tenant, queue)
    try fixture.tenant.router.subscribe(
      Subscription(pattern: TopicPattern("a.>"), group: nil, subscriber: holder))
    return holder
  }

  @Test func aMessageStandsOnceInTheLogAndIsThereWhenItIsCommitted() throws {
    let (fixture, store, queues) = try self.start()
    let one = try queues.create(Array("one".utf8))
    let two = try queues.create(Array("two".utf8))
    let holders = try [self.subscribe(fixture, one), self.subscribe(fixture, two)]
    var readied = 0
    one.whenReady = { readied += 1 }
    let answer = self.publish(fixture, "a.b", "first")
    #expect(queues.log.nextOffset == 1)
    #expect((one.count, two.count) == (1, 1))
    #expect(one.next(from: 0) == nil)
    #expect(answer.outcomes.isEmpty)
    store.commit()
    #expect(answer.outcomes == [nil])
    #expect(readied == 1)
    #expect(self.texts(one) == ["first"])
    #expect(self.texts(two) == ["first"])
    #expect(queues.recordCount == 1)
    #expect(one.finish(0))
    #expect(queues.log.count == 1)
    #expect(two.finish(0))
    #expect(!two.finish(0))
    #expect(queues.log.count == 0)
    withExtendedLifetime(holders) {}
  }

  @Test func whatWasCommittedIsThereAfterACrashAndNothingElse() throws {
    do {
      let (fixture, store, queues) = try self.start()
      let queue = try queues.create(Array("q".utf8))
      try queue.set(Array("fact".utf8), [1, 2])
      try queue.set(Array("gone".utf8), [3])
      let holder = try self.subscribe(fixture, queue)
      for text in ["0", "1", "2", "3"] { _ = self.publish(fixture, "a.x", text) }
      store.commit()
      queue.sent(before: 3)
      queue.set(phase: 1, of: 1)
      queue.finish(0)
      queue.remove(Array("gone".utf8))
      store.commit()
      _ = self.publish(fixture, "a.x", "never committed")
      withExtendedLifetime(holder) {}
    }
    let (_, _, queues) = try self.start(now: 2_000_000_000)
    let queue = try #require(queues[Array("q".utf8)])
    #expect(self.texts(queue) == ["1", "2", "3"])
    #expect(queue.sentBefore == 3)
    #expect(queue.item(1)?.phase == 1)
    #expect(queue.item(2)?.phase == 0)
    #expect(queue.item(2).map { String(decoding: $0.note, as: UTF8.self) } == "note")
    #expect(queue.facts == [Array("fact".utf8): [1, 2]])
    #expect(queues.log.count == 3)
  }

  @Test func sequencesAreNeverGivenTwice() throws {
    do {
      let (fixture, store, queues) = try self.start()
      let queue = try queues.create(Array("q".utf8))
      let holder = try self.subscribe(fixture, queue)
      // Enough for a snapshot of the journal, after which nothing tells of the items but the count.
      for number in 0..<80 {
        _ = self.publish(fixture, "a.x", "\(number)")
        store.commit()
        queue.finish(UInt64(number))
        store.commit()
      }
      withExtendedLifetime(holder) {}
    }
    let (fixture, store, queues) = try self.start()
    let queue = try #require(queues[Array("q".utf8)])
    #expect(queue.count == 0)
    #expect(queue.nextSequence == 80)
    let holder = try self.subscribe(fixture, queue)
    _ = self.publish(fixture, "a.x", "next")
    store.commit()
    #expect(queue.next(from: 0) == 80)
    withExtendedLifetime(holder) {}
  }

  @Test func aMessageThatTheDiskRefusesIsNowhereAndItsOffsetIsNobodysMessage() throws {
    let (fixture, store, queues) = try self.start()
    let queue = try queues.create(Array("q".utf8))
    let holder = try self.subscribe(fixture, queue)
    store.commit()
    let refused = self.publish(fixture, "a.x", "refused")
    store.failLogs()
    #expect(refused.outcomes.map { $0?.code } == [.storageFailed])
    #expect(queue.count == 0)
    fixture.advance(by: 1_000)
    // It gets the same offset.
    let kept = self.publish(fixture, "a.x", "kept")
    store.commit()
    #expect(kept.outcomes == [nil])
    #expect(self.texts(queue) == ["kept"])
    // A crash that has lost the note of the refusal: the item refers to what came later.
    let item = try #require(queue.item(1))
    queue.restore(
      Queue.Item(offset: item.offset, stamp: item.stamp - 1, size: 1, note: [], isCommitted: true),
      at: 0)
    #expect(queue.next(from: 0) == 0)
    guard case .gone = queue.fetch(0) else {
      Issue.record("another's message")
      return
    }
    withExtendedLifetime(holder) {}
  }

  @Test func aQueueThatIsDeletedTakesItsMessagesAlong() throws {
    do {
      let (fixture, store, queues) = try self.start()
      let before = fixture.tenant.memory.used
      let queue = try queues.create(Array("q".utf8))
      try queue.set([1], [2])
      let holder = try self.subscribe(fixture, queue)
      _ = self.publish(fixture, "a.x", "one")
      store.commit()
      let late = self.publish(fixture, "a.x", "two")
      queues.delete(queue)
      #expect(queues[Array("q".utf8)] == nil)
      store.commit()
      #expect(late.outcomes == [nil])
      #expect(queues.log.count == 0)
      #expect(fixture.tenant.memory.used <= before + 1_024)
      store.commit()
      withExtendedLifetime(holder) {}
    }
    let (_, _, queues) = try self.start()
    #expect(queues[Array("q".utf8)] == nil)
    #expect(queues.log.count == 0)
    // Its number is not another's.
    #expect(try queues.create(Array("r".utf8)).number > 2)
  }

  @Test func whatWasReceivedByANumberIsKnownWithItsMessageOrNotAtAll() throws {
    do {
      let (fixture, store, queues) = try self.start()
      let sender = try queues.create(Array("sender".utf8))
      let queue = try queues.create(Array("q".utf8))
      let holder = try self.subscribe(fixture, queue)
      _ = self.publish(fixture, "a.x", "one", receivedBy: (sender, 7))
      _ = self.publish(fixture, "nobody", "two", receivedBy: (sender, 8))
      _ = self.publish(fixture, "a.x", "three", receivedBy: (sender, 9))
      store.commit()
      sender.release(9)
      store.commit()
      let refused = self.publish(fixture, "a.x", "four", receivedBy: (sender, 10))
      store.failLogs()
      #expect(refused.outcomes.map { $0?.code } == [.storageFailed])
      #expect(sender.received == [7, 8])
      store.commit()
      _ = self.publish(fixture, "a.x", "lost", receivedBy: (sender, 11))
      withExtendedLifetime(holder) {}
    }
    let (_, _, queues) = try self.start()
    #expect(queues[Array("sender".utf8)]?.received == [7, 8])
    #expect(try self.texts(#require(queues[Array("q".utf8)])) == ["one", "three"])
  }

  @Test func aRecordThatIsNotAtHandIsRead() throws {
    do {
      let (fixture, store, queues) = try self.start()
      let queue = try queues.create(Array("q".utf8))
      let holder = try self.subscribe(fixture, queue)
      _ = self.publish(fixture, "a.x", "one")
      store.commit()
      withExtendedLifetime(holder) {}
    }
    let (_, store, queues) = try self.start()
    store.isSlow = true
    let queue = try #require(queues[Array("q".utf8)])
    var readied = 0
    queue.whenReady = { readied += 1 }
    guard case .loading = queue.fetch(0) else {
      Issue.record("at hand")
      return
    }
    store.read()
    #expect(readied == 1)
    #expect(self.texts(queue) == ["one"])
  }

  @Test func aSpentBudgetRefusesForTheQueueAlone() throws {
    let (fixture, store, queues) = try self.start()
    let queue = try queues.create(Array("q".utf8))
    let holder = try self.subscribe(fixture, queue)
    let memory = fixture.tenant.memory
    #expect(memory.reserve(memory.limit - memory.used - 16))
    let answer = self.publish(fixture, "a.x", "one")
    store.commit()
    #expect(holder.failure?.code == .quotaExceeded)
    // Nobody else wanted it: it may be acknowledged.
    #expect(answer.outcomes == [nil])
    #expect(queues.log.count == 0)
    #expect(queue.count == 0)
  }
}
