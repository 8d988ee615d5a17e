/// Which users have which SCRAM credentials (KIP-554).
public enum KafkaDescribeUserScramCredentials: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeUserScramCredentials }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...0 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaDescribeUserScramCredentials {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The users, `nil` for all.
    public var users: [User]?

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
      try visitor.field(&users)
    }
  }
}

extension KafkaDescribeUserScramCredentials.Request {
  /// A user.
  public struct User: KafkaStructure {
    /// The name.
    public var name = ""

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
    }
  }
}

extension KafkaDescribeUserScramCredentials {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
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
      try visitor.field(&error)
      try visitor.field(&errorMessage)
      try visitor.field(&results)
    }
  }
}

extension KafkaDescribeUserScramCredentials.Response {
  /// A user.
  public struct User: KafkaStructure {
    /// The user.
    public var user = ""
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// The user's credentials.
    public var credentialInfos: [Credential] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&user)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
      try visitor.field(&credentialInfos)
    }
  }

  /// A credential, without its secret.
  public struct Credential: KafkaStructure {
    /// The mechanism.
    public var mechanism: Int8 = 0
    /// How often the password is hashed.
    public var iterations: Int32 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&mechanism)
      try visitor.field(&iterations)
    }
  }
}
