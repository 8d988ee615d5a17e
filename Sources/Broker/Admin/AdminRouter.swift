import GodwitFrontEndKit

/// Finds the endpoint of a path.
struct AdminRouter {
  /// What was found.
  enum Found {
    /// The endpoint, and what follows its path, decoded.
    case endpoint(AdminEndpoint, rest: String)
    /// The path is there, under these methods only.
    case wrongMethod(allowed: [String])
    /// There is no such path.
    case nothing
    /// The path is not well-formed.
    case malformed
  }

  /// All of them, in order.
  let endpoints: [AdminEndpoint]
  private var exact: [String: [Int]] = [:]
  private var prefixes: [(path: String, indices: [Int])] = []

  /// Where two have a path and method in common, the first is asked.
  init(_ endpoints: [AdminEndpoint]) {
    self.endpoints = endpoints
    var byPrefix: [String: [Int]] = [:]
    for (index, endpoint) in endpoints.enumerated() {
      self.exact[endpoint.path, default: []].append(index)
      if endpoint.takesRest { byPrefix[endpoint.path, default: []].append(index) }
    }
    // The longest first, so that the closest one is asked.
    self.prefixes = byPrefix.sorted { $0.key.utf8.count > $1.key.utf8.count }
      .map { (path: $0.key + "/", indices: $0.value) }
  }

  /// Finds what answers `method` at `path`, which is still percent-encoded. HEAD is answered by
  /// what answers GET.
  func find(_ method: String, _ path: String) -> Found {
    let method = method == "HEAD" ? "GET" : method
    var allowed: [String] = []
    if let indices = self.exact[path] {
      for index in indices where self.endpoints[index].method == method {
        return .endpoint(self.endpoints[index], rest: "")
      }
      allowed += indices.map { self.endpoints[$0].method }
    }
    for (prefix, indices) in self.prefixes where path.hasPrefix(prefix) {
      guard let rest = PercentCoding.decode(path.dropFirst(prefix.count), plusIsSpace: false)
      else { return .malformed }
      for index in indices where self.endpoints[index].method == method {
        return .endpoint(self.endpoints[index], rest: rest)
      }
      allowed += indices.map { self.endpoints[$0].method }
    }
    guard !allowed.isEmpty else { return .nothing }
    if allowed.contains("GET") { allowed.append("HEAD") }
    return .wrongMethod(allowed: Array(Set(allowed)).sorted())
  }
}
