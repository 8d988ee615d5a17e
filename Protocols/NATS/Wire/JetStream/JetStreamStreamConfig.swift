/// A stream's configuration (nats-server 2.12; ADR-1, ADR-8, ADR-43, ADR-49, ADR-50, ADR-51 of the
/// NATS architecture documents). Durations are nanoseconds. Of a request, zero means not said;
/// `validated` puts the defaults there.
public struct JetStreamStreamConfig: Hashable, Sendable {
  /// The name, which no other stream of the account has.
  public var name = ""
  /// For people.
  public var summary = ""
  /// The patterns of subjects that the stream keeps.
  public var subjects: [String] = []
  /// When messages leave.
  public var retention = Retention.limits
  /// Most consumers; -1 for no limit.
  public var maxConsumers = 0
  /// Most messages; -1 for no limit.
  public var maxMessages: Int64 = 0
  /// Most bytes; -1 for no limit.
  public var maxBytes: Int64 = 0
  /// The oldest age; 0 for no limit.
  public var maxAge: Int64 = 0
  /// Most messages of one subject; -1 for no limit.
  public var maxMessagesPerSubject: Int64 = 0
  /// Most bytes of a message; -1 for no limit.
  public var maxMessageBytes: Int32 = 0
  /// What happens to new messages when the stream is full.
  public var discard = Discard.old
  /// Where messages are kept.
  public var storage = Storage.file
  /// Copies; 1 on a single server.
  public var replicas = 0
  /// Whether publishers get no acknowledgement.
  public var noAck = false
  /// How long message ids are remembered.
  public var duplicateWindow: Int64 = 0
  /// Where a cluster should place it; a single server only keeps it.
  public var placement: Placement?
  /// The stream that this one copies.
  public var mirror: JetStreamStreamSource?
  /// The streams whose messages this one takes as well.
  public var sources: [JetStreamStreamSource] = []
  /// How files are compressed.
  public var compression = Compression.none
  /// The first message's number; 0 for 1.
  public var firstSequence: UInt64 = 0
  /// How subjects are rewritten before anything else.
  public var subjectTransform: JetStreamSubjectMapping?
  /// Where messages are published again once they are kept.
  public var republish: Republish?
  /// Whether `$JS.API.DIRECT.GET` answers.
  public var allowDirect = false
  /// Whether a mirror answers for its origin there.
  public var mirrorDirect = false
  /// Whether `discard` new goes by subject as well.
  public var discardNewPerSubject = false
  /// Whether nothing may come or go any more.
  public var isSealed = false
  /// Whether single messages can not be deleted.
  public var denyDelete = false
  /// Whether the stream can not be purged.
  public var denyPurge = false
  /// Whether `Nats-Rollup` is allowed.
  public var allowRollup = false
  /// Bounds and defaults of consumers.
  public var consumerLimits = ConsumerLimits()
  /// Whether `Nats-TTL` is heeded.
  public var allowMessageTTL = false
  /// How long the marker stays that says a subject's last message went by age; 0 for no markers.
  public var subjectDeleteMarkerTTL: Int64 = 0
  /// Whether every message adds to a counter (ADR-49).
  public var allowMessageCounter = false
  /// Whether batches are taken as one (ADR-50).
  public var allowAtomicPublish = false
  /// Whether messages can be scheduled (ADR-51).
  public var allowMessageSchedules = false
  /// When a message counts as kept.
  public var persistMode = PersistMode.immediate
  /// Names and values of the owner's own.
  public var metadata: [String: String] = [:]

  /// Makes a configuration in which nothing is said.
  public init() {}
}

extension JetStreamStreamConfig: JetStreamObject {
  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("name", &self.name)
    fields.unlessEmpty("description", &self.summary)
    fields.unlessEmpty("subjects", &self.subjects)
    fields.always("retention", &self.retention)
    fields.always("max_consumers", &self.maxConsumers)
    fields.always("max_msgs", &self.maxMessages)
    fields.always("max_bytes", &self.maxBytes)
    fields.always("max_age", &self.maxAge)
    fields.always("max_msgs_per_subject", &self.maxMessagesPerSubject)
    fields.unlessEmpty("max_msg_size", &self.maxMessageBytes)
    fields.always("discard", &self.discard)
    fields.always("storage", &self.storage)
    fields.always("num_replicas", &self.replicas)
    fields.unlessEmpty("no_ack", &self.noAck)
    fields.unlessEmpty("duplicate_window", &self.duplicateWindow)
    fields.unlessEmpty("placement", &self.placement)
    fields.unlessEmpty("mirror", &self.mirror)
    fields.unlessEmpty("sources", &self.sources)
    fields.always("compression", &self.compression)
    fields.unlessEmpty("first_seq", &self.firstSequence)
    fields.unlessEmpty("subject_transform", &self.subjectTransform)
    fields.unlessEmpty("republish", &self.republish)
    fields.always("allow_direct", &self.allowDirect)
    fields.always("mirror_direct", &self.mirrorDirect)
    fields.unlessEmpty("discard_new_per_subject", &self.discardNewPerSubject)
    fields.always("sealed", &self.isSealed)
    fields.always("deny_delete", &self.denyDelete)
    fields.always("deny_purge", &self.denyPurge)
    fields.always("allow_rollup_hdrs", &self.allowRollup)
    fields.always("consumer_limits", &self.consumerLimits)
    fields.always("allow_msg_ttl", &self.allowMessageTTL)
    fields.unlessEmpty("subject_delete_marker_ttl", &self.subjectDeleteMarkerTTL)
    fields.unlessEmpty("allow_msg_counter", &self.allowMessageCounter)
    fields.unlessEmpty("allow_atomic", &self.allowAtomicPublish)
    fields.unlessEmpty("allow_msg_schedules", &self.allowMessageSchedules)
    fields.unlessEmpty("persist_mode", &self.persistMode)
    fields.unlessEmpty("metadata", &self.metadata)
  }
}

extension JetStreamStreamConfig {
  /// Where a cluster should place a stream.
  public struct Placement: JetStreamObject {
    /// The cluster's name.
    public var cluster = ""
    /// Tags that servers must have.
    public var tags: [String] = []
    /// The server that should lead; refused in streams.
    public var preferred = ""

    /// Makes a placement without wishes.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.unlessEmpty("cluster", &self.cluster)
      fields.unlessEmpty("tags", &self.tags)
      fields.unlessEmpty("preferred", &self.preferred)
    }
  }

  /// Where messages are published again once they are kept.
  public struct Republish: JetStreamObject {
    /// Which subjects; empty for all.
    public var source = ""
    /// Under which subject.
    public var destination = ""
    /// Whether only headers are published, with `Nats-Msg-Size`.
    public var headersOnly = false

    /// Makes an empty rule.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.unlessEmpty("src", &self.source)
      fields.always("dest", &self.destination)
      fields.unlessEmpty("headers_only", &self.headersOnly)
    }
  }

  /// Bounds and defaults of a stream's consumers.
  public struct ConsumerLimits: JetStreamObject {
    /// How long a consumer may be unused, in nanoseconds; 0 for as long as it likes.
    public var inactiveThreshold: Int64 = 0
    /// Most messages delivered and not acknowledged; 0 for no bound.
    public var maxAckPending = 0

    /// Makes limits that bound nothing.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.unlessEmpty("inactive_threshold", &self.inactiveThreshold)
      fields.unlessEmpty("max_ack_pending", &self.maxAckPending)
    }
  }
}
