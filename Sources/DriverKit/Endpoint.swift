/// One server that a driver may connect to.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// The host's name or address; IPv6 addresses without brackets.
  public var host: String
  /// The port.
  public var port: Int
  /// Whether TLS is spoken.
  public var usesTLS: Bool
  /// The path of the WebSocket that carries the protocol; `nil` where it is spoken on TCP itself.
  public var webSocketPath: String?
  /// What the WebSocket is said to carry (`Sec-WebSocket-Protocol`), where the protocol wants that.
  public var webSocketProtocol: String?
  /// The name that the server's certificate must be for, when it is not the host.
  public var tlsName: String?

  /// An endpoint.
  public init(host: String, port: Int, usesTLS: Bool = false, webSocketPath: String? = nil) {
    self.host = host
    self.port = port
    self.usesTLS = usesTLS
    self.webSocketPath = webSocketPath
  }

  /// `host:port`, with brackets around an IPv6 address.
  public var description: String {
    self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
  }
}
