/// Access rules that fit a filter.
public enum KafkaDescribeACLs: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeACLs }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...3 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 2 }
}

extension KafkaDescribeACLs {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The kind of resources, 1 for any.
    public var resourceTypeFilter: Int8 = 0
    /// The name of resources, `nil` for any.
    public var resourceNameFilter: String?
    /// How names are meant: 1 any, 2 what matches, 3 literal, 4 a prefix. From version 1.
    public var patternTypeFilter: Int8 = 3
    /// Whom the rules are about, `nil` for anybody.
    public var principalFilter: String?
    /// The host of the rules, `nil` for any.
    public var hostFilter: String?
    /// The operation.
    public var operation: Int8 = 0
    /// 2 to deny, 3 to allow; in filters also 1 for any.
    public var permissionType: Int8 = 0

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
      try visitor.field(&resourceTypeFilter)
      try visitor.field(&resourceNameFilter)
      try visitor.field(&patternTypeFilter, from: 1)
      try visitor.field(&principalFilter)
      try visitor.field(&hostFilter)
      try visitor.field(&operation)
      try visitor.field(&permissionType)
    }
  }
}

extension KafkaDescribeACLs {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// The resources.
    public var resources: [Resource] = []

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
      try visitor.field(&resources)
    }
  }
}

extension KafkaDescribeACLs.Response {
  /// What has settings or rules: a topic, a broker, a group.
  public struct Resource: KafkaStructure {
    /// The kind of resource.
    public var resourceType: Int8 = 0
    /// The name of the resource.
    public var resourceName = ""
    /// How the name is meant: 3 literal, 4 a prefix. From version 1.
    public var patternType: Int8 = 3
    /// The rules.
    public var acls: [ACL] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&resourceType)
      try visitor.field(&resourceName)
      try visitor.field(&patternType, from: 1)
      try visitor.field(&acls)
    }
  }

  /// An access rule.
  public struct ACL: KafkaStructure {
    /// Whom the rule is about.
    public var principal = ""
    /// The host.
    public var host = ""
    /// The operation.
    public var operation: Int8 = 0
    /// 2 to deny, 3 to allow; in filters also 1 for any.
    public var permissionType: Int8 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&principal)
      try visitor.field(&host)
      try visitor.field(&operation)
      try visitor.field(&permissionType)
    }
  }
}
