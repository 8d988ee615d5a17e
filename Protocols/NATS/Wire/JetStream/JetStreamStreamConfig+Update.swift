/// The rules of nats-server 2.12 for changing a stream (`configUpdateCheck`).
extension JetStreamStreamConfig {
  /// The configuration that takes this one's place.
  ///
  /// - Parameter new: what was asked for, already `validated`.
  /// - Throws: the error to answer.
  public func updated(to new: JetStreamStreamConfig) throws(JetStreamError) -> Self {
    var config = new
    let update = "stream configuration update can not"
    guard new.name == self.name else {
      throw Self.invalid("stream configuration name must match original")
    }
    if new.replicas > 1 { throw JetStreamError(.streamReplicasNotSupported) }
    if new.storage != self.storage { throw Self.invalid("\(update) change storage type") }
    if new.retention != self.retention,
      new.retention == .workQueue || self.retention == .workQueue
    {
      throw Self.invalid("\(update) change retention policy to/from workqueue")
    }
    if self.isSealed, !new.isSealed { throw Self.invalid("\(update) unseal a sealed stream") }
    if self.denyDelete, !new.denyDelete {
      throw Self.invalid("\(update) cancel deny message deletes")
    }
    if self.denyPurge, !new.denyPurge { throw Self.invalid("\(update) cancel deny purge") }
    if new.mirror != nil, new.mirror != self.mirror {
      throw JetStreamError(.streamMirrorNotUpdatable)
    }
    if self.allowMessageTTL, !new.allowMessageTTL {
      throw Self.invalid("message TTL status can not be disabled")
    }
    if new.allowMessageCounter != self.allowMessageCounter {
      throw Self.invalid("\(update) change message counter setting")
    }
    if self.allowMessageSchedules, !new.allowMessageSchedules {
      throw Self.invalid("message schedules can not be disabled")
    }
    if new.persistMode != self.persistMode {
      throw Self.invalid("\(update) change persist mode")
    }
    if new.isSealed {
      config.maxAge = 0
      config.discard = .new
      config.denyDelete = true
      config.denyPurge = true
      config.allowRollup = false
    }
    return config
  }

  /// Whether two configurations say the same, but for what the server notes in the metadata.
  public func isSame(as other: JetStreamStreamConfig) -> Bool {
    var first = self
    var second = other
    first.metadata = JetStreamLevel.own(first.metadata)
    second.metadata = JetStreamLevel.own(second.metadata)
    return first == second
  }
}
