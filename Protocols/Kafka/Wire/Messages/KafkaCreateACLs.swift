/// Adds access rules.
public enum KafkaCreateACLs: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .createACLs }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...3 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 2 }
}

extension KafkaCreateACLs {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The rules to add.
    public var creations: [ACL] = []

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
      try visitor.field(&creations)
    }
  }
}

extension KafkaCreateACLs.Request {
  /// An access rule.
  public struct ACL: KafkaStructure {
    /// The kind of resource.
    public var resourceType: Int8 = 0
    /// The name of the resource.
    public var resourceName = ""
    /// How the name is meant: 3 literal, 4 a prefix. From version 1.
    public var resourcePatternType: Int8 = 3
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
      try visitor.field(&resourceType)
      try visitor.field(&resourceName)
      try visitor.field(&resourcePatternType, from: 1)
      try visitor.field(&principal)
      try visitor.field(&host)
      try visitor.field(&operation)
      try visitor.field(&permissionType)
    }
  }
}

extension KafkaCreateACLs {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What became of each.
    public var results: [Result] = []

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

extension KafkaCreateACLs.Response {
  /// What became of one wish.
  public struct Result: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&errorMessage)
    }
  }
}
