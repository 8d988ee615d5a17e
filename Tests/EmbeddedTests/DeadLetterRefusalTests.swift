import Godwit
import GodwitEmbedded
import Logging
import NIOCore
import Testing

/// What becomes of messages whose dead letters the broker does not take.
@Suite(.timeLimit(.minutes(1))) struct DeadLetterRefusalTests {
  private let quick = Backoff(initial: .milliseconds(1), max: .milliseconds(2))
  private let silent = Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }

  private func options() -> SubscriptionOptions {
    SubscriptionOptions(retry: RetryPolicy(attemptsMax: 1, backoff: self.quick))
  }

  /// Publishes an unreadable message under a driver that refuses dead letters, then a good one.
  private func letters(
    of message: Message, refusal: @escaping @Sendable (Message) -> GodwitError?
  ) async throws -> (letters: [Message], progress: Subscription.Progress) {
    let driver = GrudgingDriver { $0.topic.hasPrefix("dead-letter.") ? refusal($0) : nil }
    let broker = Broker(driver, logger: self.silent)
    let dead = Collector<Message>()
    let good = Collector<Int>()
    let work = Subscription(to: Topic<Int>("n"), on: broker, options: self.options()) {
      good.add($0.payload)
      return .ack
    }
    let letters = Subscription(
      to: Topic<ByteBuffer>("dead-letter.n"), on: broker, options: .init(deadLetters: .discard)
    ) {
      dead.add($0.message)
      return .ack
    }
    try await broker.whileRunning {
      try await letters.whileRunning {
        try await work.whileRunning {
          // More than the prefetch: none of them may keep its place for ever.
          for _ in 0..<8 { try await broker.publish(message) }
          try await broker.publish(7, to: Topic<Int>("n"))
          #expect(await good.wait(for: 1) == [7])
        }
      }
    }
    return (dead.values, work.progress)
  }

  private func message(_ headers: Headers = [:]) -> Message {
    Message(
      topic: "n", body: ByteBuffer(string: "{"), contentType: "application/json",
      headers: headers)
  }

  @Test func oneThatIsTooLargeGoesWithoutItsBody() async throws {
    let (letters, progress) = try await self.letters(of: self.message(["h": "1"])) {
      $0.body.readableBytes > 0 ? GodwitError(.tooLarge, "too large") : nil
    }
    #expect(letters.count == 8)
    #expect(letters.first?.body.readableBytes == 0)
    #expect(letters.first?.headers["h"] == "1")
    #expect(letters.first?.headers[DeadLetters.Header.leftOut] == "body of 1 bytes")
    #expect(progress.dead == 8)
  }

  @Test func oneThatCannotBeCarriedGoesWithoutItsHeaders() async throws {
    let (letters, progress) = try await self.letters(of: self.message(["h": "a\0b"])) {
      $0.headers["h"] == nil ? nil : GodwitError(.invalidArgument, "no such headers")
    }
    #expect(letters.count == 8)
    #expect(letters.first?.body == ByteBuffer(string: "{"))
    #expect(letters.first?.headers[DeadLetters.Header.leftOut] == "headers")
    #expect(letters.first?.headers[DeadLetters.Header.topic] == "n")
    #expect(progress.dead == 8)
  }

  @Test func whereNothingKeepsThemTheyAreGivenUp() async throws {
    let (letters, progress) = try await self.letters(of: self.message()) { _ in
      GodwitError(.notPermitted, "no")
    }
    #expect(letters.isEmpty)
    #expect(progress.dead == 8)
    #expect(progress.settled == 9)
  }

  @Test func whereTheBrokerKeepsThemTheyAreTriedAgain() async throws {
    let refusals = Collector<String>()
    let driver = GrudgingDriver(.atLeastOnce) { message in
      guard message.topic.hasPrefix("dead-letter."), refusals.values.count < 3 else { return nil }
      refusals.add(message.topic)
      return GodwitError(.notPermitted, "not yet")
    }
    let broker = Broker(driver, logger: self.silent)
    let dead = Collector<Message>()
    let work = Subscription(to: Topic<Int>("n"), on: broker, options: self.options()) { _ in .ack }
    let letters = Subscription(
      to: Topic<ByteBuffer>("dead-letter.n"), on: broker, options: .init(deadLetters: .discard)
    ) {
      dead.add($0.message)
      return .ack
    }
    try await broker.whileRunning {
      try await letters.whileRunning {
        try await work.whileRunning {
          try await broker.publish(self.message())
          _ = await dead.wait(for: 1)
        }
      }
    }
    #expect(work.progress.dead == 1)
  }

  @Test func aReasonIsShortHoweverItIsWritten() async throws {
    try await withEmbeddedBroker { broker in
      let dead = Collector<Message>()
      // One character of very many bytes, and what no header holds.
      let reason = "a\u{1}b\r\nc" + String(repeating: "\u{301}", count: 100_000)
      let work = Subscription(to: Topic<Int>("n"), on: broker, options: self.options()) { _ in
        .reject(reason: reason)
      }
      let letters = Subscription(to: Topic<Int>("dead-letter.n"), on: broker) {
        dead.add($0.message)
        return .ack
      }
      try await letters.whileRunning {
        try await work.whileRunning {
          try await broker.publish(1, to: Topic<Int>("n"))
          let said = await dead.wait(for: 1)[0].headers[DeadLetters.Header.reason] ?? ""
          #expect(said.utf8.count <= 1_000)
          #expect(said.utf8.starts(with: "a b c".utf8))
        }
      }
    }
  }

  @Test func theFailureOfAnAnswerIsOneLine() async throws {
    try await withEmbeddedBroker { broker in
      let topic = Topic<Int>("ask")
      let answering = Subscription(answering: topic, on: broker) { _ -> Int in
        throw GodwitError(
          .invalidArgument, "one\ntwo\0\u{1B}[31m" + String(repeating: "x", count: 9_999))
      }
      try await answering.whileRunning {
        let failure = await #expect(throws: GodwitError.self) {
          try await broker.request(1, to: topic, expecting: Int.self)
        }
        #expect(failure?.message.hasPrefix("one two [31mx") == true)
        #expect(failure?.message.utf8.count == 1_000)
      }
    }
  }

  /// Where the broker takes nothing back, what waits for another attempt when the service stops
  /// would be lost without a word.
  @Test(arguments: [false, true])
  func whatWaitsForAnotherAttemptIsDeadAtTheEnd(_ isOrdered: Bool) async throws {
    let broker = Broker(GrudgingDriver { _ in nil }, logger: self.silent)
    let dead = Collector<Message>()
    let tried = Collector<Int>()
    let options = SubscriptionOptions(
      concurrency: 2, isOrderedByKey: isOrdered,
      retry: RetryPolicy(backoff: Backoff(initial: .seconds(3_600), max: .seconds(3_600))))
    let work = Subscription(to: Topic<Int>("n"), on: broker, options: options) {
      tried.add($0.payload)
      throw GodwitError(.timeout, "the database is away")
    }
    let letters = Subscription(to: Topic<Int>("dead-letter.n"), on: broker) {
      dead.add($0.message)
      return .ack
    }
    try await broker.whileRunning {
      try await letters.whileRunning {
        try await work.whileRunning {
          for number in 1...3 { try await broker.publish(number, to: Topic<Int>("n")) }
          _ = await tried.wait(for: isOrdered ? 1 : 3)
          while work.progress.retried == 0 { await Task.yield() }
        }
        let reason = await dead.wait(for: 1)[0].headers[DeadLetters.Header.reason]
        #expect(reason == "stopped before another attempt: timeout: the database is away")
      }
    }
    #expect(work.progress.dead >= 1)
    if !isOrdered { #expect(work.progress.dead + UInt64(work.progress.handedBack) == 3) }
  }
}
