public import NIOCore

/// What members of classic groups of the type `consumer` tell each other through the broker, which
/// need not read it: `metadata` when they join, `assignment` when they are given their partitions.
public enum KafkaConsumerProtocol {
  /// The highest version that the codec knows. What a later version adds is passed over.
  public static var versionMax: Int16 { 3 }

  /// Partitions of a topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topic = ""
    /// The partitions.
    public var partitions: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topic)
      try visitor.field(&partitions)
    }
  }

  /// What a member wants to read.
  public struct Subscription: KafkaStructure {
    /// The topics.
    public var topics: [String] = []
    /// What the way of assignment wants to know besides.
    public var userData: ByteBuffer?
    /// What the member owns at the moment. From version 1.
    public var ownedPartitions: [Topic] = []
    /// The generation in which it came to own that, -1 if not known. From version 2.
    public var generationID: Int32 = -1
    /// The rack of the member. From version 3.
    public var rackID: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topics)
      try visitor.field(&userData)
      try visitor.field(&ownedPartitions, from: 1)
      try visitor.field(&generationID, from: 2)
      try visitor.field(&rackID, from: 3)
    }
  }

  /// What a member shall read.
  public struct Assignment: KafkaStructure {
    /// The partitions, topic by topic.
    public var assignedPartitions: [Topic] = []
    /// What the way of assignment wants to tell besides.
    public var userData: ByteBuffer?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&assignedPartitions)
      try visitor.field(&userData)
    }
  }

  /// Reads a subscription or an assignment behind its two bytes of version.
  ///
  /// - Parameters:
  ///   - bytes: `metadata` of a member that joins, or its `assignment`.
  ///   - limits: what to refuse.
  /// - Throws: `malformed`, `tooLarge`, `unsupportedVersion` for a negative one.
  public static func decode<S: KafkaStructure>(
    _: S.Type = S.self, _ bytes: ByteBuffer, limits: KafkaLimits = KafkaLimits()
  ) throws(KafkaWireError) -> S {
    var bytes = bytes
    guard let version = bytes.readInteger(as: Int16.self) else { throw .truncated }
    guard version >= 0 else {
      throw KafkaWireError(.unsupportedVersion, "a negative version")
    }
    var reader = KafkaReader(
      bytes, version: min(version, versionMax), isFlexible: false, limits: limits)
    return try S(from: &reader)
  }

  /// Writes a subscription or an assignment with its two bytes of version.
  ///
  /// - Throws: `unrepresentable`, `unsupportedVersion`.
  public static func encode(
    _ structure: some KafkaStructure, version: Int16
  ) throws(KafkaWireError) -> ByteBuffer {
    guard (0...versionMax).contains(version) else {
      throw KafkaWireError(.unsupportedVersion, "a version that the codec does not know")
    }
    var buffer = ByteBuffer()
    buffer.writeInteger(version)
    var writer = KafkaWriter(buffer, version: version, isFlexible: false)
    try structure.write(to: &writer)
    return writer.written
  }
}
