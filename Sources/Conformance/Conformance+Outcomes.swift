import Godwit
import NIOCore

extension Conformance {
  private struct Refusal: Error {}

  private static let quickly = RetryPolicy(
    attemptsMax: 3, backoff: .init(initial: .milliseconds(5), hasJitter: false))

  /// What handlers say, and what becomes of messages.
  static let outcomes: [Scenario] = [
    Scenario("a handler that throws gets the message again") { stage in
      let topic = stage.topic("retried")
      let attempts = Gathering<Int>()
      let subscription = Subscription(
        to: topic, on: stage.subscriber, options: .init(retry: Self.quickly)
      ) {
        attempts.add($0.attempt)
        if $0.attempt < 3 { throw Refusal() }
        return .ack
      }
      try await stage.running([subscription]) {
        try await stage.publisher.publish(1, to: topic)
        try expect(try await attempts.wait(for: 3), [1, 2, 3], "attempts")
      }
      try expect(subscription.progress.settled, 1, "messages settled")
      try expect(subscription.progress.retried, 2, "messages retried")
    },
    Scenario("a retry waits as long as it was told to") { stage in
      let topic = stage.topic("later")
      let times = Gathering<ContinuousClock.Instant>()
      let subscription = Subscription(to: topic, on: stage.subscriber) {
        times.add(.now)
        return $0.attempt == 1 ? .retry(after: .milliseconds(150)) : .ack
      }
      try await stage.running([subscription]) {
        try await stage.publisher.publish(1, to: topic)
        let seen = try await times.wait(for: 2)
        let waited = seen[0].duration(to: seen[1])
        try expect(waited >= .milliseconds(140), "tried again after \(waited)")
      }
    },
    Scenario("a message that is tried again holds its key back, and no other") { stage in
      let topic = stage.topic("held")
      let seen = Gathering<Int>()
      let others = Gathering<Int>()
      let subscription = Subscription(
        to: topic, on: stage.subscriber, options: .init(concurrency: 64, isOrderedByKey: true)
      ) {
        guard $0.message.key == "first" else {
          others.add($0.payload)
          return .ack
        }
        seen.add($0.payload)
        guard $0.payload == 0, $0.attempt == 1 else { return .ack }
        // Not before another key went by.
        _ = try await others.wait(for: 10)
        throw Refusal()
      }
      try await stage.running([subscription]) {
        for number in 0..<5 { try await stage.publisher.publish(number, to: topic, key: "first") }
        // Two keys may share a lane; of twenty some have another than the first.
        for number in 0..<20 {
          try await stage.publisher.publish(number, to: topic, key: "other \(number)")
        }
        try expect(try await seen.wait(for: 6), [0, 0, 1, 2, 3, 4], "of the first key came")
        try expect(
          try await others.wait(for: 20).sorted(), Array(0..<20), "of the other keys came")
      }
    },
    Scenario("a message that is tried too often is dead") { stage in
      try await Self.dead(stage, reason: "\(Refusal())", attempts: "3") { _ in throw Refusal() }
    },
    Scenario("a rejected message is dead at once") { stage in
      try await Self.dead(stage, reason: "no such customer", attempts: "1") { _ in
        .reject(reason: "no such customer")
      }
    },
    Scenario("a body that cannot be read is dead at once") { stage in
      let topic = stage.topic("unread")
      let letters = Gathering<Message>()
      let reader = Subscription(to: topic, on: stage.subscriber, id: "reader") { _ in .ack }
      let undertaker = Subscription(
        to: Topic<String>("dead-letter.\(topic.name)", contentType: "text/plain"),
        on: stage.subscriber, id: "undertaker"
      ) {
        letters.add($0.message)
        return .ack
      }
      try await stage.running([undertaker, reader]) {
        try await stage.publisher.publish("no number", to: Topic<String>(topic.name))
        let letter = try await letters.wait(for: 1)[0]
        try expect(letter.headers[DeadLetters.Header.attempts], "1", "attempts")
      }
    },
  ]

  private static func dead(
    _ stage: Stage, reason: String, attempts: String,
    handler: @escaping @Sendable (Delivery<Int>) async throws -> Outcome
  ) async throws {
    let topic = stage.topic("mortal")
    let letters = Gathering<Message>()
    let mortal = Subscription(
      to: topic, on: stage.subscriber, id: "mortal", options: .init(retry: Self.quickly),
      handler: handler)
    let undertaker = Subscription(
      to: Topic<Int>("dead-letter.\(topic.name)"), on: stage.subscriber, id: "undertaker"
    ) {
      letters.add($0.message)
      return .ack
    }
    try await stage.running([undertaker, mortal]) {
      var message = Message(
        topic: topic.name, body: ByteBuffer(string: "7"), contentType: topic.contentType)
      message.key = "k"
      message.headers.append("Kept", "yes")
      try await stage.publisher.publish(message)
      let letter = try await letters.wait(for: 1)[0]
      try expect(letter.id, message.id, "the dead letter's id")
      try expect(letter.key, "k", "the dead letter's key")
      try expect(letter.headers["Kept"], "yes", "the message's own header")
      try expect(letter.headers[DeadLetters.Header.reason], reason, "reason")
      try expect(letter.headers[DeadLetters.Header.attempts], attempts, "attempts")
      try expect(letter.headers[DeadLetters.Header.topic], topic.name, "origin")
      try expect(letter.headers[DeadLetters.Header.subscription], "mortal", "subscription")
    }
    try expect(mortal.progress.dead, 1, "dead messages")
  }
}
