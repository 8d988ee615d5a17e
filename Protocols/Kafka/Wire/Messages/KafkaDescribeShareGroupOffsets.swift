/// How far share groups have come (KIP-932).
public enum KafkaDescribeShareGroupOffsets: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeShareGroupOffsets }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...1 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaDescribeShareGroupOffsets {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The groups.
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
      try visitor.field(&groups)
    }
  }
}

extension KafkaDescribeShareGroupOffsets.Request {
  /// A group.
  public struct Group: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The topics, `nil` for all.
    public var topics: [Topic]?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&groupID)
      try visitor.field(&topics)
    }
  }

  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topicName = ""
    /// The partitions.
    public var partitions: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicName)
      try visitor.field(&partitions)
    }
  }
}

extension KafkaDescribeShareGroupOffsets {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What is known of each.
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
      try visitor.field(&throttleTimeMs)
      try visitor.field(&groups)
    }
  }
}

extension KafkaDescribeShareGroupOffsets.Response {
  /// A group.
  public struct Group: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The topics.
    public var topics: [Topic] = []
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&groupID)
      try visitor.field(&topics)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
    }
  }

  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topicName = ""
    /// The topic's identifier.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicName)
      try visitor.field(&topicID)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// Everything before this offset is done with; -1 where nothing is known.
    public var startOffset: Int64 = 0
    /// The leader's epoch.
    public var leaderEpoch: Int32 = 0
    /// How many records are not done with, -1 if not known. From version 1.
    public var lag: Int64 = -1
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&startOffset)
      try visitor.field(&leaderEpoch)
      try visitor.field(&lag, from: 1)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
    }
  }
}
