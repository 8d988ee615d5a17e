/// The brokers of a cluster, and topics with their partitions and leaders.
public enum KafkaMetadata: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .metadata }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...13 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 9 }
}

extension KafkaMetadata {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The topics, `nil` for all. In version 0 empty stands for all.
    public var topics: [Topic]?
    /// Whether topics that are missing may be created. From version 4.
    public var allowAutoTopicCreation = true
    /// Whether to tell what the client may do with the cluster. Versions 8 to 10.
    public var includeClusterAuthorizedOperations = false
    /// Whether to tell what the client may do with topics. From version 8.
    public var includeTopicAuthorizedOperations = false

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
      try visitor.field(&topics, nullFrom: 1)
      try visitor.field(&allowAutoTopicCreation, from: 4)
      try visitor.field(&includeClusterAuthorizedOperations, from: 8, to: 10)
      try visitor.field(&includeTopicAuthorizedOperations, from: 8)
    }
  }
}

extension KafkaMetadata.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic's identifier. From version 10.
    public var topicID = KafkaUUID()
    /// The topic, `nil` if it is named by its identifier.
    public var name: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicID, from: 10)
      try visitor.field(&name, nullFrom: 10)
    }
  }
}

extension KafkaMetadata {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 3.
    public var throttleTimeMs: Int32 = 0
    /// The brokers.
    public var brokers: [Broker] = []
    /// The cluster. From version 2.
    public var clusterID: String?
    /// The controller, -1 if there is none. From version 1.
    public var controllerID: Int32 = -1
    /// The topics.
    public var topics: [Topic] = []
    /// What the client may do with the cluster, a bit for each operation; the lowest number if not
    /// asked for. Versions 8 to 10.
    public var clusterAuthorizedOperations: Int32 = .min
    /// What went wrong. From version 13.
    public var error: KafkaErrorCode = .noError

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
      try visitor.field(&throttleTimeMs, from: 3)
      try visitor.field(&brokers)
      try visitor.field(&clusterID, from: 2)
      try visitor.field(&controllerID, from: 1)
      try visitor.field(&topics)
      try visitor.field(&clusterAuthorizedOperations, from: 8, to: 10)
      try visitor.field(&error, from: 13)
    }
  }
}

extension KafkaMetadata.Response {
  /// A broker.
  public struct Broker: KafkaStructure {
    /// The broker.
    public var nodeID: Int32 = 0
    /// The host.
    public var host = ""
    /// The port.
    public var port: Int32 = 0
    /// The rack, `nil` if not known. From version 1.
    public var rack: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&nodeID)
      try visitor.field(&host)
      try visitor.field(&port)
      try visitor.field(&rack, from: 1)
    }
  }

  /// A topic.
  public struct Topic: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The name.
    public var name: String?
    /// The topic's identifier. From version 10.
    public var topicID = KafkaUUID()
    /// Whether the broker keeps the topic for itself. From version 1.
    public var isInternal = false
    /// The partitions.
    public var partitions: [Partition] = []
    /// What the client may do with the topic, a bit for each operation; the lowest number if not
    /// asked for. From version 8.
    public var topicAuthorizedOperations: Int32 = .min

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&name, nullFrom: 12)
      try visitor.field(&topicID, from: 10)
      try visitor.field(&isInternal, from: 1)
      try visitor.field(&partitions)
      try visitor.field(&topicAuthorizedOperations, from: 8)
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
    /// The leader's epoch, -1 if not known. From version 7.
    public var leaderEpoch: Int32 = -1
    /// The brokers that keep it.
    public var replicaNodes: [Int32] = []
    /// Replicas in sync.
    public var isrNodes: [Int32] = []
    /// Replicas that are not available. From version 5.
    public var offlineReplicas: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&partitionIndex)
      try visitor.field(&leaderID)
      try visitor.field(&leaderEpoch, from: 7)
      try visitor.field(&replicaNodes)
      try visitor.field(&isrNodes)
      try visitor.field(&offlineReplicas, from: 5)
    }
  }
}
