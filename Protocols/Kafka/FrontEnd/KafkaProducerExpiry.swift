/// Has partitions forget producers that have not written for long (Kafka's
/// `producer.id.expiration.ms`): each process that writes is a new one, and takes memory.
final class KafkaProducerExpiry {
  /// How often is looked, in milliseconds, where producers are remembered for long: as at Kafka.
  private static let interval = 600_000
  /// How many partitions are looked at before others have their turn.
  private static let partitionsPerTurn = 16

  private let clock: any KafkaClock
  private let partitions: () -> [KafkaPartition]
  private let lifetime: () -> Int
  private var left: [KafkaPartition] = []
  private var alarm: (any KafkaAlarm)?

  /// - Parameters:
  ///   - partitions: all there are.
  ///   - lifetime: for how long a producer is remembered, in milliseconds.
  init(
    clock: any KafkaClock, partitions: @escaping () -> [KafkaPartition],
    lifetime: @escaping () -> Int
  ) {
    self.clock = clock
    self.partitions = partitions
    self.lifetime = lifetime
    turn()
  }

  private func turn() {
    for partition in left.suffix(Self.partitionsPerTurn) {
      partition.forgetProducers(silentFor: lifetime())
    }
    left.removeLast(min(Self.partitionsPerTurn, left.count))
    let pause = min(Self.interval, max(lifetime() / 4, 100))
    alarm = clock.alarm(after: left.isEmpty ? pause : 1) { [weak self] in
      guard let self else { return }
      if left.isEmpty { left = partitions().filter { $0.producers.count > 0 } }
      turn()
    }
  }
}
