import Godwit

extension Conformance {
  private static let needsRelay: @Sendable (Stage) -> String? = {
    $0.environment.plain == nil ? "no connection to stand between" : nil
  }

  /// Connections with somebody between client and server.
  static let connections: [Scenario] = [
    Scenario("a connection that is half open is left for another", unless: needsRelay) { stage in
      guard let reach = stage.environment.plain else { return }
      let topic = stage.topic("half")
      let seen = Gathering<Int>()
      try await stage.with(reach) { relay, broker in
        let subscription = Subscription(to: topic, on: broker, id: "half") {
          seen.add($0.payload)
          return .ack
        }
        try await stage.running([subscription]) {
          try await Self.reach(seen, topic, stage)
          let states = broker.states()
          relay.fallSilent(.ofBoth)
          // What nobody confirms ends all the same.
          async let publish: Void = Self.ends(broker, stage.topic("unheard"))
          for await state in states {
            if case .reconnecting = state { break }
          }
          for await state in states where state.isConnected { break }
          try await publish
          try await Self.reach(seen, topic, stage)
        }
      }
    },
    Scenario(
      "nothing that was confirmed is lost when connections break",
      unless: {
        if $0.capabilities.guarantee == .atMostOnce { return "the broker keeps nothing" }
        return needsRelay($0)
      }
    ) { stage in
      guard let reach = stage.environment.plain else { return }
      let topic = stage.topic("cut")
      let seen = Gathering<Int>()
      let confirmed = Gathering<Int>()
      try await stage.with(reach) { relay, subscriber in
        let subscription = Subscription(
          to: topic, on: subscriber, id: "cut", options: .init(concurrency: 4)
        ) {
          seen.add($0.payload)
          return .ack
        }
        try await stage.running([subscription]) {
          for number in 0..<300 {
            if number % 100 == 50 { relay.cut() }
            try await stage.publisher.publish(number, to: topic)
            confirmed.add(number)
          }
          var count = confirmed.values.count
          while Set(try await seen.wait(for: count)).count < 300 { count += 1 }
        }
      }
    },
    Scenario(
      "nobody between reads what is said over TLS",
      unless: { $0.environment.secure == nil ? "no TLS" : nil }
    ) { stage in
      guard let reach = stage.environment.secure else { return }
      let topic = stage.topic("secret", of: String.self)
      let seen = Gathering<String>()
      try await stage.with(reach) { relay, broker in
        relay.listen(for: topic.name)
        let subscription = Subscription(to: topic, on: broker, id: "secret") {
          seen.add($0.payload)
          return .ack
        }
        try await stage.running([subscription]) {
          try await broker.publish("plans", to: topic)
          try expect(try await seen.wait(for: 1), ["plans"], "messages")
        }
        try expect(!relay.hasHeard, "the topic's name was read on the way")
      }
    },
    Scenario(
      "a server that nobody vouches for is refused",
      unless: { $0.environment.distrustful == nil ? "no TLS" : nil }
    ) { stage in
      guard let reach = stage.environment.distrustful else { return }
      let relay = try await reach.relay()
      let broker = try await reach.makeBroker(relay.host, relay.port)
      do throws(GodwitError) {
        try await broker.start()
      } catch {
        broker.driver.stop()
        return await relay.close()
      }
      broker.driver.stop()
      await relay.close()
      throw ConformanceFailure("a connection to a server with an unknown certificate")
    },
  ]

  /// Publishes until something arrives. A client that asks so soon whether its server lives may
  /// find a busy one dead, and what is published in between is lost where nobody keeps it.
  private static func reach(
    _ seen: Gathering<Int>, _ topic: Topic<Int>, _ stage: Stage
  ) async throws {
    let before = seen.values.count
    while seen.values.count == before {
      try await stage.publisher.publish(before, to: topic)
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// Publishes; it may fail as it does when the connection is lost.
  private static func ends(_ broker: Broker, _ topic: Topic<Int>) async throws {
    do throws(GodwitError) {
      try await broker.publish(0, to: topic)
    } catch {
      try expect(
        [.unconfirmed, .disconnected].contains(error.code), "a publish failed: \(error)")
    }
  }
}
