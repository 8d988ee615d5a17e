/// Sets and removes quotas of users, clients and addresses (KIP-546).
public enum KafkaAlterClientQuotas: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .alterClientQuotas }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...1 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 1 }
}

extension KafkaAlterClientQuotas {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The entities.
    public var entries: [Entry] = []
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
      try visitor.field(&entries)
      try visitor.field(&validateOnly)
    }
  }
}

extension KafkaAlterClientQuotas.Request {
  /// An entity with its quotas.
  public struct Entry: KafkaStructure {
    /// The parts of the entity.
    public var entity: [Entity] = []
    /// The changes.
    public var ops: [Operation] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&entity)
      try visitor.field(&ops)
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

  /// A change of a quota.
  public struct Operation: KafkaStructure {
    /// Which quota.
    public var key = ""
    /// The value.
    public var value: Double = 0
    /// Whether to remove the quota.
    public var remove = false

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&key)
      try visitor.field(&value)
      try visitor.field(&remove)
    }
  }
}

extension KafkaAlterClientQuotas {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The entities.
    public var entries: [Entry] = []

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
      try visitor.field(&entries)
    }
  }
}

extension KafkaAlterClientQuotas.Response {
  /// An entity with its quotas.
  public struct Entry: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// The parts of the entity.
    public var entity: [Entity] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&errorMessage)
      try visitor.field(&entity)
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
}
