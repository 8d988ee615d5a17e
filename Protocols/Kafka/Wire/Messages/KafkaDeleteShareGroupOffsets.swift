/// Has a share group without members forget topics (KIP-932).
public enum KafkaDeleteShareGroupOffsets: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .deleteShareGroupOffsets }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...0 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaDeleteShareGroupOffsets {
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

extension KafkaDeleteShareGroupOffsets.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topicName = ""

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicName)
    }
  }
}

extension KafkaDeleteShareGroupOffsets {
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

extension KafkaDeleteShareGroupOffsets.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topicName = ""
    /// The topic's identifier.
    public var topicID = KafkaUUID()
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicName)
      try visitor.field(&topicID)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
    }
  }
}
