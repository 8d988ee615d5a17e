public import NIOCore

/// One step of a SASL exchange (KIP-152, KIP-368).
public enum KafkaSaslAuthenticate: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .saslAuthenticate }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...2 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 2 }
}

extension KafkaSaslAuthenticate {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The token of the mechanism.
    public var authBytes = ByteBuffer()

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
      try visitor.field(&authBytes)
    }
  }
}

extension KafkaSaslAuthenticate {
  /// What a broker answers.
  public struct Response: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// The token of the mechanism.
    public var authBytes = ByteBuffer()
    /// How long the authentication holds, in milliseconds; 0 for as long as the connection. From
    /// version 1.
    public var sessionLifetimeMs: Int64 = 0

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
      try visitor.field(&errorMessage)
      try visitor.field(&authBytes)
      try visitor.field(&sessionLifetimeMs, from: 1)
    }
  }
}
