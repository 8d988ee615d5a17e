import GodwitWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The keys that the source of a configuration has for a broker: a misspelt one is an error. See
/// `ListedProvider`.
public struct ConfigurationKeys: Hashable, Sendable, ExpressibleByArrayLiteral {
  let names: Set<String>

  /// These keys, as they are below the scope of the configuration: `url`, `timeout_seconds`.
  public init(_ names: some Sequence<String>) {
    self.names = Set(names)
  }

  /// These keys.
  public init(arrayLiteral names: String...) {
    self.init(names)
  }

  /// The keys of environment variables below a scope: of `BROKER_URL`, `url` is below `broker`.
  ///
  /// - Parameter variables: default: those of this process.
  public static func environment(
    _ variables: [String: String]? = nil, below scope: String
  ) -> Self {
    let variables = variables ?? ProcessInfo.processInfo.environment
    let level = scope.uppercased().map { $0.isLetter || $0.isNumber ? $0 : "_" }
    let prefix = level.isEmpty ? [] : level + ["_"]
    return Self(
      variables.keys.filter { $0.starts(with: prefix) }.map {
        $0.dropFirst(prefix.count).lowercased()
      })
  }

  /// The keys of a JSON file below a scope: the members of the object there, such as `broker`, or
  /// `services.broker`; none when there is no such object.
  ///
  /// - Throws: `invalidArgument` when the file cannot be read, or is not JSON.
  public static func json(file: String, below scope: String) throws(GodwitError) -> Self {
    do {
      var value: JSONValue? = try JSONValue(
        parsing: Array(Data(contentsOf: URL(filePath: file))))
      for name in scope.split(separator: ".") { value = value?[String(name)] }
      return Self((value?.members ?? []).map(\.name))
    } catch {
      throw GodwitError(
        .invalidArgument, "the file '\(file)' cannot be read as JSON", cause: error)
    }
  }
}
