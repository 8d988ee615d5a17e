/// Deletes topics with all their records.
public enum KafkaDeleteTopics: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .deleteTopics }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...6 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 4 }
}

extension KafkaDeleteTopics {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The topics. From version 6.
    public var topics: [Topic] = []
    /// The topics. Up to version 5.
    public var topicNames: [String] = []
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
      try visitor.field(&topics, from: 6)
      try visitor.field(&topicNames, to: 5)
      try visitor.field(&timeoutMs)
    }
  }
}

extension KafkaDeleteTopics.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name: String?
    /// The topic's identifier.
    public var topicID = KafkaUUID()

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&topicID)
    }
  }
}

extension KafkaDeleteTopics {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 1.
    public var throttleTimeMs: Int32 = 0
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
      try visitor.field(&throttleTimeMs, from: 1)
      try visitor.field(&responses)
    }
  }
}

extension KafkaDeleteTopics.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name: String?
    /// The topic's identifier. From version 6.
    public var topicID = KafkaUUID()
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people. From version 5.
    public var errorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name, nullFrom: 6)
      try visitor.field(&topicID, from: 6)
      try visitor.field(&error)
      try visitor.field(&errorMessage, from: 5)
    }
  }
}
