import NIOHTTP1

extension HTTPRequestHead {
  /// The request with its target as clients of servers write it: a path. One that was written for a
  /// proxy, with scheme and authority, has the latter in place of its Host (RFC 9112, 3.2.2).
  var inOriginForm: HTTPRequestHead {
    let scheme = self.uri.prefix(8).lowercased()
    guard scheme.hasPrefix("http://") || scheme == "https://" else { return self }
    let rest = self.uri.dropFirst(scheme.hasPrefix("http://") ? 7 : 8)
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    var head = self
    let target = rest.dropFirst(authority.count)
    head.uri = target.hasPrefix("/") ? String(target) : "/" + target
    // More than one Host is refused, whatever they are.
    if head.headers["host"].count <= 1 {
      head.headers.replaceOrAdd(name: "host", value: String(authority))
    }
    return head
  }
}
