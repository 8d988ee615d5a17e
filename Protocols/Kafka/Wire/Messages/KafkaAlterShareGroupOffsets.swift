/// Has a share group without members begin elsewhere (KIP-932).
public enum KafkaAlterShareGroupOffsets: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .alterShareGroupOffsets }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...0 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaAlterShareGroupOffsets {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group.
    public var groupID = ""
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
      try visitor.field(&topics)
    }
  }
}

extension KafkaAlterShareGroupOffsets.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topicName = ""
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicName)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// Where to begin.
    public var startOffset: Int64 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&startOffset)
    }
  }
}

extension KafkaAlterShareGroupOffsets {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// What became of each.
    public var responses: [Topic] = []

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
      try visitor.field(&responses)
    }
  }
}

extension KafkaAlterShareGroupOffsets.Response {
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
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
    }
  }
}
