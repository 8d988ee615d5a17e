/// State and members of consumer groups of the newer kind (KIP-848).
public enum KafkaConsumerGroupDescribe: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .consumerGroupDescribe }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...1 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaConsumerGroupDescribe {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The groups.
    public var groupIDs: [String] = []
    /// Whether to tell what the client may do with them.
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
      try visitor.field(&groupIDs)
      try visitor.field(&includeAuthorizedOperations)
    }
  }
}

extension KafkaConsumerGroupDescribe {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
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
      try visitor.field(&throttleTimeMs)
      try visitor.field(&groups)
    }
  }
}

extension KafkaConsumerGroupDescribe.Response {
  /// A group.
  public struct Group: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// The group.
    public var groupID = ""
    /// The state of the group.
    public var groupState = ""
    /// The epoch of the group, which each change raises.
    public var groupEpoch: Int32 = 0
    /// The epoch that the assignment was made for.
    public var assignmentEpoch: Int32 = 0
    /// Who assigns.
    public var assignorName = ""
    /// The members.
    public var members: [Member] = []
    /// What the client may do with the group, a bit for each operation; the lowest number if not
    /// asked for.
    public var authorizedOperations: Int32 = .min

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&errorMessage)
      try visitor.field(&groupID)
      try visitor.field(&groupState)
      try visitor.field(&groupEpoch)
      try visitor.field(&assignmentEpoch)
      try visitor.field(&assignorName)
      try visitor.field(&members)
      try visitor.field(&authorizedOperations)
    }
  }

  /// A member of the group.
  public struct Member: KafkaStructure {
    /// The member.
    public var memberID = ""
    /// The name of a static member, `nil` if it is none, or nothing has changed.
    public var instanceID: String?
    /// The rack of the client.
    public var rackID: String?
    /// The member's epoch.
    public var memberEpoch: Int32 = 0
    /// What the client calls itself.
    public var clientID = ""
    /// The address that the client comes from.
    public var clientHost = ""
    /// The topics that the member subscribes to, `nil` if nothing has changed.
    public var subscribedTopicNames: [String] = []
    /// The expression that the member subscribes to, `nil` if none, or nothing has changed.
    public var subscribedTopicRegex: String?
    /// What the member is assigned.
    public var assignment = Assignment()
    /// What the member shall be assigned in the end.
    public var targetAssignment = Assignment()
    /// 0 for a classic member, 1 for one of the newer kind, -1 if not known. From version 1.
    public var memberType: Int8 = -1

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&memberID)
      try visitor.field(&instanceID)
      try visitor.field(&rackID)
      try visitor.field(&memberEpoch)
      try visitor.field(&clientID)
      try visitor.field(&clientHost)
      try visitor.field(&subscribedTopicNames)
      try visitor.field(&subscribedTopicRegex)
      try visitor.field(&assignment)
      try visitor.field(&targetAssignment)
      try visitor.field(&memberType, from: 1)
    }
  }

  /// An assignment.
  public struct Assignment: KafkaStructure {
    /// The partitions, topic by topic.
    public var topicPartitions: [Topic] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicPartitions)
    }
  }

  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic's identifier.
    public var topicID = KafkaUUID()
    /// The topic.
    public var topicName = ""
    /// The partitions.
    public var partitions: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topicID)
      try visitor.field(&topicName)
      try visitor.field(&partitions)
    }
  }
}
