import Godwit

extension Conformance {
  private static let needsInterruption: @Sendable (Stage) -> String? = {
    $0.interrupt == nil ? "nothing to interrupt" : nil
  }

  /// Connections that break.
  static let interruptions: [Scenario] = [
    Scenario("subscriptions are made again", unless: needsInterruption) { stage in
      let topic = stage.topic("again")
      let seen = Gathering<Int>()
      let subscription = Subscription(to: topic, on: stage.subscriber, group: "again") {
        seen.add($0.payload)
        return .ack
      }
      try await stage.running([subscription]) {
        try await stage.publisher.publish(1, to: topic)
        _ = try await seen.wait(for: 1)
        try await Self.interrupt(stage)
        try await stage.publisher.publish(2, to: topic)
        try expect(try await seen.wait(for: 2), [1, 2], "messages")
      }
    },
    Scenario("a publish while there is no connection waits for one", unless: needsInterruption) {
      stage in
      let topic = stage.topic("waiting")
      try await withThrowingTaskGroup(of: Void.self) { group in
        let loss = Self.loss(of: stage.publisher)
        group.addTask { try await stage.interrupt?() }
        try await loss()
        try await stage.publisher.publish(1, to: topic)
        try await group.waitForAll()
      }
      // The news of the connection may be a moment behind what travelled over it.
      try await Self.connection(of: stage.publisher)
    },
    Scenario("every publish ends, confirmed or not", unless: needsInterruption) { stage in
      let topic = stage.topic("ended")
      let seen = Gathering<Int>()
      let confirmed = Gathering<Int>()
      let subscription = Subscription(to: topic, on: stage.subscriber) {
        seen.add($0.payload)
        return .ack
      }
      try await stage.running([subscription]) {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<50 {
            group.addTask {
              for step in 0..<20 {
                do throws(GodwitError) {
                  try await stage.publisher.publish(number * 20 + step, to: topic)
                  confirmed.add(number * 20 + step)
                } catch {
                  try expect(
                    [.unconfirmed, .disconnected].contains(error.code), "a publish failed: \(error)"
                  )
                }
              }
            }
          }
          try await Self.interrupt(stage)
          try await group.waitForAll()
        }
        try expect(confirmed.values.count > 0, "nothing was confirmed")
        try await stage.publisher.publish(-1, to: topic)
        var count = 1
        while try await seen.wait(for: count).last != -1 { count += 1 }
      }
      // Who repeats until it is acknowledged may repeat what had arrived.
      guard stage.capabilities.guarantee == .atMostOnce else { return }
      try expect(
        Set(seen.values).count, seen.values.count, "messages that arrived, without repetition")
    },
    Scenario("a handler's work goes on when the connection breaks", unless: needsInterruption) {
      stage in
      let topic = stage.topic("working")
      let begun = Gathering<Int>()
      let go = Gathering<Void>()
      let subscription = Subscription(to: topic, on: stage.subscriber, group: "working") {
        begun.add($0.payload)
        if $0.payload == 1 { _ = try await go.wait(for: 1) }
        return .ack
      }
      try await stage.running([subscription]) {
        try await stage.publisher.publish(1, to: topic)
        _ = try await begun.wait(for: 1)
        try await Self.interrupt(stage)
        go.add(())
        try await stage.publisher.publish(2, to: topic)
        var count = 1
        while try await begun.wait(for: count).last != 2 { count += 1 }
      }
      try expect(subscription.progress.settled >= 2, "messages settled")
    },
  ]

  /// Breaks the connections, and returns when both clients have them again.
  private static func interrupt(_ stage: Stage) async throws {
    let losses = [stage.publisher, stage.subscriber].map(Self.loss)
    try await stage.interrupt?()
    for loss in losses { try await loss() }
    for broker in [stage.publisher, stage.subscriber] {
      for await state in broker.states() where state.isConnected { break }
    }
  }

  /// What returns when the broker's connection, which stands now, is lost.
  private static func connection(of broker: Broker) async throws {
    for await state in broker.states() {
      if state.isConnected { return }
    }
    throw ConformanceFailure("published without a connection")
  }

  private static func loss(of broker: Broker) -> @Sendable () async throws -> Void {
    let states = broker.states()
    return {
      for await state in states {
        if case .reconnecting = state { return }
      }
      throw ConformanceFailure("the connection was not lost")
    }
  }
}
