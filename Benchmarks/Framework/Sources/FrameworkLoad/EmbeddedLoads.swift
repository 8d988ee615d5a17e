import Godwit
import GodwitEmbedded
import NIOCore

/// From publish to handler inside one process.
struct EmbeddedLoads {
  let arguments: Arguments
  let topic = Topic<ByteBuffer>("bench.data")

  /// Publishes one after the other, each confirmed, while a handler takes them.
  func publish() async throws {
    try await self.run { broker, count in
      let payload = ByteBuffer(repeating: 0x78, count: self.arguments.size)
      for _ in 0..<count { try await broker.publish(payload, to: self.topic) }
    }
  }

  /// Publishes a hundred at a time while a handler takes them.
  func publishBatches() async throws {
    try await self.run { broker, count in
      let payload = ByteBuffer(repeating: 0x78, count: self.arguments.size)
      let batch = Array(repeating: payload, count: 100)
      for _ in 0..<(count / batch.count) {
        try await broker.publish(contentsOf: batch, to: self.topic)
      }
    }
  }

  private func run(_ publish: @Sendable (Broker, Int) async throws -> Void) async throws {
    let count = max(100, self.arguments.messages / 100 * 100)
    let warmUp = max(100, count / 1_000 * 100)
    try await withEmbeddedBroker { broker in
      let tally = Tally()
      let subscription = Subscription(to: self.topic, on: broker) { _ in
        tally.count()
        return .ack
      }
      try await subscription.whileRunning {
        tally.expect(warmUp)
        try await publish(broker, warmUp)
        await tally.wait()
        tally.expect(count)
        let meter = Meter()
        try await publish(broker, count)
        await tally.wait()
        meter.report(messages: count)
      }
    }
  }
}
