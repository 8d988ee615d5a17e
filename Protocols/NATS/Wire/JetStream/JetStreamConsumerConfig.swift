/// A consumer's configuration (nats-server 2.12; ADR-13, ADR-15, ADR-34, ADR-42). Durations are
/// nanoseconds. Of a request, zero means not said; `fillIn` puts the defaults there.
public struct JetStreamConsumerConfig: Hashable, Sendable {
  /// The name of a consumer that outlives its users; empty for one that does not.
  public var durableName = ""
  /// The name; empty for one of the server's choice.
  public var name = ""
  /// For people.
  public var summary = ""
  /// Where it begins.
  public var deliverPolicy = DeliverPolicy.all
  /// The first message's number.
  public var startSequence: UInt64 = 0
  /// The first message's time.
  public var startTime: JetStreamTimestamp?
  /// What an acknowledgement means.
  public var ackPolicy = AckPolicy.none
  /// How long to wait for an acknowledgement before delivering again.
  public var ackWait: Int64 = 0
  /// Most deliveries of a message; -1 for no limit.
  public var maxDeliver = 0
  /// How long to wait after the first, second, ... delivery, in place of `ackWait`.
  public var backOff: [Int64] = []
  /// The pattern of subjects to deliver; empty for all.
  public var filterSubject = ""
  /// Patterns in place of the one.
  public var filterSubjects: [String] = []
  /// How fast old messages come.
  public var replayPolicy = ReplayPolicy.instant
  /// Most bits a second, of push consumers; 0 for no limit.
  public var rateLimit: UInt64 = 0
  /// How many acknowledgements in a hundred are reported: `30` or `30%`.
  public var sampleFrequency = ""
  /// Most requests that wait, of pull consumers.
  public var maxWaiting = 0
  /// Most messages delivered and not acknowledged; -1 for no limit.
  public var maxAckPending = 0
  /// Whether delivery waits for the receiver's word, of push consumers.
  public var flowControl = false
  /// Whether only headers are delivered, with `Nats-Msg-Size`.
  public var headersOnly = false
  /// Most messages of a request; 0 for no limit.
  public var maxRequestBatch = 0
  /// Longest expiry of a request; 0 for no limit.
  public var maxRequestExpires: Int64 = 0
  /// Most bytes of a request; 0 for no limit.
  public var maxRequestMaxBytes = 0
  /// Where messages go, of push consumers; empty makes it a pull consumer.
  public var deliverSubject = ""
  /// The queue group that receives there.
  public var deliverGroup = ""
  /// How often a push consumer says it is there when it has nothing to deliver.
  public var heartbeat: Int64 = 0
  /// How long the consumer may be unused before it goes; 0 for ever when it is durable.
  public var inactiveThreshold: Int64 = 0
  /// Copies; 0 for as many as the stream.
  public var replicas = 0
  /// Whether its state is kept in memory although the stream is on disk.
  public var memoryStorage = false
  /// Whether it serves a mirror or source and does not count.
  public var isDirect = false
  /// Names and values of the owner's own.
  public var metadata: [String: String] = [:]
  /// Until when nothing is delivered.
  public var pauseUntil: JetStreamTimestamp?
  /// The groups that requests may name.
  public var priorityGroups: [String] = []
  /// How requests of a group are chosen.
  public var priorityPolicy = PriorityPolicy.none
  /// How long a pinned client may be silent.
  public var pinnedTTL: Int64 = 0

  /// Makes a configuration in which nothing is said.
  public init() {}

  /// All patterns it filters by; none for no filter.
  public var filters: [String] {
    self.filterSubject.isEmpty ? self.filterSubjects : [self.filterSubject]
  }

  /// Whether messages are pushed to a subject.
  public var isPush: Bool { !self.deliverSubject.isEmpty }

  /// Whether it outlives its users.
  public var isDurable: Bool { !self.durableName.isEmpty }
}

extension JetStreamConsumerConfig: JetStreamObject {
  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.unlessEmpty("durable_name", &self.durableName)
    fields.unlessEmpty("name", &self.name)
    fields.unlessEmpty("description", &self.summary)
    fields.always("deliver_policy", &self.deliverPolicy)
    fields.unlessEmpty("opt_start_seq", &self.startSequence)
    fields.unlessEmpty("opt_start_time", &self.startTime)
    fields.always("ack_policy", &self.ackPolicy)
    fields.unlessEmpty("ack_wait", &self.ackWait)
    fields.unlessEmpty("max_deliver", &self.maxDeliver)
    fields.unlessEmpty("backoff", &self.backOff)
    fields.unlessEmpty("filter_subject", &self.filterSubject)
    fields.unlessEmpty("filter_subjects", &self.filterSubjects)
    fields.always("replay_policy", &self.replayPolicy)
    fields.unlessEmpty("rate_limit_bps", &self.rateLimit)
    fields.unlessEmpty("sample_freq", &self.sampleFrequency)
    fields.unlessEmpty("max_waiting", &self.maxWaiting)
    fields.unlessEmpty("max_ack_pending", &self.maxAckPending)
    fields.unlessEmpty("flow_control", &self.flowControl)
    fields.unlessEmpty("headers_only", &self.headersOnly)
    fields.unlessEmpty("max_batch", &self.maxRequestBatch)
    fields.unlessEmpty("max_expires", &self.maxRequestExpires)
    fields.unlessEmpty("max_bytes", &self.maxRequestMaxBytes)
    fields.unlessEmpty("deliver_subject", &self.deliverSubject)
    fields.unlessEmpty("deliver_group", &self.deliverGroup)
    fields.unlessEmpty("idle_heartbeat", &self.heartbeat)
    fields.unlessEmpty("inactive_threshold", &self.inactiveThreshold)
    fields.always("num_replicas", &self.replicas)
    fields.unlessEmpty("mem_storage", &self.memoryStorage)
    fields.unlessEmpty("direct", &self.isDirect)
    fields.unlessEmpty("metadata", &self.metadata)
    fields.unlessEmpty("pause_until", &self.pauseUntil)
    fields.unlessEmpty("priority_groups", &self.priorityGroups)
    fields.unlessEmpty("priority_policy", &self.priorityPolicy)
    fields.unlessEmpty("priority_timeout", &self.pinnedTTL)
  }
}

extension JetStreamConsumerConfig {
  /// Of how many acknowledgements in a hundred metrics are published; 0 for none.
  public var samplePercent: Int {
    let text = self.sampleFrequency
    return max(0, Int(text.hasSuffix("%") ? String(text.dropLast()) : text) ?? 0)
  }
}
