/// Quotas of users, clients and addresses (KIP-546).
public enum KafkaDescribeClientQuotas: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeClientQuotas }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...1 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 1 }
}

extension KafkaDescribeClientQuotas {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// What entities to look for.
    public var components: [Component] = []
    /// Whether entities with further parts are left out.
    public var strict = false

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
      try visitor.field(&components)
      try visitor.field(&strict)
    }
  }
}

extension KafkaDescribeClientQuotas.Request {
  /// A part of an entity to match.
  public struct Component: KafkaStructure {
    /// `user`, `client-id` or `ip`.
    public var entityType = ""
    /// 0 for one name, 1 for the default, 2 for any.
    public var matchType: Int8 = 0
    /// The name to match.
    public var match: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&entityType)
      try visitor.field(&matchType)
      try visitor.field(&match)
    }
  }
}

extension KafkaDescribeClientQuotas {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// The entities.
    public var entries: [Entry]?

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
      try visitor.field(&entries)
    }
  }
}

extension KafkaDescribeClientQuotas.Response {
  /// An entity with its quotas.
  public struct Entry: KafkaStructure {
    /// The parts of the entity.
    public var entity: [Entity] = []
    /// The quotas.
    public var values: [Quota] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&entity)
      try visitor.field(&values)
    }
  }

  /// A part of an entity.
  public struct Entity: KafkaStructure {
    /// `user`, `client-id` or `ip`.
    public var entityType = ""
    /// The part's name, `nil` for the default.
    public var entityName: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&entityType)
      try visitor.field(&entityName)
    }
  }

  /// A quota.
  public struct Quota: KafkaStructure {
    /// Which quota.
    public var key = ""
    /// The value.
    public var value: Double = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&key)
      try visitor.field(&value)
    }
  }
}
