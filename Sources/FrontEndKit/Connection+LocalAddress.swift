import NIOCore

extension Connection {
  /// The address that the client has connected to; `nil` before the connection stands, and when it
  /// is gone.
  public var localAddress: BoundAddress? {
    guard let address = self.context?.channel.localAddress, let host = address.ipAddress,
      let port = address.port
    else { return nil }
    return BoundAddress(host: host, port: port)
  }
}
