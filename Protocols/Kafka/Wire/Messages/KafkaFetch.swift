public import NIOCore

/// Reads record batches of partitions, waiting for some if there are none.
public enum KafkaFetch: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .fetch }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 4...18 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 12 }
}

extension KafkaFetch {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The cluster. Tagged. From version 12.
    public var clusterID: String?
    /// The follower that asks, -1 for a consumer. Up to version 14.
    public var replicaID: Int32 = -1
    /// The follower that asks. Tagged. From version 15.
    public var replicaState = ReplicaState()
    /// The longest time to wait for records, in milliseconds.
    public var maxWaitMs: Int32 = 0
    /// The fewest bytes of records to answer with before the time is up.
    public var minBytes: Int32 = 0
    /// The most bytes of records in the response; the first batch may be larger.
    public var maxBytes: Int32 = .max
    /// 0 to read everything, 1 to read what is committed.
    public var isolationLevel: Int8 = 0
    /// The fetch session, 0 for none. From version 7.
    public var sessionID: Int32 = 0
    /// The number of the request in its fetch session: 0 to begin one, -1 to have none. From
    /// version 7.
    public var sessionEpoch: Int32 = -1
    /// The topics.
    public var topics: [Topic] = []
    /// Partitions that leave the session. From version 7.
    public var forgottenTopicsData: [ForgottenTopic] = []
    /// The rack of the client. From version 11.
    public var rackID = ""

    /// All fields at their defaults.
    public init() {}

    /// Reads the message behind its header.
    public init(from reader: inout KafkaReader) throws(KafkaWireError) {
      self = try reader.structure(Self.self)
    }

    /// Writes the message behind its header.
    public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
      try writer.structure(self)
    }

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&replicaID, to: 14)
      try visitor.field(&maxWaitMs)
      try visitor.field(&minBytes)
      try visitor.field(&maxBytes)
      try visitor.field(&isolationLevel)
      try visitor.field(&sessionID, from: 7)
      try visitor.field(&sessionEpoch, from: 7)
      try visitor.field(&topics)
      try visitor.field(&forgottenTopicsData, from: 7)
      try visitor.field(&rackID, from: 11)
    }

    /// The tagged fields.
    public mutating func visitTags<V: KafkaTagVisitor>(
      _ visitor: inout V
    ) throws(KafkaWireError) {
      try visitor.field(0, &clusterID, default: nil)
      try visitor.field(1, &replicaState, from: 15, default: ReplicaState())
    }
  }
}

extension KafkaFetch.Request {
  /// The follower that asks.
  public struct ReplicaState: KafkaStructure {
    /// The follower that asks, -1 for a consumer.
    public var replicaID: Int32 = -1
    /// The follower's epoch, -1 if none.
    public var replicaEpoch: Int64 = -1

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&replicaID)
      try visitor.field(&replicaEpoch)
    }
  }

  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic. Up to version 12.
    public var topic = ""
    /// The topic's identifier. From version 13.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topic, to: 12)
      try visitor.field(&topicID, from: 13)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partition: Int32 = 0
    /// The epoch that the client knows, to notice that either side is behind; -1 if it knows none.
    /// From version 9.
    public var currentLeaderEpoch: Int32 = -1
    /// Where to begin.
    public var fetchOffset: Int64 = 0
    /// The epoch of the last record that the follower has, -1 if none. From version 12.
    public var lastFetchedEpoch: Int32 = -1
    /// The first offset there is, -1 if not known. From version 5.
    public var logStartOffset: Int64 = -1
    /// The most bytes of the partition; the first batch may be larger.
    public var partitionMaxBytes: Int32 = 0
    /// The follower's folder. Tagged. From version 17.
    public var replicaDirectoryID = KafkaUUID()
    /// The offset behind the last record that is safe to read. Tagged. From version 18.
    public var highWatermark: Int64 = .max

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partition)
      try visitor.field(&currentLeaderEpoch, from: 9)
      try visitor.field(&fetchOffset)
      try visitor.field(&lastFetchedEpoch, from: 12)
      try visitor.field(&logStartOffset, from: 5)
      try visitor.field(&partitionMaxBytes)
    }

    /// The tagged fields.
    public mutating func visitTags<V: KafkaTagVisitor>(
      _ visitor: inout V
    ) throws(KafkaWireError) {
      try visitor.field(0, &replicaDirectoryID, from: 17, default: KafkaUUID())
      try visitor.field(1, &highWatermark, from: 18, default: .max)
    }
  }

  /// Partitions that leave the fetch session.
  public struct ForgottenTopic: KafkaStructure {
    /// The topic. Up to version 12.
    public var topic = ""
    /// The topic's identifier. From version 13.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topic, to: 12)
      try visitor.field(&topicID, from: 13)
      try visitor.field(&partitions)
    }
  }
}

extension KafkaFetch {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong. From version 7.
    public var error: KafkaErrorCode = .noError
    /// The fetch session, 0 for none. From version 7.
    public var sessionID: Int32 = 0
    /// What became of each.
    public var responses: [Topic] = []
    /// Where the leaders named above listen. Tagged. From version 16.
    public var nodeEndpoints: [KafkaNodeEndpoint] = []

    /// All fields at their defaults.
    public init() {}

    /// Reads the message behind its header.
    public init(from reader: inout KafkaReader) throws(KafkaWireError) {
      self = try reader.structure(Self.self)
    }

    /// Writes the message behind its header.
    public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
      try writer.structure(self)
    }

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&throttleTimeMs)
      try visitor.field(&error, from: 7)
      try visitor.field(&sessionID, from: 7)
      try visitor.field(&responses)
    }

    /// The tagged fields.
    public mutating func visitTags<V: KafkaTagVisitor>(
      _ visitor: inout V
    ) throws(KafkaWireError) {
      try visitor.field(0, &nodeEndpoints, from: 16, default: [])
    }
  }
}

extension KafkaFetch.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic. Up to version 12.
    public var topic = ""
    /// The topic's identifier. From version 13.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topic, to: 12)
      try visitor.field(&topicID, from: 13)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The offset behind the last record that is safe to read.
    public var highWatermark: Int64 = 0
    /// The offset behind the last record whose transaction has ended.
    public var lastStableOffset: Int64 = -1
    /// The first offset there is, -1 if not known. From version 5.
    public var logStartOffset: Int64 = -1
    /// Where the log went another way than the follower's. Tagged. From version 12.
    public var divergingEpoch = EpochEndOffset()
    /// Who leads, if the client has it wrong. Tagged. From version 12.
    public var currentLeader = KafkaCurrentLeader()
    /// A snapshot to fetch in place of records. Tagged. From version 12.
    public var snapshotID = SnapshotId()
    /// Transactions whose records a committed reader skips; `nil` if there is nothing to say.
    public var abortedTransactions: [AbortedTransaction]?
    /// A replica that is better to read from, -1 if none. From version 11.
    public var preferredReadReplica: Int32 = -1
    /// Record batches, as they were stored.
    public var records: ByteBuffer?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&error)
      try visitor.field(&highWatermark)
      try visitor.field(&lastStableOffset)
      try visitor.field(&logStartOffset, from: 5)
      try visitor.field(&abortedTransactions)
      try visitor.field(&preferredReadReplica, from: 11)
      try visitor.field(&records)
    }

    /// The tagged fields.
    public mutating func visitTags<V: KafkaTagVisitor>(
      _ visitor: inout V
    ) throws(KafkaWireError) {
      try visitor.field(0, &divergingEpoch, default: EpochEndOffset())
      try visitor.field(1, &currentLeader, default: KafkaCurrentLeader())
      try visitor.field(2, &snapshotID, default: SnapshotId())
    }
  }

  /// Where an epoch ended.
  public struct EpochEndOffset: KafkaStructure {
    /// The epoch.
    public var epoch: Int32 = -1
    /// The offset behind the epoch's last record.
    public var endOffset: Int64 = -1

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&epoch)
      try visitor.field(&endOffset)
    }
  }

  /// A snapshot to fetch in place of records.
  public struct SnapshotId: KafkaStructure {
    /// The offset behind the epoch's last record.
    public var endOffset: Int64 = -1
    /// The epoch.
    public var epoch: Int32 = -1

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&endOffset)
      try visitor.field(&epoch)
    }
  }

  /// A transaction whose records are to be skipped.
  public struct AbortedTransaction: KafkaStructure {
    /// The producer, -1 if none.
    public var producerID: Int64 = 0
    /// The first offset.
    public var firstOffset: Int64 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&producerID)
      try visitor.field(&firstOffset)
    }
  }
}
