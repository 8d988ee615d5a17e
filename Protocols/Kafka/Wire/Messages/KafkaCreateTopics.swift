/// Creates topics.
public enum KafkaCreateTopics: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .createTopics }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...7 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 5 }
}

extension KafkaCreateTopics {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The topics.
    public var topics: [Topic] = []
    /// The longest time to wait for it to be done, in milliseconds.
    public var timeoutMs: Int32 = 60000
    /// Whether to check only, and change nothing. From version 1.
    public var validateOnly = false

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
      try visitor.field(&validateOnly, from: 1)
    }
  }
}

extension KafkaCreateTopics.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// How many partitions, -1 for the default.
    public var numPartitions: Int32 = 0
    /// How many replicas, -1 for the default.
    public var replicationFactor: Int16 = 0
    /// Which brokers keep which partition; empty for the broker to choose.
    public var assignments: [Assignment] = []
    /// The settings.
    public var configs: [Config] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&numPartitions)
      try visitor.field(&replicationFactor)
      try visitor.field(&assignments)
      try visitor.field(&configs)
    }
  }

  /// An assignment.
  public struct Assignment: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// The brokers that keep it.
    public var brokerIDs: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&brokerIDs)
    }
  }

  /// A setting.
  public struct Config: KafkaStructure {
    /// The name.
    public var name = ""
    /// The value.
    public var value: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&value)
    }
  }
}

extension KafkaCreateTopics {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 2.
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
      try visitor.field(&throttleTimeMs, from: 2)
      try visitor.field(&topics)
    }
  }
}

extension KafkaCreateTopics.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// The topic's identifier. From version 7.
    public var topicID = KafkaUUID()
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people. From version 1.
    public var errorMessage: String?
    /// Why the settings are not told. Tagged. From version 5.
    public var topicConfigError: KafkaErrorCode = .noError
    /// How many partitions, -1 for the default. From version 5.
    public var numPartitions: Int32 = -1
    /// How many replicas, -1 for the default. From version 5.
    public var replicationFactor: Int16 = -1
    /// The settings. From version 5.
    public var configs: [Config]?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&topicID, from: 7)
      try visitor.field(&error)
      try visitor.field(&errorMessage, from: 1)
      try visitor.field(&numPartitions, from: 5)
      try visitor.field(&replicationFactor, from: 5)
      try visitor.field(&configs, from: 5)
    }

    /// The tagged fields.
    public mutating func visitTags<V: KafkaTagVisitor>(
      _ visitor: inout V
    ) throws(KafkaWireError) {
      try visitor.field(0, &topicConfigError, default: .noError)
    }
  }

  /// A setting.
  public struct Config: KafkaStructure {
    /// The name.
    public var name = ""
    /// The value.
    public var value: String?
    /// Whether it cannot be set.
    public var readOnly = false
    /// Where the value comes from: 1 topic, 2 and 3 dynamic broker settings, 4 static, 5 default.
    public var configSource: Int8 = -1
    /// Whether the value is kept secret.
    public var isSensitive = false

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&value)
      try visitor.field(&readOnly)
      try visitor.field(&configSource)
      try visitor.field(&isSensitive)
    }
  }
}
