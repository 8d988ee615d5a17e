/// Acknowledges records that a member of a share group had acquired (KIP-932).
public enum KafkaShareAcknowledge: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .shareAcknowledge }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 1...2 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaShareAcknowledge {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group.
    public var groupID: String?
    /// The member.
    public var memberID: String?
    /// The number of the request in its share session: 0 to begin one, -1 to end it.
    public var shareSessionEpoch: Int32 = 0
    /// Whether acknowledgements prolong the locks of records. From version 2.
    public var isRenewAck = false
    /// The topics.
    public var topics: [Topic] = []

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
      try visitor.field(&isRenewAck, from: 2)
      try visitor.field(&topics)
    }
  }
}

extension KafkaShareAcknowledge.Request {
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
}

extension KafkaShareAcknowledge {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// How long acquired records are locked, in milliseconds. From version 2.
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
      try visitor.field(&acquisitionLockTimeoutMs, from: 2)
      try visitor.field(&responses)
      try visitor.field(&nodeEndpoints)
    }
  }
}

extension KafkaShareAcknowledge.Response {
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
    /// Who leads, if the client has it wrong.
    public var currentLeader = Leader()

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
      try visitor.field(&currentLeader)
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
}
