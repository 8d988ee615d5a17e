import Godwit
import GodwitEmbedded
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct EmbeddedBatchTests {
  struct Failure: Error {}
  let topic = Topic<Int>("numbers")
  /// Batches that only their size makes ready.
  let patient = Duration.seconds(3_600)
  let quick = RetryPolicy(
    attemptsMax: 3, backoff: Backoff(initial: .milliseconds(1), max: .milliseconds(2)))

  @Test func aFullBatchIsHandledAtOnce() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<[Int]>()
      let work = Subscription(
        batchesOf: self.topic, on: broker, group: "g",
        batch: .init(size: 4, within: self.patient)
      ) { batch in
        seen.add(batch.map(\.payload))
        return .all(.ack)
      }
      try await work.whileRunning {
        try await broker.publish(contentsOf: 0..<12, to: self.topic)
        #expect(await seen.wait(for: 3) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])
      }
      #expect(work.progress.settled == 12)
      #expect(work.progress.active == 0)
    }
  }

  @Test func timeMakesASmallBatchReady() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<Int>()
      let work = Subscription(
        batchesOf: self.topic, on: broker, batch: .init(size: 100, within: .milliseconds(20))
      ) { batch in
        for delivery in batch { seen.add(delivery.payload) }
        return .all(.ack)
      }
      try await work.whileRunning {
        try await broker.publish(contentsOf: [1, 2], to: self.topic)
        #expect(await seen.wait(for: 2) == [1, 2])
        try await broker.publish(3, to: self.topic)
        #expect(await seen.wait(for: 3) == [1, 2, 3])
      }
    }
  }

  @Test func eachMessageHasItsOwnOutcome() async throws {
    try await withEmbeddedBroker { broker in
      let dead = Collector<Message>()
      let seen = Collector<[Int]>()
      let letters = Subscription(to: Topic<Int>("dead-letter.numbers"), on: broker) {
        dead.add($0.message)
        return .ack
      }
      let work = Subscription(
        batchesOf: self.topic, on: broker, group: "g", batch: .init(size: 3, within: .seconds(1)),
        options: .init(retry: self.quick)
      ) { batch in
        for delivery in batch { seen.add([delivery.payload, delivery.attempt]) }
        return .each(
          batch.map { delivery in
            switch delivery.payload {
            case 0: .ack
            case 1: delivery.attempt == 1 ? .retry() : .ack
            default: .reject(reason: "no use")
            }
          })
      }
      try await letters.whileRunning {
        try await work.whileRunning {
          try await broker.publish(contentsOf: 0..<3, to: self.topic)
          // A busy machine may need more than one batch for them.
          #expect(Set(await seen.wait(for: 4)) == [[0, 1], [1, 1], [2, 1], [1, 2]])
          let letter = await dead.wait(for: 1)[0]
          #expect(letter.body == ByteBuffer(string: "2"))
          #expect(letter.headers[DeadLetters.Header.reason] == "no use")
        }
      }
      #expect(work.progress.settled == 3)
      #expect(work.progress.retried == 1)
      #expect(work.progress.dead == 1)
    }
  }

  @Test(arguments: [false, true])
  func whatTheHandlerThrowsIsTheFailureOfEach(_ isOrdered: Bool) async throws {
    try await withEmbeddedBroker { broker in
      let dead = Collector<Int>()
      let attempts = Collector<Int>()
      let letters = Subscription(to: Topic<Int>("dead-letter.numbers"), on: broker) {
        dead.add($0.payload)
        return .ack
      }
      let work = Subscription(
        batchesOf: self.topic, on: broker, group: "g", batch: .init(size: 2, within: .seconds(1)),
        options: .init(isOrderedByKey: isOrdered, retry: self.quick)
      ) { batch in
        for delivery in batch { attempts.add(delivery.attempt) }
        throw Failure()
      }
      try await letters.whileRunning {
        try await work.whileRunning {
          try await broker.publish(contentsOf: [7, 8], to: self.topic)
          #expect(await dead.wait(for: 2).sorted() == [7, 8])
          #expect(attempts.values.sorted() == [1, 1, 2, 2, 3, 3])
        }
      }
      #expect(work.progress.dead == 2)
    }
  }

  @Test func aWrongNumberOfOutcomesIsAFailure() async throws {
    try await withEmbeddedBroker { broker in
      let dead = Collector<String>()
      let letters = Subscription(to: Topic<Int>("dead-letter.numbers"), on: broker) {
        dead.add($0.message.headers[DeadLetters.Header.reason] ?? "")
        return .ack
      }
      let work = Subscription(
        batchesOf: self.topic, on: broker, batch: .init(size: 1), options: .init(retry: .never)
      ) { _ in .each([.ack, .ack]) }
      try await letters.whileRunning {
        try await work.whileRunning {
          try await broker.publish(1, to: self.topic)
          #expect(
            await dead.wait(for: 1) == [
              "invalidArgument: a handler gave 2 outcomes for 1 messages"
            ])
        }
      }
    }
  }

  @Test func anUnreadableMessageDoesNotHoldTheOthersBack() async throws {
    try await withEmbeddedBroker { broker in
      let dead = Collector<ByteBuffer>()
      let seen = Collector<[Int]>()
      let letters = Subscription(to: Topic<ByteBuffer>("dead-letter.numbers"), on: broker) {
        dead.add($0.payload)
        return .ack
      }
      let work = Subscription(
        batchesOf: self.topic, on: broker, batch: .init(size: 3, within: self.patient)
      ) { batch in
        seen.add(batch.map(\.payload))
        return .each(batch.map { _ in .ack })
      }
      try await letters.whileRunning {
        try await work.whileRunning {
          let broken = Message(
            topic: "numbers", body: ByteBuffer(string: "{"), contentType: "application/json")
          try await broker.publish(1, to: self.topic)
          try await broker.publish(broken)
          try await broker.publish(2, to: self.topic)
          #expect(await seen.wait(for: 1) == [[1, 2]])
          #expect(await dead.wait(for: 1) == [ByteBuffer(string: "{")])
        }
      }
      #expect(work.progress.settled == 3)
    }
  }

  @Test func lanesKeepTheOrderOfAKey() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<Int>()
      let work = Subscription(
        batchesOf: self.topic, on: broker, batch: .init(size: 5, within: .milliseconds(5)),
        options: .init(concurrency: 3, isOrderedByKey: true, retry: self.quick)
      ) { batch in
        if batch.contains(where: { $0.payload % 7 == 3 && $0.attempt == 1 }) { throw Failure() }
        for delivery in batch { seen.add(delivery.payload) }
        return .all(.ack)
      }
      try await work.whileRunning {
        for number in 0..<60 {
          try await broker.publish(number, to: self.topic, key: "\(number % 6)")
        }
        let all = await seen.wait(for: 60)
        for key in 0..<6 {
          #expect(all.filter { $0 % 6 == key } == Array(stride(from: key, to: 60, by: 6)))
        }
      }
    }
  }

  @Test func aGatheringBatchGoesBackWhenDrained() async throws {
    try await withEmbeddedBroker { broker in
      let (gate, open) = AsyncStream.makeStream(of: Void.self)
      let started = Collector<[Int]>()
      let first = Subscription(
        batchesOf: self.topic, on: broker, group: "g", id: "first",
        batch: .init(size: 2, within: self.patient)
      ) { batch in
        started.add(batch.map(\.payload))
        for await _ in gate { break }
        return .all(.ack)
      }
      try await first.whileRunning {
        try await broker.publish(contentsOf: [1, 2, 3], to: self.topic)
        _ = await started.wait(for: 1)
        first.stop()
        open.finish()
      }
      #expect(started.values == [[1, 2]])
      #expect(first.progress.handedBack == 1)
      let rest = Collector<[Int]>()
      let second = Subscription(
        batchesOf: self.topic, on: broker, group: "g", batch: .init(size: 1)
      ) { batch in
        for delivery in batch { rest.add([delivery.payload, delivery.attempt]) }
        return .all(.ack)
      }
      try await second.whileRunning { #expect(await rest.wait(for: 1) == [[3, 1]]) }
    }
  }

  @Test func middlewareSeesABatchAsOneCall() async throws {
    let calls = Collector<Int>()
    try await withEmbeddedBroker(middleware: [Counting(calls: calls)]) { broker in
      let work = Subscription(
        batchesOf: self.topic, on: broker, batch: .init(size: 3, within: self.patient)
      ) { batch in
        #expect(batch.map { $0.message.headers["seen"] } == ["1", "1", "1"])
        return .all(.ack)
      }
      try await work.whileRunning {
        try await broker.publish(contentsOf: 0..<3, to: self.topic)
        #expect(await calls.wait(for: 1) == [3])
      }
      #expect(work.progress.settled == 3)
    }
  }

  /// Marks what is consumed, and tells how many messages each call had when it was over.
  struct Counting: Middleware {
    let calls: Collector<Int>

    func intercept<Result: Sendable>(
      _ call: Call, next: @Sendable (Call) async throws -> Result
    ) async throws -> Result {
      guard call.kind == .consume else { return try await next(call) }
      var call = call
      for index in call.messages.indices { call.messages[index].headers["seen"] = "1" }
      let result = try await next(call)
      self.calls.add(call.messages.count)
      return result
    }
  }

  @Test(arguments: [
    (BatchOptions(size: 0), SubscriptionOptions()),
    (BatchOptions(size: 70_000), SubscriptionOptions()),
    (BatchOptions(within: .zero), SubscriptionOptions()),
    (BatchOptions(size: 10), SubscriptionOptions(prefetch: 9)),
  ])
  func whatCannotBeIsRefusedAtStart(
    _ batch: BatchOptions, _ options: SubscriptionOptions
  ) async throws {
    try await withEmbeddedBroker { broker in
      let work = Subscription(
        batchesOf: self.topic, on: broker, batch: batch, options: options
      ) { _ in .all(.ack) }
      #expect(await failureCode { try await work.start() } == .invalidArgument)
    }
  }
}
