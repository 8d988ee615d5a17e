public import NIOCore

/// What stands before each request.
///
/// The form (header version 1 or 2) follows from kind and version. The client's name has two bytes
/// of length in all of them, so that a broker can read it whatever it knows of the rest.
public struct KafkaRequestHeader: Hashable, Sendable {
  /// The kind of message.
  public var key: KafkaAPIKey
  /// The message's version.
  public var version: Int16
  /// What the response shall carry.
  public var correlationID: Int32
  /// What the client calls itself.
  public var clientID: String?

  /// A header.
  public init(key: KafkaAPIKey, version: Int16, correlationID: Int32, clientID: String?) {
    self.key = key
    self.version = version
    self.correlationID = correlationID
    self.clientID = clientID
  }

  /// Takes the header from the front of a frame; the body is left.
  ///
  /// A kind or version that the codec does not know is no error here, because a broker answers
  /// it: then `frame` is left behind the correlation identifier, and `clientID` is `nil`.
  ///
  /// - Parameter frame: a frame without its size.
  /// - Throws: `malformed`.
  public init(from frame: inout ByteBuffer) throws(KafkaWireError) {
    var reader = KafkaReader(frame, version: 1, isFlexible: false)
    key = try KafkaAPIKey(from: &reader)
    version = try reader.integer()
    correlationID = try reader.integer()
    if let api = KafkaAPIs.api(key), api.versions.contains(version) {
      clientID = try String.readNullable(from: &reader)
      if api.isFlexible(version) { try reader.skipTags() }
    }
    frame = reader.buffer
  }

  func write(to writer: inout KafkaWriter, isFlexible: Bool) throws(KafkaWireError) {
    var plain = KafkaWriter(writer.buffer, version: 1, isFlexible: false)
    try key.write(to: &plain)
    plain.integer(version)
    plain.integer(correlationID)
    try String.writeNullable(clientID, to: &plain)
    if isFlexible { plain.unsignedVarint(0) }
    writer.buffer = plain.buffer
  }
}

/// What stands before each response: header version 0, or 1 for flexible versions. That of
/// `KafkaAPIVersions` is always version 0, because the client does not know yet what the broker
/// knows (KIP-511).
public struct KafkaResponseHeader: Hashable, Sendable {
  /// That of the request.
  public var correlationID: Int32

  /// A header.
  public init(correlationID: Int32) {
    self.correlationID = correlationID
  }

  /// Takes the header from the front of a frame; the body is left.
  ///
  /// - Parameters:
  ///   - frame: a frame without its size.
  ///   - api: the kind of message that was asked.
  ///   - version: the version that was asked.
  /// - Throws: `malformed`.
  public init(
    from frame: inout ByteBuffer, _ api: any KafkaAPI.Type, version: Int16
  ) throws(KafkaWireError) {
    var reader = KafkaReader(frame, version: version, isFlexible: true)
    correlationID = try reader.integer()
    if api.isFlexible(version), api.key != .apiVersions { try reader.skipTags() }
    frame = reader.buffer
  }

  func write(to writer: inout KafkaWriter, isFlexible: Bool) {
    writer.integer(correlationID)
    if isFlexible { writer.unsignedVarint(0) }
  }
}
