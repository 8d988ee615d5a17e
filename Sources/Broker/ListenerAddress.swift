public import GodwitFrontEndKit

/// Where one protocol listens, and over what.
public struct ListenerAddress: Hashable, Sendable, CustomStringConvertible {
  /// The listener's name: the protocol's, and what carries it, as in `mqtt` and `mqtt-ws`.
  public var name: String
  /// The protocol's name, as in `mqtt`.
  public var protocolName: String
  /// What carries the bytes.
  public var transport: Transport
  /// The address to bind, without port.
  public var host: String
  /// The port; 0 for a free one.
  public var port: Int

  /// A listener of `protocolName`.
  public init(_ protocolName: String, _ transport: Transport, host: String, port: Int) {
    self.name = Self.name(protocolName, transport)
    self.protocolName = protocolName
    self.transport = transport
    self.host = host
    self.port = port
  }

  /// The listener called `name`; `nil` when no front end has such a one.
  public init?(named name: String, host: String, port: Int) {
    for frontEnd in FrontEnds.all {
      for transport in Transport.allCases where Self.name(frontEnd.name, transport) == name {
        self.init(frontEnd.name, transport, host: host, port: port)
        return
      }
    }
    return nil
  }

  /// Reads `mqtt-ws=127.0.0.1:8083`.
  ///
  /// - Parameter path: where it was said, for the error.
  init(_ text: String, path: String) throws(SettingsError) {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let address = HostAndPort(String(parts[1])) else {
      throw SettingsError(
        path, "`\(text)` is not of the form PROTOCOL=ADDRESS:PORT, with a port from 0 to 65535")
    }
    guard let found = Self(named: String(parts[0]), host: address.host, port: address.port) else {
      throw SettingsError(
        path, "there is no listener `\(parts[0])`, only \(Self.allNames.joined(separator: ", "))")
    }
    self = found
  }

  /// As in `mqtt-ws=127.0.0.1:8083`.
  public var description: String {
    "\(self.name)=\(BoundAddress(host: self.host, port: self.port))"
  }

  /// Whether only this machine can reach it.
  public var isLoopback: Bool { Self.isLoopback(self.host) }

  /// Whether only this machine can reach `host`.
  static func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "::1" || host == "127.0.0.1"
      || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
  }

  static func name(_ protocolName: String, _ transport: Transport) -> String {
    transport == .tcp ? protocolName : "\(protocolName)-\(transport.rawValue)"
  }

  /// The names of all listeners that there can be.
  public static var allNames: [String] {
    FrontEnds.all.flatMap { frontEnd in
      Transport.allCases.map { Self.name(frontEnd.name, $0) }
    }
  }

  /// What is listened on when nothing is said: every protocol's own ports, on the loopback.
  public static var defaults: [ListenerAddress] {
    FrontEnds.all.flatMap { frontEnd in
      Transport.allCases.compactMap { transport in
        frontEnd.defaultPorts[transport].map {
          ListenerAddress(frontEnd.name, transport, host: "127.0.0.1", port: $0)
        }
      }
    }
  }
}
