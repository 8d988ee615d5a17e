public import NIOCore

/// State and members of classic groups.
public enum KafkaDescribeGroups: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeGroups }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...6 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 5 }
}

extension KafkaDescribeGroups {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The groups.
    public var groups: [String] = []
    /// Whether to tell what the client may do with them. From version 3.
    public var includeAuthorizedOperations = false

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
      try visitor.field(&groups)
      try visitor.field(&includeAuthorizedOperations, from: 3)
    }
  }
}

extension KafkaDescribeGroups {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 1.
    public var throttleTimeMs: Int32 = 0
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
      try visitor.field(&groups)
    }
  }
}

extension KafkaDescribeGroups.Response {
  /// A group.
  public struct Group: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people. From version 6.
    public var errorMessage: String?
    /// The group.
    public var groupID = ""
    /// The state of the group.
    public var groupState = ""
    /// The kind of group, `consumer` as a rule.
    public var protocolType = ""
    /// What was chosen, usually the way of assignment.
    public var protocolData = ""
    /// The members.
    public var members: [Member] = []
    /// What the client may do with the group, a bit for each operation; the lowest number if not
    /// asked for. From version 3.
    public var authorizedOperations: Int32 = .min

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&errorMessage, from: 6)
      try visitor.field(&groupID)
      try visitor.field(&groupState)
      try visitor.field(&protocolType)
      try visitor.field(&protocolData)
      try visitor.field(&members)
      try visitor.field(&authorizedOperations, from: 3)
    }
  }

  /// A member of the group.
  public struct Member: KafkaStructure {
    /// The member.
    public var memberID = ""
    /// The name of a static member (KIP-345). From version 4.
    public var groupInstanceID: String?
    /// What the client calls itself.
    public var clientID = ""
    /// The address that the client comes from.
    public var clientHost = ""
    /// What the member subscribes to.
    public var memberMetadata = ByteBuffer()
    /// What the member is assigned.
    public var memberAssignment = ByteBuffer()

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&memberID)
      try visitor.field(&groupInstanceID, from: 4)
      try visitor.field(&clientID)
      try visitor.field(&clientHost)
      try visitor.field(&memberMetadata)
      try visitor.field(&memberAssignment)
    }
  }
}
