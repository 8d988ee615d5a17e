/// A consumer's configuration and state.
public struct JetStreamConsumerInfo: JetStreamObject {
  /// The stream's name.
  public var stream = ""
  /// The consumer's name.
  public var name = ""
  /// When it was made.
  public var created = JetStreamTimestamp.zero
  /// The configuration.
  public var config: JetStreamConsumerConfig?
  /// The last message delivered.
  public var delivered = Position()
  /// The last message before which all are acknowledged.
  public var ackFloor = Position()
  /// Messages delivered and not acknowledged.
  public var ackPendingCount = 0
  /// Messages delivered more than once and not acknowledged.
  public var redeliveredCount = 0
  /// Requests that wait.
  public var waitingCount = 0
  /// Messages to deliver.
  public var pendingCount: UInt64 = 0
  /// Who leads it.
  public var cluster: JetStreamClusterInfo?
  /// Whether somebody listens where it pushes to.
  public var isPushBound = false
  /// Whether it is paused.
  public var isPaused = false
  /// For how many nanoseconds yet.
  public var pauseRemaining: Int64 = 0
  /// When this was said.
  public var timestamp = JetStreamTimestamp.zero
  /// The priority groups and who is pinned in them.
  public var priorityGroups: [PriorityGroup] = []

  /// Makes an empty one.
  public init() {}

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("stream_name", &self.stream)
    fields.always("name", &self.name)
    fields.always("created", &self.created)
    fields.unlessEmpty("config", &self.config)
    fields.always("delivered", &self.delivered)
    fields.always("ack_floor", &self.ackFloor)
    fields.always("num_ack_pending", &self.ackPendingCount)
    fields.always("num_redelivered", &self.redeliveredCount)
    fields.always("num_waiting", &self.waitingCount)
    fields.always("num_pending", &self.pendingCount)
    fields.unlessEmpty("cluster", &self.cluster)
    fields.unlessEmpty("push_bound", &self.isPushBound)
    fields.unlessEmpty("paused", &self.isPaused)
    fields.unlessEmpty("pause_remaining", &self.pauseRemaining)
    fields.always("ts", &self.timestamp)
    fields.unlessEmpty("priority_groups", &self.priorityGroups)
  }

  /// A message by both its numbers.
  public struct Position: JetStreamObject {
    /// Its number among this consumer's deliveries.
    public var consumerSequence: UInt64 = 0
    /// Its number in the stream.
    public var streamSequence: UInt64 = 0
    /// When that was; `nil` for never.
    public var lastActive: JetStreamTimestamp?

    /// Makes the position before all messages.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("consumer_seq", &self.consumerSequence)
      fields.always("stream_seq", &self.streamSequence)
      fields.unlessEmpty("last_active", &self.lastActive)
    }
  }

  /// A priority group and who is pinned in it.
  public struct PriorityGroup: JetStreamObject {
    /// The group's name.
    public var group = ""
    /// The pinned client's id; empty for nobody.
    public var pinnedClientID = ""
    /// Since when.
    public var pinnedTime = JetStreamTimestamp.zero

    /// Makes an empty group.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("group", &self.group)
      fields.unlessEmpty("pinned_client_id", &self.pinnedClientID)
      fields.always("pinned_ts", &self.pinnedTime)
    }
  }
}
