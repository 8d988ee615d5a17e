public import NIOCore

/// A consumer joins a classic group, or joins it again for a rebalance.
public enum KafkaJoinGroup: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .joinGroup }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...9 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 6 }
}

extension KafkaJoinGroup {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// How long a member may be silent, in milliseconds.
    public var sessionTimeoutMs: Int32 = 0
    /// How long members have to join again in a rebalance, in milliseconds; -1 if nothing has
    /// changed. From version 1.
    public var rebalanceTimeoutMs: Int32 = -1
    /// The member.
    public var memberID = ""
    /// The name of a static member (KIP-345). From version 5.
    public var groupInstanceID: String?
    /// The kind of group, `consumer` as a rule.
    public var protocolType = ""
    /// The ways of assignment that the member supports, the best first.
    public var protocols: [GroupProtocol] = []
    /// Why, for people. From version 8.
    public var reason: String?

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
      try visitor.field(&sessionTimeoutMs)
      try visitor.field(&rebalanceTimeoutMs, from: 1)
      try visitor.field(&memberID)
      try visitor.field(&groupInstanceID, from: 5)
      try visitor.field(&protocolType)
      try visitor.field(&protocols)
      try visitor.field(&reason, from: 8)
    }
  }
}

extension KafkaJoinGroup.Request {
  /// A way of assignment that the member supports.
  public struct GroupProtocol: KafkaStructure {
    /// The name.
    public var name = ""
    /// What the member subscribes to, in the form of the protocol type.
    public var metadata = ByteBuffer()

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&metadata)
    }
  }
}

extension KafkaJoinGroup {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 2.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The generation of the group, which each rebalance raises.
    public var generationID: Int32 = -1
    /// The kind of group, `consumer` as a rule. From version 7.
    public var protocolType: String?
    /// The way of assignment that was chosen.
    public var protocolName: String?
    /// The member that hands out assignments.
    public var leader = ""
    /// Whether the leader shall leave the assignments alone. From version 9.
    public var skipAssignment = false
    /// The member.
    public var memberID = ""
    /// The members.
    public var members: [Member] = []

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
      try visitor.field(&throttleTimeMs, from: 2)
      try visitor.field(&error)
      try visitor.field(&generationID)
      try visitor.field(&protocolType, from: 7)
      try visitor.field(&protocolName, nullFrom: 7)
      try visitor.field(&leader)
      try visitor.field(&skipAssignment, from: 9)
      try visitor.field(&memberID)
      try visitor.field(&members)
    }
  }
}

extension KafkaJoinGroup.Response {
  /// A member of the group.
  public struct Member: KafkaStructure {
    /// The member.
    public var memberID = ""
    /// The name of a static member (KIP-345). From version 5.
    public var groupInstanceID: String?
    /// What goes with it.
    public var metadata = ByteBuffer()

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&memberID)
      try visitor.field(&groupInstanceID, from: 5)
      try visitor.field(&metadata)
    }
  }
}
