/// Chooses a SASL mechanism. After version 0 raw tokens follow, after 1 `KafkaSaslAuthenticate`.
public enum KafkaSaslHandshake: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .saslHandshake }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...1 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { .max }
}

extension KafkaSaslHandshake {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The mechanism.
    public var mechanism = ""

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
      try visitor.field(&mechanism)
    }
  }
}

extension KafkaSaslHandshake {
  /// What a broker answers.
  public struct Response: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// What the broker offers.
    public var mechanisms: [String] = []

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
      try visitor.field(&mechanisms)
    }
  }
}
