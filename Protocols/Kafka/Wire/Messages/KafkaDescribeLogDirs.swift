/// How much disk partitions take (KIP-113).
public enum KafkaDescribeLogDirs: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeLogDirs }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...5 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 2 }
}

extension KafkaDescribeLogDirs {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The topics, `nil` for all.
    public var topics: [Topic]?

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
    }
  }
}

extension KafkaDescribeLogDirs.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topic = ""
    /// The partitions.
    public var partitions: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topic)
      try visitor.field(&partitions)
    }
  }
}

extension KafkaDescribeLogDirs {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong. From version 3.
    public var error: KafkaErrorCode = .noError
    /// What became of each.
    public var results: [LogDir] = []

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
      try visitor.field(&error, from: 3)
      try visitor.field(&results)
    }
  }
}

extension KafkaDescribeLogDirs.Response {
  /// A folder with logs.
  public struct LogDir: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The folder.
    public var logDir = ""
    /// The topics.
    public var topics: [Topic] = []
    /// The size of the file system, -1 if not known. From version 4.
    public var totalBytes: Int64 = -1
    /// How much of the file system is free, -1 if not known. From version 4.
    public var usableBytes: Int64 = -1
    /// Whether nothing new is put there. From version 5.
    public var isCordoned = false

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&logDir)
      try visitor.field(&topics)
      try visitor.field(&totalBytes, from: 4)
      try visitor.field(&usableBytes, from: 4)
      try visitor.field(&isCordoned, from: 5)
    }
  }

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
    /// How many bytes the log has.
    public var partitionSize: Int64 = 0
    /// How far the log is behind.
    public var offsetLag: Int64 = 0
    /// Whether the log is being moved there.
    public var isFutureKey = false

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&partitionSize)
      try visitor.field(&offsetLag)
      try visitor.field(&isFutureKey)
    }
  }
}
