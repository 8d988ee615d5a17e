import Godwit
import GodwitEmbedded
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct EmbeddedOutcomeTests {
  struct Failure: Error {}
  let topic = Topic<String>("jobs.a")
  let quick = Backoff(initial: .milliseconds(1), max: .milliseconds(2))

  @Test func aThrownErrorIsTriedAgainThenDead() async throws {
    try await withEmbeddedBroker { broker in
      let attempts = Collector<Int>()
      let dead = Collector<Message>()
      var options = SubscriptionOptions.defaults
      options.retry = RetryPolicy(attemptsMax: 3, backoff: self.quick)
      let work = Subscription(to: self.topic, on: broker, group: "g", options: options) {
        attempts.add($0.attempt)
        throw Failure()
      }
      let letters = Subscription(
        to: TopicPattern<String>("dead-letter.>"), on: broker, options: .init(deadLetters: .discard)
      ) {
        dead.add($0.message)
        return .ack
      }
      try await letters.whileRunning {
        try await work.whileRunning {
          try await broker.publish("x", to: self.topic, key: "k", headers: ["h": "1"])
          let letter = await dead.wait(for: 1)[0]
          #expect(attempts.values == [1, 2, 3])
          #expect(letter.topic == "dead-letter.jobs.a")
          #expect(letter.headers[DeadLetters.Header.topic] == "jobs.a")
          #expect(letter.headers[DeadLetters.Header.attempts] == "3")
          #expect(letter.headers[DeadLetters.Header.reason] == "Failure()")
          #expect(letter.headers[DeadLetters.Header.subscription] == "g")
          #expect(letter.headers["h"] == "1")
          #expect(letter.key == "k")
          #expect(letter.body == ByteBuffer(string: "x"))
        }
      }
      #expect(work.progress.dead == 1)
      #expect(work.progress.settled == 1)
      #expect(work.progress.retried == 2)
    }
  }

  @Test func anUnreadableBodyIsDeadAtOnce() async throws {
    try await withEmbeddedBroker { broker in
      let dead = Collector<Message>()
      let letters = Subscription(to: Topic<ByteBuffer>("dead-letter.n"), on: broker) {
        dead.add($0.message)
        return .ack
      }
      let work = Subscription(to: Topic<[Int]>("n"), on: broker) { _ in .ack }
      let body = ByteBuffer(string: "{")
      try await letters.whileRunning {
        try await work.whileRunning {
          try await broker.publish(
            Message(topic: "n", body: body, contentType: "application/json"))
          let letter = await dead.wait(for: 1)[0]
          #expect(letter.body == body)
          #expect(letter.contentType == "application/json")
          #expect(letter.headers[DeadLetters.Header.attempts] == "1")
        }
      }
      #expect(work.progress.dead == 1)
      #expect(work.progress.retried == 0)
    }
  }

  @Test(arguments: [Outcome.ack, .drop])
  func doneIsDone(_ outcome: Outcome) async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<String>()
      let work = Subscription(to: self.topic, on: broker, group: "g") { delivery in
        seen.add(delivery.payload)
        return outcome
      }
      try await work.whileRunning {
        try await broker.publish("1", to: self.topic)
        try await broker.publish("2", to: self.topic)
        #expect(await seen.wait(for: 2) == ["1", "2"])
      }
      #expect(work.progress.dead == 0)
      #expect(work.progress.settled == 2)
    }
  }

  @Test func rejectGoesToTheChosenTopic() async throws {
    try await withEmbeddedBroker { broker in
      let dead = Collector<Message>()
      let work = Subscription(
        to: self.topic, on: broker, options: .init(deadLetters: .topic("graveyard"))
      ) { _ in .reject(reason: "no\nuse") }
      let letters = Subscription(to: Topic<String>("graveyard"), on: broker) {
        dead.add($0.message)
        return .ack
      }
      try await letters.whileRunning {
        try await work.whileRunning {
          try await broker.publish("x", to: self.topic)
          #expect(await dead.wait(for: 1)[0].headers[DeadLetters.Header.reason] == "no use")
        }
      }
    }
  }

  @Test func retryAfterWaits() async throws {
    try await withEmbeddedBroker { broker in
      let times = Collector<ContinuousClock.Instant>()
      let work = Subscription(to: self.topic, on: broker) { delivery in
        times.add(.now)
        return delivery.attempt == 1 ? .retry(after: .milliseconds(60)) : .ack
      }
      try await work.whileRunning {
        try await broker.publish("x", to: self.topic)
        let times = await times.wait(for: 2)
        #expect(times[0].duration(to: times[1]) >= .milliseconds(50))
      }
    }
  }

  @Test func aRetriedMessageDoesNotHoldOthersBack() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<String>()
      let work = Subscription(to: self.topic, on: broker) { delivery in
        seen.add("\(delivery.payload)\(delivery.attempt)")
        return delivery.payload == "a" && delivery.attempt == 1
          ? .retry(after: .seconds(3_600)) : .ack
      }
      try await work.whileRunning {
        try await broker.publish(contentsOf: ["a", "b", "c"], to: self.topic)
        #expect(await seen.wait(for: 3) == ["a1", "b1", "c1"])
      }
    }
  }

  @Test func lanesKeepTheOrderOfAKeyThroughRetries() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<String>()
      var options = SubscriptionOptions(concurrency: 4, isOrderedByKey: true)
      options.retry = RetryPolicy(attemptsMax: 5, backoff: self.quick)
      let work = Subscription(to: self.topic, on: broker, options: options) { delivery in
        if delivery.attempt < 3, delivery.payload.hasSuffix("3") { throw Failure() }
        seen.add(delivery.payload)
        return .ack
      }
      try await work.whileRunning {
        for number in 0..<10 {
          for key in ["a", "b", "c", "d", "e"] {
            try await broker.publish("\(key)\(number)", to: self.topic, key: key)
          }
        }
        let all = await seen.wait(for: 50)
        for key in ["a", "b", "c", "d", "e"] {
          #expect(all.filter { $0.hasPrefix(key) } == (0..<10).map { "\(key)\($0)" })
        }
      }
    }
  }

  @Test func drainFinishesWhatIsAtWorkAndHandsTheRestBack() async throws {
    try await withEmbeddedBroker { broker in
      let started = Collector<Int>()
      let topic = Topic<Int>("n")
      let (gate, open) = AsyncStream.makeStream(of: Void.self)
      let first = Subscription(to: topic, on: broker, group: "g", id: "first") { delivery in
        started.add(delivery.payload)
        for await _ in gate { break }
        return .ack
      }
      try await first.whileRunning {
        try await broker.publish(contentsOf: 0..<10, to: topic)
        _ = await started.wait(for: 1)
        first.stop()
        open.finish()
      }
      #expect(started.values == [0])
      #expect(first.progress.settled == 1)
      #expect(first.progress.handedBack == 3)
      let rest = Collector<[Int]>()
      let second = Subscription(to: topic, on: broker, group: "g", id: "second") { delivery in
        rest.add([delivery.payload, delivery.attempt])
        return .ack
      }
      try await second.whileRunning {
        #expect(await rest.wait(for: 9) == (1..<10).map { [$0, 1] })
      }
    }
  }

  @Test func aHandlerThatDoesNotEndIsCutOffAndItsMessageGoesBack() async throws {
    try await withEmbeddedBroker { broker in
      let started = Collector<Int>()
      let stuck = Subscription(
        to: self.topic, on: broker, group: "g",
        options: .init(drainTimeout: .milliseconds(20))
      ) { delivery in
        started.add(delivery.attempt)
        try await Task.sleep(for: .seconds(3_600))
        return .ack
      }
      try await stuck.whileRunning {
        try await broker.publish("x", to: self.topic)
        _ = await started.wait(for: 1)
      }
      #expect(stuck.progress.handedBack == 1)
      #expect(stuck.progress.settled == 0)
      let seen = Collector<String>()
      let next = Subscription(to: self.topic, on: broker, group: "g") { delivery in
        seen.add(delivery.payload)
        return .ack
      }
      try await next.whileRunning { #expect(await seen.wait(for: 1) == ["x"]) }
    }
  }

  @Test func pauseAndResume() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<String>()
      let work = Subscription(to: self.topic, on: broker, options: .init(prefetch: 1)) {
        seen.add($0.payload)
        return .ack
      }
      try await work.whileRunning {
        await work.pause()
        try await broker.publish("a", to: self.topic)
        #expect(work.progress.active == 0 && seen.values.isEmpty)
        await work.resume()
        #expect(await seen.wait(for: 1) == ["a"])
      }
    }
  }

  @Test func aFullQueueHoldsPublishersBack() async throws {
    let limits = EmbeddedLimits(queueMessagesMax: 4, publishTimeout: .milliseconds(20))
    try await withEmbeddedBroker(limits: limits) { broker in
      let (gate, open) = AsyncStream.makeStream(of: Void.self)
      let topic = Topic<Int>("n")
      let seen = Collector<Int>()
      let slow = Subscription(to: topic, on: broker) { delivery in
        for await _ in gate { break }
        seen.add(delivery.payload)
        return .ack
      }
      try await slow.whileRunning {
        try await broker.publish(contentsOf: 0..<4, to: topic)
        let code = await failureCode { try await broker.publish(4, to: topic) }
        #expect(code == .overloaded)
        open.finish()
        _ = await seen.wait(for: 4)
        try await broker.publish(5, to: topic)
        #expect(await seen.wait(for: 5) == [0, 1, 2, 3, 5])
      }
    }
  }

  @Test func whatCannotBeIsRefusedAtStart() async throws {
    try await withEmbeddedBroker { broker in
      let own = Subscription(to: TopicPattern<String>(">"), on: broker) { _ in .ack }
      await #expect(throws: GodwitError.self) { try await own.start() }
      let none = Subscription(to: self.topic, on: broker, options: .init(concurrency: 0)) { _ in
        .ack
      }
      await #expect(throws: GodwitError.self) { try await none.start() }
      let bad = Subscription(to: TopicPattern<String>("a..b"), on: broker) { _ in .ack }
      await #expect(throws: GodwitError.self) { try await bad.start() }
    }
  }
}
