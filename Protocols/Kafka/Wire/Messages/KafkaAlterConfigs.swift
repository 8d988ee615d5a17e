/// Replaces all settings of topics and brokers; superseded by `KafkaIncrementalAlterConfigs`.
public enum KafkaAlterConfigs: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .alterConfigs }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...2 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 2 }
}

extension KafkaAlterConfigs {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The resources.
    public var resources: [Resource] = []
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
      try visitor.field(&resources)
      try visitor.field(&validateOnly)
    }
  }
}

extension KafkaAlterConfigs.Request {
  /// What has settings or rules: a topic, a broker, a group.
  public struct Resource: KafkaStructure {
    /// The kind of resource.
    public var resourceType: Int8 = 0
    /// The name of the resource.
    public var resourceName = ""
    /// The settings.
    public var configs: [Config] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&resourceType)
      try visitor.field(&resourceName)
      try visitor.field(&configs)
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

extension KafkaAlterConfigs {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What became of each.
    public var responses: [Resource] = []

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
      try visitor.field(&responses)
    }
  }
}

extension KafkaAlterConfigs.Response {
  /// What has settings or rules: a topic, a broker, a group.
  public struct Resource: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// The kind of resource.
    public var resourceType: Int8 = 0
    /// The name of the resource.
    public var resourceName = ""

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&errorMessage)
      try visitor.field(&resourceType)
      try visitor.field(&resourceName)
    }
  }
}
