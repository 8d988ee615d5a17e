/// Settings of topics, brokers and groups.
public enum KafkaDescribeConfigs: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeConfigs }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...4 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 4 }
}

extension KafkaDescribeConfigs {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The resources.
    public var resources: [Resource] = []
    /// Whether to tell all places that a setting may come from. From version 1.
    public var includeSynonyms = false
    /// Whether to tell what settings mean. From version 3.
    public var includeDocumentation = false

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
      try visitor.field(&includeSynonyms, from: 1)
      try visitor.field(&includeDocumentation, from: 3)
    }
  }
}

extension KafkaDescribeConfigs.Request {
  /// What has settings or rules: a topic, a broker, a group.
  public struct Resource: KafkaStructure {
    /// The kind of resource.
    public var resourceType: Int8 = 0
    /// The name of the resource.
    public var resourceName = ""
    /// Which settings; `nil` for all.
    public var configurationKeys: [String]?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&resourceType)
      try visitor.field(&resourceName)
      try visitor.field(&configurationKeys)
    }
  }
}

extension KafkaDescribeConfigs {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What became of each.
    public var results: [Resource] = []

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

extension KafkaDescribeConfigs.Response {
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
    /// The settings.
    public var configs: [Config] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&errorMessage)
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
    /// Whether it cannot be set.
    public var readOnly = false
    /// Where the value comes from: 1 topic, 2 and 3 dynamic broker settings, 4 static, 5 default.
    /// From version 1.
    public var configSource: Int8 = -1
    /// Whether nobody has set it. Version 0.
    public var isDefault = false
    /// Whether the value is kept secret.
    public var isSensitive = false
    /// All places that the setting may come from, the first that counts first. From version 1.
    public var synonyms: [Synonym] = []
    /// The value's type: 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9
    /// password. From version 3.
    public var configType: Int8 = 0
    /// What the setting means. From version 3.
    public var documentation: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&value)
      try visitor.field(&readOnly)
      try visitor.field(&configSource, from: 1)
      try visitor.field(&isDefault, to: 0)
      try visitor.field(&isSensitive)
      try visitor.field(&synonyms, from: 1)
      try visitor.field(&configType, from: 3)
      try visitor.field(&documentation, from: 3)
    }
  }

  /// A place that a setting may come from.
  public struct Synonym: KafkaStructure {
    /// The name.
    public var name = ""
    /// The value.
    public var value: String?
    /// Where the value comes from, as in `configSource`.
    public var source: Int8 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&value)
      try visitor.field(&source)
    }
  }
}
