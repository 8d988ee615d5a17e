/// What carries a connection's bytes.
public enum Transport: String, Hashable, Sendable, CaseIterable {
  /// Plain TCP.
  case tcp
  /// TLS over TCP.
  case tls
  /// WebSocket.
  case ws
  /// WebSocket over TLS.
  case wss

  /// Whether the bytes are encrypted from the first one.
  public var isEncrypted: Bool { self == .tls || self == .wss }
  /// Whether the bytes travel in WebSocket frames.
  public var isWebSocket: Bool { self == .ws || self == .wss }
}

/// The other end of a connection, and how it came in.
public struct PeerInfo: Hashable, Sendable {
  /// The address without the port.
  public var address: String
  /// The port.
  public var port: Int
  /// What carries the bytes.
  public var transport: Transport
  /// The name of the listener it came in by.
  public var listener: String
  /// Whether the bytes are encrypted, from the start or since `startTLS`.
  public var isEncrypted: Bool
  /// Whether the listener asks for a certificate when TLS begins.
  public var mustShowCertificate = false
  /// The TLS version and cipher, when encrypted.
  public var tlsVersion: String?
  /// The subject of the peer's verified certificate, as in `CN=device-7,O=Example`.
  public var certificateSubject: String?
  /// The common name in that subject.
  public var certificateCommonName: String?

  /// A peer.
  public init(address: String, port: Int, transport: Transport, listener: String) {
    self.address = address
    self.port = port
    self.transport = transport
    self.listener = listener
    self.isEncrypted = transport.isEncrypted
  }
}
