import Godwit
import GodwitEmbedded
import Testing

@Suite(.timeLimit(.minutes(1))) struct HealthMonitorTests {
  private let topic = Topic<Int>("jobs")

  @Test func readyIsConnectedAndSubscribed() async throws {
    let broker = Broker.embedded()
    let work = Subscription(to: self.topic, on: broker, group: "g") { _ in .ack }
    let health = HealthMonitor(brokers: [broker], subscriptions: [work])
    #expect(health.report().isLive)
    #expect(!health.report().isReady)
    #expect(health.report().brokers[0].state == "idle")
    try await broker.start()
    #expect(health.report().brokers[0].state == "connected")
    #expect(!health.report().isReady)
    try await work.start()
    #expect(health.report().isReady)
    work.stop()
    #expect(!health.report().isReady)
    broker.driver.stop()
  }

  @Test func liveIsGettingOn() async throws {
    try await withEmbeddedBroker { broker in
      let begun = Collector<Int>()
      let (ends, end) = AsyncStream.makeStream(of: Void.self)
      let work = Subscription(to: self.topic, on: broker, group: "g") { delivery in
        begun.add(delivery.payload)
        for await _ in ends { break }
        return .ack
      }
      let strict = HealthMonitor(brokers: [broker], subscriptions: [work], stalledAfter: .zero)
      let patient = HealthMonitor(
        brokers: [broker], subscriptions: [work], stalledAfter: .seconds(3_600))
      try await work.whileRunning {
        try await broker.publish(contentsOf: [1, 2], to: self.topic)
        _ = await begun.wait(for: 1)
        #expect(strict.report().isLive)
        #expect(!strict.report().isLive)
        #expect(patient.report().isLive)
        #expect(patient.report().isLive)
        end.yield()
        _ = await begun.wait(for: 2)
        // There was progress since.
        #expect(strict.report().isLive)
        #expect(strict.report().subscriptions[0].settled == 1)
        end.yield()
      }
      #expect(strict.report().isLive)
    }
  }
}
