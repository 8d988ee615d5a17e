public import NIOCore

/// Sets and deletes SCRAM credentials of users (KIP-554).
public enum KafkaAlterUserScramCredentials: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .alterUserScramCredentials }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...0 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaAlterUserScramCredentials {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// Credentials to delete.
    public var deletions: [Deletion] = []
    /// Credentials to set.
    public var upsertions: [Upsertion] = []

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
      try visitor.field(&deletions)
      try visitor.field(&upsertions)
    }
  }
}

extension KafkaAlterUserScramCredentials.Request {
  /// A credential to delete.
  public struct Deletion: KafkaStructure {
    /// The name.
    public var name = ""
    /// The mechanism.
    public var mechanism: Int8 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&mechanism)
    }
  }

  /// A credential to set.
  public struct Upsertion: KafkaStructure {
    /// The name.
    public var name = ""
    /// The mechanism.
    public var mechanism: Int8 = 0
    /// How often the password is hashed.
    public var iterations: Int32 = 0
    /// The salt.
    public var salt = ByteBuffer()
    /// The hashed password.
    public var saltedPassword = ByteBuffer()

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&mechanism)
      try visitor.field(&iterations)
      try visitor.field(&salt)
      try visitor.field(&saltedPassword)
    }
  }
}

extension KafkaAlterUserScramCredentials {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What became of each.
    public var results: [User] = []

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
      try visitor.field(&results)
    }
  }
}

extension KafkaAlterUserScramCredentials.Response {
  /// A user.
  public struct User: KafkaStructure {
    /// The user.
    public var user = ""
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&user)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
    }
  }
}
