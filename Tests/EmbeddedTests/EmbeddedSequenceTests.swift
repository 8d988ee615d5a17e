import Godwit
import GodwitEmbedded
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct EmbeddedSequenceTests {
  struct Failure: Error {}
  let topic = Topic<Int>("numbers")
  let quick = RetryPolicy(
    attemptsMax: 2, backoff: Backoff(initial: .milliseconds(1), max: .milliseconds(2)))

  @Test func messagesAreReadAndSettled() async throws {
    try await withEmbeddedBroker { broker in
      let (subscription, numbers) = Subscription.makeSequence(
        of: self.topic, on: broker, group: "g")
      try await subscription.whileRunning {
        try await broker.publish(contentsOf: 0..<5, to: self.topic, headers: ["h": "1"])
        var seen: [Int] = []
        for await number in numbers {
          #expect(number.message.headers["h"] == "1")
          #expect(number.attempt == 1 && number.subscription == "g")
          seen.append(number.payload)
          try number.settle(.ack)
          if seen.count == 5 { break }
        }
        #expect(seen == [0, 1, 2, 3, 4])
      }
      #expect(subscription.progress.settled == 5)
      #expect(subscription.progress.handedBack == 0)
    }
  }

  @Test func outcomesAreThoseOfAHandler() async throws {
    try await withEmbeddedBroker { broker in
      let dead = Collector<String>()
      let letters = Subscription(to: Topic<Int>("dead-letter.numbers"), on: broker) {
        dead.add("\($0.payload) \($0.message.headers[DeadLetters.Header.reason] ?? "")")
        return .ack
      }
      try await letters.whileRunning {
        try await broker.withDeliveries(
          of: self.topic, group: "g", options: .init(retry: self.quick)
        ) { numbers in
          try await broker.publish(contentsOf: [1, 2, 3, 4], to: self.topic)
          var seen: [[Int]] = []
          for await number in numbers {
            seen.append([number.payload, number.attempt])
            switch number.payload {
            case 1: try number.settle(.reject(reason: "no"))
            case 2: try number.fail(Failure())
            case 3: break  // let go of without a word
            default: try number.settle(number.attempt == 1 ? .retry() : .drop)
            }
            if seen.count == 7 { break }
          }
          let expected = [[1, 1], [2, 1], [2, 2], [3, 1], [3, 2], [4, 1], [4, 2]]
          #expect(seen.sorted { $0.lexicographicallyPrecedes($1) } == expected)
          let letters = await dead.wait(for: 3).sorted()
          #expect(
            letters == [
              "1 no", "2 Failure()",
              "3 unsettled: the delivery was let go of without being settled",
            ])
        }
      }
    }
  }

  @Test func aSecondWordIsRefused() async throws {
    try await withEmbeddedBroker { broker in
      try await broker.withDeliveries(of: self.topic) { numbers in
        try await broker.publish(1, to: self.topic)
        for await number in numbers {
          try number.settle(.ack)
          #expect(throws: GodwitError.self) { try number.settle(.ack) }
          #expect(throws: GodwitError.self) { try number.fail(Failure()) }
          break
        }
      }
    }
  }

  @Test func concurrencyIsHowManyAreOut() async throws {
    try await withEmbeddedBroker { broker in
      let (subscription, numbers) = Subscription.makeSequence(
        of: self.topic, on: broker, group: "g", options: .init(concurrency: 3))
      try await subscription.whileRunning {
        try await broker.publish(contentsOf: 0..<4, to: self.topic)
        var iterator = numbers.makeAsyncIterator()
        var held: [OpenDelivery<Int>] = []
        while held.count < 3, let next = await iterator.next() { held.append(next) }
        #expect(Set(held.map(\.payload)) == [0, 1, 2])
        #expect(subscription.progress.active == 3)
        try held.removeLast().settle(.ack)
        let last = await iterator.next()
        #expect(last?.payload == 3)
        try last?.settle(.ack)
        for delivery in held { try delivery.settle(.ack) }
      }
      #expect(subscription.progress.settled == 4)
    }
  }

  @Test func severalReadersShare() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<Int>()
      let (subscription, numbers) = Subscription.makeSequence(
        of: self.topic, on: broker, options: .init(concurrency: 4))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            for await number in numbers {
              seen.add(number.payload)
              try number.settle(.ack)
            }
          }
        }
        try await subscription.whileRunning {
          try await broker.publish(contentsOf: 0..<100, to: self.topic)
          #expect(await seen.wait(for: 100).sorted() == Array(0..<100))
        }
        // The sequence ends with the subscription, and so do the readers.
        try await group.waitForAll()
      }
    }
  }

  @Test(arguments: [1, 2])
  func aDrainWaitsForWhatIsOutAndHandsTheRestBack(_ concurrency: Int) async throws {
    try await withEmbeddedBroker { broker in
      let (first, numbers) = Subscription.makeSequence(
        of: self.topic, on: broker, group: "g",
        options: .init(concurrency: concurrency, prefetch: 4))
      var read = -1
      try await first.whileRunning {
        try await broker.publish(contentsOf: 0..<6, to: self.topic)
        var iterator = numbers.makeAsyncIterator()
        let number = await iterator.next()
        // Of two that are on offer either may be read first.
        read = try #require(number?.payload)
        #expect(read < concurrency)
        first.stop()
        // The end of the sequence comes while the first message is still out. With room for two,
        // the second may be on offer; nobody asks for it.
        if concurrency == 1 { #expect(await iterator.next() == nil) }
        try number?.settle(.ack)
      }
      #expect(first.progress.settled == 1)
      #expect(first.progress.handedBack == 3)
      let rest = Collector<[Int]>()
      let second = Subscription(to: self.topic, on: broker, group: "g", id: "second") {
        rest.add([$0.payload, $0.attempt])
        return .ack
      }
      try await second.whileRunning {
        #expect(await rest.wait(for: 5) == (0..<6).filter { $0 != read }.map { [$0, 1] })
      }
    }
  }

  @Test func whatIsNeverSettledIsCutOff() async throws {
    try await withEmbeddedBroker { broker in
      let (subscription, numbers) = Subscription.makeSequence(
        of: self.topic, on: broker, group: "g", options: .init(drainTimeout: .milliseconds(20)))
      var iterator = numbers.makeAsyncIterator()
      var held: OpenDelivery<Int>?
      try await subscription.start()
      try await broker.publish(1, to: self.topic)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await subscription.run() }
        held = await iterator.next()
        subscription.stop()
        try await group.waitForAll()
      }
      #expect(subscription.progress.handedBack == 1)
      #expect(throws: GodwitError.self) { try held?.settle(.ack) }
    }
  }

  @Test func aStartThatFailsEndsTheSequence() async throws {
    try await withEmbeddedBroker { broker in
      let (subscription, numbers) = Subscription.makeSequence(
        of: self.topic, on: broker, options: .init(concurrency: 0))
      await #expect(throws: GodwitError.self) { try await subscription.run() }
      var iterator = numbers.makeAsyncIterator()
      #expect(await iterator.next() == nil)
    }
  }
}
