/// Deletes the records of partitions before an offset.
public enum KafkaDeleteRecords: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .deleteRecords }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...2 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 2 }
}

extension KafkaDeleteRecords {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The topics.
    public var topics: [Topic] = []
    /// The longest time to wait for it to be done, in milliseconds.
    public var timeoutMs: Int32 = 0

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
      try visitor.field(&timeoutMs)
    }
  }
}

extension KafkaDeleteRecords.Request {
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
    /// The offset.
    public var offset: Int64 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&offset)
    }
  }
}

extension KafkaDeleteRecords {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
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
      try visitor.field(&throttleTimeMs)
      try visitor.field(&topics)
    }
  }
}

extension KafkaDeleteRecords.Response {
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
    /// The first offset there is now.
    public var lowWatermark: Int64 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&lowWatermark)
      try visitor.field(&error)
    }
  }
}
