public import NIOCore

/// Acquires records for a member of a share group, and acknowledges earlier ones (KIP-932).
public enum KafkaShareFetch: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .shareFetch }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 1...2 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaShareFetch {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group.
    public var groupID: String?
    /// The member.
    public var memberID: String?
    /// The number of the request in its share session: 0 to begin one, -1 to end it.
    public var shareSessionEpoch: Int32 = 0
    /// The longest time to wait for records, in milliseconds.
    public var maxWaitMs: Int32 = 0
    /// The fewest bytes of records to answer with before the time is up.
    public var minBytes: Int32 = 0
    /// The most bytes of records in the response; the first batch may be larger.
    public var maxBytes: Int32 = .max
    /// The most records to acquire, rounded up to whole batches.
    public var maxRecords: Int32 = 0
    /// The best number of records in a range.
    public var batchSize: Int32 = 0
    /// 0 to acquire whole batches, 1 to keep to the most records. From version 2.
    public var shareAcquireMode: Int8 = 0
    /// Whether acknowledgements prolong the locks of records. From version 2.
    public var isRenewAck = false
    /// The topics to read or to acknowledge.
    public var topics: [Topic] = []
    /// Partitions that leave the session.
    public var forgottenTopicsData: [ForgottenTopic] = []

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
      try visitor.field(&groupID)
      try visitor.field(&memberID)
      try visitor.field(&shareSessionEpoch)
      try visitor.field(&maxWaitMs)
      try visitor.field(&minBytes)
      try visitor.field(&maxBytes)
      try visitor.field(&maxRecords)
      try visitor.field(&batchSize)
      try visitor.field(&shareAcquireMode, from: 2)
      try visitor.field(&isRenewAck, from: 2)
      try visitor.field(&topics)
      try visitor.field(&forgottenTopicsData)
    }
  }
}

extension KafkaShareFetch.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic's identifier.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicID)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// Records to acknowledge.
    public var acknowledgementBatches: [KafkaAcknowledgementBatch] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&acknowledgementBatches)
    }
  }

  /// Partitions that leave the fetch session.
  public struct ForgottenTopic: KafkaStructure {
    /// The topic's identifier.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicID)
      try visitor.field(&partitions)
    }
  }
}

extension KafkaShareFetch {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// How long acquired records are locked, in milliseconds.
    public var acquisitionLockTimeoutMs: Int32 = 0
    /// What became of each.
    public var responses: [Topic] = []
    /// Where the leaders named above listen.
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
      try visitor.field(&error)
      try visitor.field(&errorMessage)
      try visitor.field(&acquisitionLockTimeoutMs)
      try visitor.field(&responses)
      try visitor.field(&nodeEndpoints)
    }
  }
}

extension KafkaShareFetch.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic's identifier.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicID)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// What went wrong with the acknowledgements.
    public var acknowledgeError: KafkaErrorCode = .noError
    /// The same for people.
    public var acknowledgeErrorMessage: String?
    /// Who leads, if the client has it wrong.
    public var currentLeader = Leader()
    /// Record batches, as they were stored.
    public var records: ByteBuffer?
    /// The ranges that the member has acquired.
    public var acquiredRecords: [AcquiredRange] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
      try visitor.field(&acknowledgeError)
      try visitor.field(&acknowledgeErrorMessage)
      try visitor.field(&currentLeader)
      try visitor.field(&records)
      try visitor.field(&acquiredRecords)
    }
  }

  /// Who leads the partition.
  public struct Leader: KafkaStructure {
    /// The broker that leads, -1 if none does.
    public var leaderID: Int32 = 0
    /// The leader's epoch, -1 if not known.
    public var leaderEpoch: Int32 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&leaderID)
      try visitor.field(&leaderEpoch)
    }
  }

  /// Records that the member has acquired.
  public struct AcquiredRange: KafkaStructure {
    /// The first offset.
    public var firstOffset: Int64 = 0
    /// The last offset.
    public var lastOffset: Int64 = 0
    /// How often the records were delivered, this time included.
    public var deliveryCount: Int16 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&firstOffset)
      try visitor.field(&lastOffset)
      try visitor.field(&deliveryCount)
    }
  }
}
