import NIOHTTP1
import SchemaRegistryWire

/// Refuses what a web page of somebody else's could make a browser send.
///
/// Three doors: a name that an attacker lets point to the loopback (DNS rebinding) is not one of
/// ours in `Host`; a form or image of another site cannot send JSON or a header of its own (CSRF);
/// and newer browsers say themselves where a request comes from (`Sec-Fetch-Site`). Nothing here
/// opens anything to other origins: there are no CORS headers.
struct AdminGuard {
  /// Names, beside `localhost` and addresses, under which the server is known.
  let hostNames: Set<String>
  /// Whether every request shows credentials; then a foreign name gains nothing.
  let hasAccess: Bool

  init(hostNames: [String], hasAccess: Bool) {
    self.hostNames = Set(hostNames.map { $0.lowercased() })
    self.hasAccess = hasAccess
  }

  /// Why the request is refused; `nil` when it is not.
  ///
  /// - Parameter isOfRegistry: whether the path is one of the schema registry's, whose clients have
  ///   a content type of their own, and none when they delete.
  func refusal(
    _ head: HTTPRequestHead, path: Substring, isOfRegistry: Bool = false
  ) -> AdminRefusal? {
    let hosts = head.headers["host"]
    guard hosts.count <= 1 else { return AdminRefusal(400, "more than one Host") }
    if let host = hosts.first {
      guard let name = Self.name(ofAuthority: host) else {
        return AdminRefusal(400, "a Host that is none")
      }
      guard self.hasAccess || self.isOurs(name) else {
        return AdminRefusal(
          403, "the Host is neither an address nor a name of this server (admin.host_names)")
      }
    } else if head.version.major == 1, head.version.minor >= 1 {
      return AdminRefusal(400, "no Host")
    }
    if let site = head.headers.first(name: "sec-fetch-site"), path != "/",
      site != "same-origin", site != "none"
    {
      return AdminRefusal(403, "a request that another site made")
    }
    switch head.method {
    case .GET, .HEAD, .OPTIONS: return nil
    default: return self.refusalOfChange(head, host: hosts.first, isOfRegistry)
    }
  }

  /// What changes something must come from a program or from our own page.
  private func refusalOfChange(
    _ head: HTTPRequestHead, host: String?, _ isOfRegistry: Bool
  ) -> AdminRefusal? {
    if let origin = head.headers.first(name: "origin") {
      let authority = origin.split(separator: "/", maxSplits: 2).last.map(String.init) ?? ""
      guard origin.contains("://"), authority.lowercased() == host?.lowercased() else {
        return AdminRefusal(403, "a request that another site made")
      }
    }
    if head.headers.contains(name: "x-godwit-admin") { return nil }
    if isOfRegistry {
      // A browser sends no DELETE for another site without asking, and it would be told no.
      let type = head.headers.first(name: "content-type")
      guard head.method != .DELETE, !RegistryRequest.takes(contentType: type) else { return nil }
      return AdminRefusal(415, "HTTP 415 Unsupported Media Type")
    }
    let type = head.headers.first(name: "content-type") ?? ""
    let essence = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    guard essence == "application/json" else {
      return AdminRefusal(
        415, "what changes something needs Content-Type: application/json, or X-Godwit-Admin: 1")
    }
    return nil
  }

  private func isOurs(_ name: String) -> Bool {
    name == "localhost" || Self.isAddress(name) || self.hostNames.contains(name)
  }

  /// The host of `host[:port]`, lowercased, without a final dot; `nil` when it is none.
  static func name(ofAuthority authority: String) -> String? {
    var host = authority[...]
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { return nil }
      let rest = host[host.index(after: end)...]
      guard rest.isEmpty || (rest.hasPrefix(":") && Self.isPort(rest.dropFirst())) else {
        return nil
      }
      host = host[...end]
    } else if let colon = host.firstIndex(of: ":") {
      guard Self.isPort(host[host.index(after: colon)...]) else { return nil }
      host = host[..<colon]
    }
    if host.hasSuffix(".") { host = host.dropLast() }
    guard !host.isEmpty else { return nil }
    return host.lowercased()
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.utf8.count <= 5 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }

  /// Whether `name` is an IPv4 address, or one of IPv6 in brackets.
  static func isAddress(_ name: String) -> Bool {
    if name.hasPrefix("["), name.hasSuffix("]") {
      let inner = name.dropFirst().dropLast()
      return inner.contains(":")
        && inner.utf8.allSatisfy { byte in
          (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
        }
    }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        part.utf8.count <= 3 && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
          && UInt8(part) != nil
      }
  }
}
