/// Which kinds of messages, in which versions, a broker answers (KIP-35, KIP-511).
public enum KafkaAPIVersions: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .apiVersions }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...4 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 3 }
}

extension KafkaAPIVersions {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// Which library the client uses. From version 3.
    public var clientSoftwareName = ""
    /// The library's version. From version 3.
    public var clientSoftwareVersion = ""

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
      try visitor.field(&clientSoftwareName, from: 3)
      try visitor.field(&clientSoftwareVersion, from: 3)
    }
  }
}

extension KafkaAPIVersions {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The kinds of messages.
    public var apiKeys: [APIVersion] = []
    /// How long the client is held back by quotas, in milliseconds. From version 1.
    public var throttleTimeMs: Int32 = 0
    /// Features that the broker supports. Tagged. From version 3.
    public var supportedFeatures: [SupportedFeature] = []
    /// How often that has changed, -1 if not known. Tagged. From version 3.
    public var finalizedFeaturesEpoch: Int64 = -1
    /// Features that the cluster has agreed on. Tagged. From version 3.
    public var finalizedFeatures: [FinalizedFeature] = []
    /// Whether the broker could leave ZooKeeper. Tagged. From version 3.
    public var zkMigrationReady = false

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
      try visitor.field(&error)
      try visitor.field(&apiKeys)
      try visitor.field(&throttleTimeMs, from: 1)
    }

    /// The tagged fields.
    public mutating func visitTags<V: KafkaTagVisitor>(
      _ visitor: inout V
    ) throws(KafkaWireError) {
      try visitor.field(0, &supportedFeatures, default: [])
      try visitor.field(1, &finalizedFeaturesEpoch, default: -1)
      try visitor.field(2, &finalizedFeatures, default: [])
      try visitor.field(3, &zkMigrationReady, default: false)
    }
  }
}

extension KafkaAPIVersions.Response {
  /// One kind of message.
  public struct APIVersion: KafkaStructure {
    /// The kind of message.
    public var apiKey: KafkaAPIKey = .produce
    /// The lowest version.
    public var minVersion: Int16 = 0
    /// The highest version.
    public var maxVersion: Int16 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&apiKey)
      try visitor.field(&minVersion)
      try visitor.field(&maxVersion)
    }
  }

  /// A feature that the broker supports.
  public struct SupportedFeature: KafkaStructure {
    /// The name.
    public var name = ""
    /// The lowest version.
    public var minVersion: Int16 = 0
    /// The highest version.
    public var maxVersion: Int16 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&minVersion)
      try visitor.field(&maxVersion)
    }
  }

  /// A feature that the cluster has agreed on.
  public struct FinalizedFeature: KafkaStructure {
    /// The name.
    public var name = ""
    /// The highest version.
    public var maxVersionLevel: Int16 = 0
    /// The lowest version.
    public var minVersionLevel: Int16 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&maxVersionLevel)
      try visitor.field(&minVersionLevel)
    }
  }
}
