import Godwit
import GodwitEmbedded
import NIOCore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct MiddlewareOverEmbeddedTests {
  struct Busy: Error {}
  let topic = Topic<Int>("jobs")

  @Test func anOpenCircuitPausesAndCountsNoAttempts() async throws {
    let breaker = CircuitBreakerMiddleware(
      failuresMax: 3, window: 3, openTime: .milliseconds(10))
    try await withEmbeddedBroker(middleware: [breaker]) { broker in
      let failures = Mutex(8)
      let attempts = Collector<Int>()
      let done = Collector<Int>()
      let retry = RetryPolicy(
        attemptsMax: 100, backoff: Backoff(initial: .milliseconds(1), max: .milliseconds(1)))
      let work = Subscription(
        to: self.topic, on: broker, group: "g", options: .init(concurrency: 4, retry: retry)
      ) { delivery in
        attempts.add(delivery.payload)
        let fails = failures.withLock { left in
          left -= 1
          return left >= 0
        }
        if fails { throw Busy() }
        done.add(delivery.payload)
        return .ack
      }
      try await work.whileRunning {
        try await broker.publish(contentsOf: 0..<20, to: self.topic)
        #expect(Set(await done.wait(for: 20)) == Set(0..<20))
      }
      // The breaker let each failure be seen once: nothing was tried while it was open.
      #expect(attempts.values.count == 28)
      #expect(breaker.openCircuits == [])
    }
  }

  @Test func aStopWhileTheCircuitIsOpenHandsBack() async throws {
    let breaker = CircuitBreakerMiddleware(failuresMax: 1, window: 1, openTime: .seconds(3_600))
    try await withEmbeddedBroker(middleware: [breaker]) { broker in
      let failed = Collector<Int>()
      let first = Subscription(to: self.topic, on: broker, group: "g") { delivery in
        failed.add(delivery.payload)
        return .retry(after: .zero)
      }
      try await first.whileRunning {
        try await broker.publish(contentsOf: [1, 2], to: self.topic)
        _ = await failed.wait(for: 1)
      }
      #expect(failed.values == [1])
      let seen = Collector<[Int]>()
      let second = Subscription(to: self.topic, on: broker, group: "g", id: "second") { delivery in
        seen.add([delivery.payload, delivery.attempt])
        return .ack
      }
      try await second.whileRunning {
        #expect(Set(await seen.wait(for: 2)) == [[1, 2], [2, 1]])
      }
    }
  }

  @Test func copiesAreHandledOnceAndRefusedValuesAreDead() async throws {
    let check = ValidationMiddleware(self.topic) { if $0 < 0 { throw Busy() } }.on(.consume)
    try await withEmbeddedBroker(middleware: [check, IdempotencyMiddleware()]) { broker in
      let handled = Collector<Int>()
      let dead = Collector<Message>()
      let work = Subscription(to: self.topic, on: broker, group: "g") {
        handled.add($0.payload)
        return .ack
      }
      let letters = Subscription(to: Topic<Int>("dead-letter.jobs"), on: broker) {
        dead.add($0.message)
        return .ack
      }
      try await letters.whileRunning {
        try await work.whileRunning {
          let one = Message(
            topic: "jobs", body: .init(string: "1"), contentType: "application/json")
          try await broker.publish([one, one])
          try await broker.publish(-1, to: self.topic)
          try await broker.publish(2, to: self.topic)
          #expect(await handled.wait(for: 2) == [1, 2])
          let letter = await dead.wait(for: 1)[0]
          #expect(letter.headers[DeadLetters.Header.reason] == "Busy()")
        }
      }
      #expect(handled.values == [1, 2])
      #expect(work.progress.settled == 4)
    }
  }

  @Test func batchesLeaveOutCopiesAndRefusals() async throws {
    let check = ValidationMiddleware(self.topic) { if $0 < 0 { throw Busy() } }.on(.consume)
    try await withEmbeddedBroker(middleware: [check, IdempotencyMiddleware()]) { broker in
      let handled = Collector<Int>()
      var options = SubscriptionOptions.defaults
      options.deadLetters = .discard
      let work = Subscription(
        batchesOf: self.topic, on: broker, group: "g",
        batch: BatchOptions(size: 5, within: .seconds(60)), options: options
      ) { deliveries in
        for delivery in deliveries { handled.add(delivery.payload) }
        return .each(deliveries.map { _ in .ack })
      }
      try await work.whileRunning {
        let one = Message(
          topic: "jobs", body: .init(string: "1"), contentType: "application/json")
        try await broker.publish([one, one])
        try await broker.publish(contentsOf: [-1, 2, 3], to: self.topic)
        #expect(await handled.wait(for: 3) == [1, 2, 3])
      }
      #expect(handled.values == [1, 2, 3])
      #expect(work.progress.settled == 5)
      #expect(work.progress.dead == 1)
    }
  }

  @Test func aRefusedRequestIsAnswered() async throws {
    let check = ValidationMiddleware(self.topic) { value in
      if value < 0 { throw GodwitError(.invalidArgument, "negative") }
    }
    try await withEmbeddedBroker(middleware: [check.on(.reply)]) { broker in
      let answers = Subscription(answering: self.topic, on: broker) { $0.payload + 1 }
      try await answers.whileRunning {
        #expect(try await broker.request(1, to: self.topic, expecting: Int.self) == 2)
        do {
          _ = try await broker.request(-1, to: self.topic, expecting: Int.self)
          Issue.record("was answered")
        } catch let error as GodwitError {
          #expect(error.code == .remoteFailure)
          #expect(error.message == "negative")
        }
      }
    }
  }

  @Test func metadataGoesFromHopToHop() async throws {
    try await withEmbeddedBroker(middleware: [MetadataMiddleware()]) { broker in
      let seen = Collector<Headers>()
      let first = Subscription(to: Topic<Int>("a"), on: broker) { delivery in
        try await broker.publish(delivery.payload, to: Topic<Int>("b"))
        return .ack
      }
      let second = Subscription(to: Topic<Int>("b"), on: broker) {
        seen.add($0.message.headers)
        return .ack
      }
      try await second.whileRunning {
        try await first.whileRunning {
          try await broker.publish(
            1, to: Topic<Int>("a"), headers: ["x-md-global-tenant": "7", "x-md-local-x": "8"])
          #expect(await seen.wait(for: 1)[0] == ["x-md-global-tenant": "7"])
        }
      }
    }
  }
}
