import Godwit
import NIOCore

extension Conformance {
  /// Subscriptions that do not keep up.
  static let slowConsumers: [Scenario] = [
    Scenario("no more is handed out than the prefetch") { stage in
      let topic = stage.topic("prefetched")
      let queue = DeliveryQueue()
      let slow = try await stage.subscriber.driver.subscribe(
        SubscriptionRequest(pattern: topic.name, group: nil, id: "slow", prefetch: 4), into: queue)
      let witness = Gathering<Int>()
      let quick = Subscription(to: topic, on: stage.subscriber, id: "quick") {
        witness.add($0.payload)
        return .ack
      }
      try await stage.running([quick]) {
        try await stage.publisher.publish(contentsOf: 0..<100, to: topic)
        try expect(
          try await witness.wait(for: 100), Array(0..<100), "who keeps up got, beside who does not")
        // Another connection may be a moment behind the quick one's.
        while queue.count < 4 { try await moment() }
        try expect(queue.count, 4, "messages handed out and not settled")
        for number in 0..<100 {
          guard let next = await queue.next() else { throw ConformanceFailure("the flow ended") }
          try expect(String(buffer: next.message.body), "\(number)", "the next message")
          try expect(queue.count < 4, "more handed out than the prefetch")
          await slow.settle(next.token, .acknowledge)
        }
      }
      await slow.cancel()
    },
    Scenario(
      "a subscription that does not keep up loses what is beyond its bounds, and nobody else does",
      unless: {
        if $0.capabilities.guarantee == .atLeastOnce { return "the broker keeps it" }
        return $0.environment.forgetful == nil ? "no bounds to reach" : nil
      }
    ) { stage in
      guard let (messagesMax, makeBroker) = stage.environment.forgetful else { return }
      let topic = stage.topic("forgotten")
      let go = Gathering<Void>()
      let seen = Gathering<Int>()
      let witness = Gathering<Int>()
      let prefetch = 4
      try await stage.with(try await makeBroker()) { forgetful in
        let slow = Subscription(
          to: topic, on: forgetful, id: "slow", options: .init(prefetch: prefetch)
        ) {
          _ = try await go.wait(for: 1)
          seen.add($0.payload)
          return .ack
        }
        let quick = Subscription(to: topic, on: stage.subscriber, id: "quick") {
          witness.add($0.payload)
          return .ack
        }
        let kept = messagesMax + prefetch
        try await stage.running([slow, quick]) {
          // One after the other: who keeps up has no bounds to reach.
          for number in 0..<(kept * 2) { try await stage.publisher.publish(number, to: topic) }
          try expect(
            try await witness.wait(for: kept * 2), Array(0..<(kept * 2)), "who keeps up got")
          // Behind everything that was on its way.
          try await forgetful.publish(0, to: stage.topic("settled"))
          go.add(())
          _ = try await seen.wait(for: kept)
        }
        try expect(seen.values, Array(0..<kept), "who does not keep up got")
      }
    },
  ]
}
