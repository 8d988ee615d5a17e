/// Why bytes are not an acceptable part of a NATS conversation. Always final for the connection.
public struct NATSWireError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of defect.
  public enum Code: Hashable, Sendable {
    /// No operation begins like this, or a message does not end with CRLF.
    case unknownOperation
    /// A control line is longer than `NATSParser.Limits.controlLineBytesMax`.
    case controlLineTooLong
    /// A message is larger than `NATSParser.Limits.payloadBytesMax`.
    case payloadTooLarge
    /// An operation has the wrong number of arguments, or one that is no size.
    case malformedArguments
    /// HPUB from a peer that did not announce headers.
    case headersNotSupported
    /// The JSON of CONNECT or INFO does not parse or a field has the wrong type.
    case malformedJSON
    /// A header block is not of the form `NATS/1.0`.
    case malformedHeaders
  }

  /// The kind of defect.
  public var code: Code
  /// For people; never holds bytes of the peer.
  public var message: String

  /// Makes an error.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// What a server sends before it closes the connection. `nil` where nats-server 2.9 to 2.15
  /// close without a word, which is everything but these three.
  public var reply: NATSServerError? {
    switch self.code {
    case .unknownOperation: .unknownProtocolOperation
    case .controlLineTooLong: .maximumControlLineExceeded
    case .payloadTooLarge: .maximumPayloadViolation
    case .malformedArguments, .headersNotSupported, .malformedJSON, .malformedHeaders: nil
    }
  }

  /// The code and the message.
  public var description: String { "NATS: \(self.code): \(self.message)" }
}
