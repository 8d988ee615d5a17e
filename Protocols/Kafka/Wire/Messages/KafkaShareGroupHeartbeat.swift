/// A member of a share group joins, lives and leaves (KIP-932).
public enum KafkaShareGroupHeartbeat: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .shareGroupHeartbeat }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 1...1 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaShareGroupHeartbeat {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The member.
    public var memberID = ""
    /// The epoch that the member has: 0 to join, -1 to leave.
    public var memberEpoch: Int32 = 0
    /// The rack of the client.
    public var rackID: String?
    /// The topics that the member subscribes to, `nil` if nothing has changed.
    public var subscribedTopicNames: [String]?

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
      try visitor.field(&rackID)
      try visitor.field(&subscribedTopicNames)
    }
  }
}

extension KafkaShareGroupHeartbeat {
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
    /// What the member shall read, `nil` if nothing has changed.
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

extension KafkaShareGroupHeartbeat.Response {
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
