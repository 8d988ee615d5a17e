/// The rules of nats-server 2.12 for consumers beside others, and for changing one.
extension JetStreamConsumerConfig {
  /// What stands against this consumer on its stream.
  ///
  /// - Parameters:
  ///   - stream: the stream's configuration.
  ///   - others: the stream's other consumers, without those that are direct.
  ///   - limits: what the account allows.
  public func conflict(
    stream: JetStreamStreamConfig, others: @autoclosure () -> [JetStreamConsumerConfig],
    limits: JetStreamLimits = JetStreamLimits()
  ) -> JetStreamError? {
    var most = stream.maxConsumers
    let account = limits.account.maxConsumers
    if most <= 0 || account > 0 && account < most { most = account }
    if most > 0, others().count >= most { return JetStreamError(.maximumConsumersLimit) }
    guard stream.retention == .workQueue, !self.isDirect else { return nil }
    if self.ackPolicy != .explicit { return JetStreamError(.consumerWQRequiresExplicitAck) }
    if self.deliverPolicy != .all { return JetStreamError(.consumerWQConsumerNotDeliverAll) }
    let others = others()
    guard !others.isEmpty else { return nil }
    if self.filters.isEmpty { return JetStreamError(.consumerWQMultipleUnfiltered) }
    return self.filtersAreUnique(among: others)
      ? nil : JetStreamError(.consumerWQConsumerNotUnique)
  }

  /// Whether no subject of this consumer is one of the others' as well.
  public func filtersAreUnique(among others: [JetStreamConsumerConfig]) -> Bool {
    others.allSatisfy { other in
      let theirs = other.filters
      return self.filters.isEmpty
        || !theirs.isEmpty
          && !self.filters.contains { mine in
            theirs.contains { JetStreamPattern.collide(mine, $0) }
          }
    }
  }

  /// Why this configuration can not become the new one.
  ///
  /// - Parameter isBound: whether somebody listens where this consumer pushes to.
  public func updateError(
    to new: JetStreamConsumerConfig, isBound: Bool = false
  ) -> JetStreamError? {
    func refused(_ what: String) -> JetStreamError {
      JetStreamError(.consumerCreate, "\(what) can not be updated")
    }
    if self == new { return nil }
    if self.deliverPolicy != new.deliverPolicy { return refused("deliver policy") }
    if self.memoryStorage != new.memoryStorage { return refused("storage type") }
    if self.isDirect != new.isDirect { return refused("direct") }
    if self.startSequence != new.startSequence { return refused("start sequence") }
    if self.startTime != new.startTime { return refused("start time") }
    if self.ackPolicy != new.ackPolicy { return refused("ack policy") }
    if self.replayPolicy != new.replayPolicy { return refused("replay policy") }
    if self.heartbeat != new.heartbeat { return refused("heart beats") }
    if self.flowControl != new.flowControl { return refused("flow control") }
    if self.deliverSubject != new.deliverSubject {
      if !self.isPush {
        return JetStreamError(.consumerCreate, "can not update pull consumer to push based")
      }
      if !new.isPush {
        return JetStreamError(.consumerCreate, "can not update push consumer to pull based")
      }
      if isBound { return JetStreamError(.consumerNameExist) }
    }
    if self.maxWaiting != new.maxWaiting { return refused("max waiting") }
    return new.maxDeliver != -1 && new.backOff.count > new.maxDeliver
      ? JetStreamError(.consumerMaxDeliverBackoff) : nil
  }

  /// Whether two configurations say the same, but for what the server notes in the metadata.
  public func isSame(as other: JetStreamConsumerConfig) -> Bool {
    var first = self
    var second = other
    first.metadata = JetStreamLevel.own(first.metadata)
    second.metadata = JetStreamLevel.own(second.metadata)
    return first == second
  }
}
