public import NIOCore

/// One kind of message: a request and its response, in their versions.
public protocol KafkaAPI: Sendable {
  /// What a client asks.
  associatedtype Request: KafkaStructure
  /// What a broker answers.
  associatedtype Response: KafkaStructure

  /// What the header calls it.
  static var key: KafkaAPIKey { get }
  /// The versions that the codec knows. A broker announces those that it serves.
  static var versions: ClosedRange<Int16> { get }
  /// The first version with compact lengths and tagged fields; `Int16.max` if none has.
  static var flexibleFrom: Int16 { get }
}

extension KafkaAPI {
  /// Whether a version has compact lengths and tagged fields.
  public static func isFlexible(_ version: Int16) -> Bool { version >= flexibleFrom }

  /// Reads a request behind its header. What stands behind the request is not looked at, as at
  /// Kafka: librdkafka 2.16 sends three bytes too many when it asks for the metadata of all topics.
  ///
  /// - Parameters:
  ///   - body: the rest of the frame.
  ///   - version: what the header announced.
  ///   - limits: what to refuse.
  /// - Throws: `unsupportedVersion`, `malformed`, `tooLarge`.
  public static func decodeRequest(
    _ body: ByteBuffer, version: Int16, limits: KafkaLimits = KafkaLimits()
  ) throws(KafkaWireError) -> Request {
    try decode(body, version: version, limits: limits, isWhole: false)
  }

  /// Reads a response behind its header.
  ///
  /// - Parameters:
  ///   - body: the rest of the frame.
  ///   - version: that of the request.
  ///   - limits: what to refuse.
  /// - Throws: `unsupportedVersion`, `malformed`, `tooLarge`.
  public static func decodeResponse(
    _ body: ByteBuffer, version: Int16, limits: KafkaLimits = KafkaLimits()
  ) throws(KafkaWireError) -> Response {
    try decode(body, version: version, limits: limits, isWhole: true)
  }

  /// A whole frame with a response, its size included.
  ///
  /// - Parameters:
  ///   - response: what to answer.
  ///   - correlationID: that of the request.
  ///   - version: that of the request.
  /// - Throws: `unsupportedVersion`, `unrepresentable`.
  public static func encode(
    _ response: Response, correlationID: Int32, version: Int16
  ) throws(KafkaWireError) -> ByteBuffer {
    let pieces = try encodePieces(
      response, correlationID: correlationID, version: version, gathersFrom: .max)
    return pieces.first ?? ByteBuffer()
  }

  /// A whole frame with a response, its size included, in pieces that are to be sent one after
  /// another: records of some size are taken over as they are and not copied.
  ///
  /// - Parameters:
  ///   - response: what to answer.
  ///   - correlationID: that of the request.
  ///   - version: that of the request.
  ///   - gathersFrom: from how many bytes on byte fields become pieces of their own.
  /// - Throws: `unsupportedVersion`, `unrepresentable`.
  public static func encodePieces(
    _ response: Response, correlationID: Int32, version: Int16, gathersFrom: Int
  ) throws(KafkaWireError) -> [ByteBuffer] {
    var writer = try frameWriter(version, gathersFrom)
    let header = KafkaResponseHeader(correlationID: correlationID)
    header.write(to: &writer, isFlexible: isFlexible(version) && key != .apiVersions)
    try response.write(to: &writer)
    return try KafkaFrame.finish(&writer)
  }

  /// A whole frame with a request, its size included.
  ///
  /// - Parameters:
  ///   - request: what to ask.
  ///   - correlationID: what the response shall carry.
  ///   - version: the version to ask in.
  ///   - clientID: what the client calls itself.
  /// - Throws: `unsupportedVersion`, `unrepresentable`.
  public static func encode(
    _ request: Request, correlationID: Int32, version: Int16, clientID: String?
  ) throws(KafkaWireError) -> ByteBuffer {
    var writer = try frameWriter(version, .max)
    let header = KafkaRequestHeader(
      key: key, version: version, correlationID: correlationID, clientID: clientID)
    try header.write(to: &writer, isFlexible: isFlexible(version))
    try request.write(to: &writer)
    return try KafkaFrame.finish(&writer).first ?? ByteBuffer()
  }

  private static func decode<S: KafkaStructure>(
    _ body: ByteBuffer, version: Int16, limits: KafkaLimits, isWhole: Bool
  ) throws(KafkaWireError) -> S {
    try check(version)
    var reader = KafkaReader(
      body, version: version, isFlexible: isFlexible(version), limits: limits)
    let structure = try S(from: &reader)
    if isWhole { try reader.finish() }
    return structure
  }

  private static func frameWriter(
    _ version: Int16, _ gathersFrom: Int
  ) throws(KafkaWireError) -> KafkaWriter {
    try check(version)
    var buffer = ByteBuffer()
    buffer.writeInteger(Int32(0))
    return KafkaWriter(
      buffer, version: version, isFlexible: isFlexible(version), gathersFrom: gathersFrom)
  }

  private static func check(_ version: Int16) throws(KafkaWireError) {
    guard versions.contains(version) else {
      throw KafkaWireError(.unsupportedVersion, "a version that the codec does not know")
    }
  }
}
