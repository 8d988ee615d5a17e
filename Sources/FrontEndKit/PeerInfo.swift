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
  /// What a TLS handshake established, kept apart: most connections have none, and each counts.
  private var tls: TLSFacts?

  private indirect enum TLSFacts: Hashable, Sendable {
    case established(version: String, subject: String?, commonName: String?)
  }

  /// The TLS version, when encrypted.
  public var tlsVersion: String? {
    guard case .established(let version, _, _)? = self.tls else { return nil }
    return version
  }

  /// The subject of the peer's verified certificate, as in `CN=device-7,O=Example`.
  public var certificateSubject: String? {
    guard case .established(_, let subject, _)? = self.tls else { return nil }
    return subject
  }

  /// The common name in that subject.
  public var certificateCommonName: String? {
    guard case .established(_, _, let commonName)? = self.tls else { return nil }
    return commonName
  }

  /// A peer.
  public init(address: String, port: Int, transport: Transport, listener: String) {
    self.address = address
    self.port = port
    self.transport = transport
    self.listener = listener
    self.isEncrypted = transport.isEncrypted
  }

  /// Takes down what a handshake established.
  mutating func established(tls version: String, subject: String?, commonName: String?) {
    self.isEncrypted = true
    self.tls = .established(version: version, subject: subject, commonName: commonName)
  }
}
