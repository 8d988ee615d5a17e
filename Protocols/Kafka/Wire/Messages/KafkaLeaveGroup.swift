/// Members leave a classic group.
public enum KafkaLeaveGroup: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .leaveGroup }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...5 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 4 }
}

extension KafkaLeaveGroup {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group.
    public var groupID = ""
    /// The member. Up to version 2.
    public var memberID = ""
    /// The members. From version 3.
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
      try visitor.field(&groupID)
      try visitor.field(&memberID, to: 2)
      try visitor.field(&members, from: 3)
    }
  }
}

extension KafkaLeaveGroup.Request {
  /// A member of the group.
  public struct Member: KafkaStructure {
    /// The member.
    public var memberID = ""
    /// The name of a static member (KIP-345).
    public var groupInstanceID: String?
    /// Why, for people. From version 5.
    public var reason: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&memberID)
      try visitor.field(&groupInstanceID)
      try visitor.field(&reason, from: 5)
    }
  }
}

extension KafkaLeaveGroup {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 1.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The members. From version 3.
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
      try visitor.field(&throttleTimeMs, from: 1)
      try visitor.field(&error)
      try visitor.field(&members, from: 3)
    }
  }
}

extension KafkaLeaveGroup.Response {
  /// A member of the group.
  public struct Member: KafkaStructure {
    /// The member.
    public var memberID = ""
    /// The name of a static member (KIP-345).
    public var groupInstanceID: String?
    /// What went wrong.
    public var error: KafkaErrorCode = .noError

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&memberID)
      try visitor.field(&groupInstanceID)
      try visitor.field(&error)
    }
  }
}
