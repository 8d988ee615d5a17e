/// All groups that a broker coordinates.
public enum KafkaListGroups: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .listGroups }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...5 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 3 }
}

extension KafkaListGroups {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// Only groups of those states; all if empty. From version 4.
    public var statesFilter: [String] = []
    /// Only groups of those types; all if empty. From version 5.
    public var typesFilter: [String] = []

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
      try visitor.field(&statesFilter, from: 4)
      try visitor.field(&typesFilter, from: 5)
    }
  }
}

extension KafkaListGroups {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 1.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The groups.
    public var groups: [Group] = []

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
      try visitor.field(&error)
      try visitor.field(&groups)
    }
  }
}

extension KafkaListGroups.Response {
  /// A group.
  public struct Group: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The kind of group, `consumer` as a rule.
    public var protocolType = ""
    /// The state of the group. From version 4.
    public var groupState = ""
    /// `classic`, `consumer` or `share`. From version 5.
    public var groupType = ""

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&groupID)
      try visitor.field(&protocolType)
      try visitor.field(&groupState, from: 4)
      try visitor.field(&groupType, from: 5)
    }
  }
}
