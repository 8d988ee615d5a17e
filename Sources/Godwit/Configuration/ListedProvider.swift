public import Configuration

/// A source of configuration that lists its keys: a misspelt option of a broker is an error.
///
/// swift-configuration asks its providers for keys one by one, and none of them tells which it has.
/// One that stands in this does, below whatever scope a broker is made of:
///
/// ```swift
/// let configuration = ConfigReader(provider: ListedProvider.environment())
/// let broker = try await Broker(
///   configuration: configuration.scoped(to: "broker"), drivers: [.embedded, .nats])
/// ```
///
/// A reader of several providers has what all of those list that stand in this.
public struct ListedProvider: ConfigProvider {
  /// The name of what stands in it.
  public var providerName: String { self.provider.providerName }

  private let provider: any ConfigProvider
  private let keys: @Sendable (String) throws(GodwitError) -> ConfigurationKeys
  /// Tells it from others of the same reader.
  private let id = Message.makeID()

  /// A provider, and who lists its keys.
  ///
  /// - Parameter keys: the keys below a scope such as `broker` or `services.broker`; empty text for
  ///   all. What it throws, making a broker throws.
  public init(
    _ provider: some ConfigProvider,
    keys: @escaping @Sendable (_ scope: String) throws(GodwitError) -> ConfigurationKeys
  ) {
    self.provider = provider
    self.keys = keys
  }

  /// Environment variables, by default those of this process.
  public static func environment(_ variables: [String: String]? = nil) -> Self {
    let provider =
      variables.map { EnvironmentVariablesProvider(environmentVariables: $0) }
      ?? EnvironmentVariablesProvider()
    return Self(provider) { .environment(variables, below: $0) }
  }

  /// A provider of the values of a JSON file.
  public static func json(_ provider: some ConfigProvider, file: String) -> Self {
    Self(provider) { scope throws(GodwitError) in try .json(file: file, below: scope) }
  }

  // MARK: The keys of a reader

  /// No option has such a name.
  private static let listing = "godwit-listed-keys"
  private static let seen = "godwit-seen"

  /// The keys that the providers of `configuration` list below its scope.
  static func keys(of configuration: ConfigReader) async throws(GodwitError) -> Set<String> {
    var keys: Set<String> = []
    var seen = ""
    do {
      // One after the other: a reader hands on the first answer only.
      while let answer = try await configuration.fetchStringArray(
        forKey: ConfigKey([self.listing], context: [self.seen: .string(seen)])),
        let id = answer.first
      {
        keys.formUnion(answer.dropFirst())
        seen += " " + id
      }
    } catch {
      throw (error as? GodwitError)
        ?? GodwitError(
          .invalidArgument, "the keys of the configuration cannot be listed", cause: error)
    }
    return keys
  }

  private func listed(_ key: AbsoluteConfigKey) throws -> LookupResult? {
    guard key.components.last == Self.listing, case .string(let seen) = key.context[Self.seen]
    else {
      return nil
    }
    let none = LookupResult(encodedKey: Self.listing, value: nil)
    guard !seen.split(separator: " ").contains(Substring(self.id)) else { return none }
    let names = try self.keys(key.components.dropLast().joined(separator: ".")).names
    return LookupResult(
      encodedKey: Self.listing,
      value: ConfigValue(.stringArray([self.id] + names.sorted()), isSecret: false))
  }

  // MARK: Provider

  /// As the provider that stands in it.
  public func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
    try self.listed(key) ?? self.provider.value(forKey: key, type: type)
  }

  /// As the provider that stands in it.
  public func fetchValue(
    forKey key: AbsoluteConfigKey, type: ConfigType
  ) async throws -> LookupResult {
    if let listed = try self.listed(key) { return listed }
    return try await self.provider.fetchValue(forKey: key, type: type)
  }

  /// As the provider that stands in it.
  public func watchValue<Return: ~Copyable>(
    forKey key: AbsoluteConfigKey, type: ConfigType,
    updatesHandler: (
      _ updates: ConfigUpdatesAsyncSequence<Result<LookupResult, any Error>, Never>
    ) async throws -> Return
  ) async throws -> Return {
    try await self.provider.watchValue(forKey: key, type: type, updatesHandler: updatesHandler)
  }

  /// As the provider that stands in it.
  public func snapshot() -> any ConfigSnapshot { self.provider.snapshot() }

  /// As the provider that stands in it.
  public func watchSnapshot<Return: ~Copyable>(
    updatesHandler: (
      _ updates: ConfigUpdatesAsyncSequence<any ConfigSnapshot, Never>
    ) async throws -> Return
  ) async throws -> Return {
    try await self.provider.watchSnapshot(updatesHandler: updatesHandler)
  }
}
