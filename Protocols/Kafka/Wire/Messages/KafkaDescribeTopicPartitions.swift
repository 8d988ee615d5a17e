/// Topics and partitions, page by page (KIP-966).
public enum KafkaDescribeTopicPartitions: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeTopicPartitions }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...0 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaDescribeTopicPartitions {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The topics.
    public var topics: [Topic] = []
    /// The most partitions of a page.
    public var responsePartitionLimit: Int32 = 2000
    /// Where to begin, `nil` for the beginning.
    public var cursor: Cursor?

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
      try visitor.field(&topics)
      try visitor.field(&responsePartitionLimit)
      try visitor.field(&cursor)
    }
  }
}

extension KafkaDescribeTopicPartitions.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
    }
  }

  /// Where a page begins.
  public struct Cursor: KafkaStructure {
    /// The topic.
    public var topicName = ""
    /// The partition.
    public var partitionIndex: Int32 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicName)
      try visitor.field(&partitionIndex)
    }
  }
}

extension KafkaDescribeTopicPartitions {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The topics.
    public var topics: [Topic] = []
    /// Where the next page begins, `nil` if there is none.
    public var nextCursor: Cursor?

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
      try visitor.field(&topics)
      try visitor.field(&nextCursor)
    }
  }
}

extension KafkaDescribeTopicPartitions.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The name.
    public var name: String?
    /// The topic's identifier.
    public var topicID = KafkaUUID()
    /// Whether the broker keeps the topic for itself.
    public var isInternal = false
    /// The partitions.
    public var partitions: [Partition] = []
    /// What the client may do with the topic, a bit for each operation; the lowest number if not
    /// asked for.
    public var topicAuthorizedOperations: Int32 = .min

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&name)
      try visitor.field(&topicID)
      try visitor.field(&isInternal)
      try visitor.field(&partitions)
      try visitor.field(&topicAuthorizedOperations)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// The broker that leads, -1 if none does.
    public var leaderID: Int32 = 0
    /// The leader's epoch, -1 if not known.
    public var leaderEpoch: Int32 = -1
    /// The brokers that keep it.
    public var replicaNodes: [Int32] = []
    /// Replicas in sync.
    public var isrNodes: [Int32] = []
    /// Replicas that may lead all the same.
    public var eligibleLeaderReplicas: [Int32]?
    /// Replicas that could lead before.
    public var lastKnownElr: [Int32]?
    /// Replicas that are not available.
    public var offlineReplicas: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&partitionIndex)
      try visitor.field(&leaderID)
      try visitor.field(&leaderEpoch)
      try visitor.field(&replicaNodes)
      try visitor.field(&isrNodes)
      try visitor.field(&eligibleLeaderReplicas)
      try visitor.field(&lastKnownElr)
      try visitor.field(&offlineReplicas)
    }
  }

  /// Where a page begins.
  public struct Cursor: KafkaStructure {
    /// The topic.
    public var topicName = ""
    /// The partition.
    public var partitionIndex: Int32 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicName)
      try visitor.field(&partitionIndex)
    }
  }
}
