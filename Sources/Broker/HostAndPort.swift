/// `ADDRESS:PORT`, as people write it.
public struct HostAndPort: Hashable, Sendable {
  /// The address.
  public var host: String
  /// The port; 0 for a free one.
  public var port: Int

  /// Parts of an address.
  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `127.0.0.1:4222`, `localhost:4222`, `[::1]:4222`; `nil` when it is none of these.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self.init(host: String(host), port: port)
  }
}
