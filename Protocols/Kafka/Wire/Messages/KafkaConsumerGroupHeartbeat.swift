/// A member of a consumer group of the newer kind joins, lives and leaves (KIP-848).
public enum KafkaConsumerGroupHeartbeat: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .consumerGroupHeartbeat }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...1 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaConsumerGroupHeartbeat {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The member.
    public var memberID = ""
    /// The epoch that the member has: 0 to join, -1 to leave, -2 for a static member that leaves
    /// for a while.
    public var memberEpoch: Int32 = 0
    /// The name of a static member, `nil` if it is none, or nothing has changed.
    public var instanceID: String?
    /// The rack of the client.
    public var rackID: String?
    /// How long members have to join again in a rebalance, in milliseconds; -1 if nothing has
    /// changed.
    public var rebalanceTimeoutMs: Int32 = -1
    /// The topics that the member subscribes to, `nil` if nothing has changed.
    public var subscribedTopicNames: [String]?
    /// The expression that the member subscribes to, `nil` if none, or nothing has changed. From
    /// version 1.
    public var subscribedTopicRegex: String?
    /// Who shall assign, `nil` if nothing has changed.
    public var serverAssignor: String?
    /// What the member owns, `nil` if nothing has changed.
    public var topicPartitions: [Topic]?

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
      try visitor.field(&memberEpoch)
      try visitor.field(&instanceID)
      try visitor.field(&rackID)
      try visitor.field(&rebalanceTimeoutMs)
      try visitor.field(&subscribedTopicNames)
      try visitor.field(&subscribedTopicRegex, from: 1)
      try visitor.field(&serverAssignor)
      try visitor.field(&topicPartitions)
    }
  }
}

extension KafkaConsumerGroupHeartbeat.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
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

extension KafkaConsumerGroupHeartbeat {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// The member.
    public var memberID: String?
    /// The member's epoch.
    public var memberEpoch: Int32 = 0
    /// How often the member shall say that it lives, in milliseconds.
    public var heartbeatIntervalMs: Int32 = 0
    /// What the member shall own, `nil` if nothing has changed.
    public var assignment: Assignment?

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
      try visitor.field(&memberID)
      try visitor.field(&memberEpoch)
      try visitor.field(&heartbeatIntervalMs)
      try visitor.field(&assignment)
    }
  }
}

extension KafkaConsumerGroupHeartbeat.Response {
  /// An assignment.
  public struct Assignment: KafkaStructure {
    /// The partitions, topic by topic.
    public var topicPartitions: [Topic] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicPartitions)
    }
  }

  /// A topic.
  public struct Topic: KafkaStructure {
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
