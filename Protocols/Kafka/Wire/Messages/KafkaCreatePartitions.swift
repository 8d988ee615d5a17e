/// Adds partitions to topics.
public enum KafkaCreatePartitions: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .createPartitions }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...3 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 2 }
}

extension KafkaCreatePartitions {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The topics.
    public var topics: [Topic] = []
    /// The longest time to wait for it to be done, in milliseconds.
    public var timeoutMs: Int32 = 0
    /// Whether to check only, and change nothing.
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
      try visitor.field(&validateOnly)
    }
  }
}

extension KafkaCreatePartitions.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// How many partitions the topic shall have.
    public var count: Int32 = 0
    /// Which brokers keep the new partitions, `nil` for the broker to choose.
    public var assignments: [Assignment]?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&count)
      try visitor.field(&assignments)
    }
  }

  /// An assignment.
  public struct Assignment: KafkaStructure {
    /// The brokers that keep it.
    public var brokerIDs: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&brokerIDs)
    }
  }
}

extension KafkaCreatePartitions {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What became of each.
    public var results: [Topic] = []

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
      try visitor.field(&results)
    }
  }
}

extension KafkaCreatePartitions.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
    }
  }
}
