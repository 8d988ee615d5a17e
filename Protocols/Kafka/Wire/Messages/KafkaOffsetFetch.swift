/// The positions that groups have committed.
public enum KafkaOffsetFetch: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .offsetFetch }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...10 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 6 }
}

extension KafkaOffsetFetch {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group. Up to version 7.
    public var groupID = ""
    /// The one group's topics, `nil` for all. Up to version 7.
    public var topics: [Topic]?
    /// The groups. From version 8.
    public var groups: [Group] = []
    /// Whether to wait for transactions that are about to commit positions. From version 7.
    public var requireStable = false

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
      try visitor.field(&groupID, to: 7)
      try visitor.field(&topics, to: 7, nullFrom: 2)
      try visitor.field(&groups, from: 8)
      try visitor.field(&requireStable, from: 7)
    }
  }
}

extension KafkaOffsetFetch.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// The partitions.
    public var partitionIndexes: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&partitionIndexes)
    }
  }

  /// A group.
  public struct Group: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The member. From version 9.
    public var memberID: String?
    /// The member's epoch. From version 9.
    public var memberEpoch: Int32 = -1
    /// The topics, `nil` for all.
    public var topics: [GroupTopic]?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&groupID)
      try visitor.field(&memberID, from: 9)
      try visitor.field(&memberEpoch, from: 9)
      try visitor.field(&topics)
    }
  }

  /// A topic of a group.
  public struct GroupTopic: KafkaStructure {
    /// The name. Up to version 9.
    public var name = ""
    /// The topic's identifier. From version 10.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitionIndexes: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name, to: 9)
      try visitor.field(&topicID, from: 10)
      try visitor.field(&partitionIndexes)
    }
  }
}

extension KafkaOffsetFetch {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 3.
    public var throttleTimeMs: Int32 = 0
    /// The topics. Up to version 7.
    public var topics: [Topic] = []
    /// What went wrong. Versions 2 to 7.
    public var error: KafkaErrorCode = .noError
    /// The groups. From version 8.
    public var groups: [Group] = []

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
      try visitor.field(&topics, to: 7)
      try visitor.field(&error, from: 2, to: 7)
      try visitor.field(&groups, from: 8)
    }
  }
}

extension KafkaOffsetFetch.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// The next offset to read.
    public var committedOffset: Int64 = 0
    /// The epoch of the last record read, -1 if not known. From version 5.
    public var committedLeaderEpoch: Int32 = -1
    /// What goes with it.
    public var metadata: String?
    /// What went wrong.
    public var error: KafkaErrorCode = .noError

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&committedOffset)
      try visitor.field(&committedLeaderEpoch, from: 5)
      try visitor.field(&metadata)
      try visitor.field(&error)
    }
  }

  /// A group.
  public struct Group: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The topics.
    public var topics: [GroupTopic] = []
    /// What went wrong.
    public var error: KafkaErrorCode = .noError

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&groupID)
      try visitor.field(&topics)
      try visitor.field(&error)
    }
  }

  /// A topic of a group.
  public struct GroupTopic: KafkaStructure {
    /// The name. Up to version 9.
    public var name = ""
    /// The topic's identifier. From version 10.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [GroupPartition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name, to: 9)
      try visitor.field(&topicID, from: 10)
      try visitor.field(&partitions)
    }
  }

  /// A partition of a group.
  public struct GroupPartition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// The next offset to read.
    public var committedOffset: Int64 = 0
    /// The epoch of the last record read, -1 if not known.
    public var committedLeaderEpoch: Int32 = -1
    /// What goes with it.
    public var metadata: String?
    /// What went wrong.
    public var error: KafkaErrorCode = .noError

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&committedOffset)
      try visitor.field(&committedLeaderEpoch)
      try visitor.field(&metadata)
      try visitor.field(&error)
    }
  }
}
