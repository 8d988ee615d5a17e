/// A group commits the positions up to which it has read.
public enum KafkaOffsetCommit: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .offsetCommit }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...10 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 8 }
}

extension KafkaOffsetCommit {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The group's generation, or the member's epoch in groups of the newer kind. From version 1.
    public var generationIDOrMemberEpoch: Int32 = -1
    /// The member. From version 1.
    public var memberID = ""
    /// The name of a static member (KIP-345). From version 7.
    public var groupInstanceID: String?
    /// How long to keep the position, in milliseconds; -1 for the broker's setting. Versions 2 to
    /// 4.
    public var retentionTimeMs: Int64 = -1
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
      try visitor.field(&generationIDOrMemberEpoch, from: 1)
      try visitor.field(&memberID, from: 1)
      try visitor.field(&groupInstanceID, from: 7)
      try visitor.field(&retentionTimeMs, from: 2, to: 4)
      try visitor.field(&topics)
    }
  }
}

extension KafkaOffsetCommit.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name. Up to version 9.
    public var name = ""
    /// The topic's identifier. From version 10.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name, to: 9)
      try visitor.field(&topicID, from: 10)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// The next offset to read.
    public var committedOffset: Int64 = 0
    /// The epoch of the last record read, -1 if not known. From version 6.
    public var committedLeaderEpoch: Int32 = -1
    /// When the position was committed, in milliseconds since 1970. Version 1.
    public var commitTimestamp: Int64 = -1
    /// What the consumer wants to remember with the position.
    public var committedMetadata: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&committedOffset)
      try visitor.field(&committedLeaderEpoch, from: 6)
      try visitor.field(&commitTimestamp, from: 1, to: 1)
      try visitor.field(&committedMetadata)
    }
  }
}

extension KafkaOffsetCommit {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 3.
    public var throttleTimeMs: Int32 = 0
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
      try visitor.field(&throttleTimeMs, from: 3)
      try visitor.field(&topics)
    }
  }
}

extension KafkaOffsetCommit.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name. Up to version 9.
    public var name = ""
    /// The topic's identifier. From version 10.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name, to: 9)
      try visitor.field(&topicID, from: 10)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&error)
    }
  }
}
