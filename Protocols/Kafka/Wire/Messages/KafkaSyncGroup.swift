public import NIOCore

/// The leader of a classic group hands out assignments; each member gets its own.
public enum KafkaSyncGroup: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .syncGroup }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...5 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 4 }
}

extension KafkaSyncGroup {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The generation of the group, which each rebalance raises.
    public var generationID: Int32 = 0
    /// The member.
    public var memberID = ""
    /// The name of a static member (KIP-345). From version 3.
    public var groupInstanceID: String?
    /// The kind of group, `consumer` as a rule. From version 5.
    public var protocolType: String?
    /// The way of assignment that was chosen. From version 5.
    public var protocolName: String?
    /// Who gets what.
    public var assignments: [Assignment] = []

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
      try visitor.field(&generationID)
      try visitor.field(&memberID)
      try visitor.field(&groupInstanceID, from: 3)
      try visitor.field(&protocolType, from: 5)
      try visitor.field(&protocolName, from: 5)
      try visitor.field(&assignments)
    }
  }
}

extension KafkaSyncGroup.Request {
  /// An assignment.
  public struct Assignment: KafkaStructure {
    /// The member.
    public var memberID = ""
    /// What the member is assigned.
    public var assignment = ByteBuffer()

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&memberID)
      try visitor.field(&assignment)
    }
  }
}

extension KafkaSyncGroup {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 1.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The kind of group, `consumer` as a rule. From version 5.
    public var protocolType: String?
    /// The way of assignment that was chosen. From version 5.
    public var protocolName: String?
    /// What the member is assigned.
    public var assignment = ByteBuffer()

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
      try visitor.field(&protocolType, from: 5)
      try visitor.field(&protocolName, from: 5)
      try visitor.field(&assignment)
    }
  }
}
