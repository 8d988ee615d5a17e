public import Configuration
public import Logging

extension Broker {
  /// The broker of a URL: `embedded:`, or what the registered drivers offer.
  ///
  /// ```swift
  /// let broker = try Broker(url: "embedded:", drivers: [.embedded])
  /// ```
  ///
  /// - Parameter options: the driver's options by name; those in the URL's query win.
  /// - Throws: what `DriverRegistry.driver(for:options:)` throws. Nothing is connected yet.
  public convenience init(
    url: String, options: [String: String] = [:], drivers: DriverRegistry,
    codecs: CodecRegistry = .defaults, middleware: [any Middleware] = [],
    logger: Logger = Logger(label: "godwit")
  ) throws(GodwitError) {
    self.init(
      try drivers.driver(for: [url], options: options, logger: logger), codecs: codecs,
      middleware: middleware, logger: logger)
  }

  /// The broker that a configuration names.
  ///
  /// | key | what |
  /// |---|---|
  /// | `url` | the broker's URL, its servers divided by commas; read as a secret |
  /// | `urls` | URLs in place of `url`, one per server |
  /// | an option's name | an option of the driver, as in the URL's query, which wins |
  ///
  /// Every option of every registered driver is looked up. One that is there and that the chosen
  /// driver does not have is an error. A key that no registered driver knows is one where the
  /// configuration's provider lists its keys, as a `ListedProvider` does, or `keys` tells of it; in
  /// a URL's query always.
  ///
  /// ```swift
  /// let configuration = ConfigReader(provider: ListedProvider.environment())
  /// let broker = try await Broker(          // BROKER_URL=nats://127.0.0.1:4222
  ///   configuration: configuration.scoped(to: "broker"), drivers: [.embedded, .nats])
  /// ```
  ///
  /// - Parameter keys: keys that there are and that no provider lists.
  /// - Throws: `invalidArgument` with one sentence that says what cannot be used; `unsupported` for
  ///   a scheme that no registered driver has. Nothing is connected yet.
  public convenience init(
    configuration: ConfigReader, keys: ConfigurationKeys = [], drivers: DriverRegistry,
    codecs: CodecRegistry = .defaults, middleware: [any Middleware] = [],
    logger: Logger = Logger(label: "godwit")
  ) async throws(GodwitError) {
    self.init(
      try await drivers.driver(configuration, keys: keys, logger: logger), codecs: codecs,
      middleware: middleware, logger: logger)
  }
}

extension DriverRegistry {
  /// Makes the driver that a configuration names; see `Broker.init(configuration:keys:drivers:)`.
  public func driver(
    _ configuration: ConfigReader, keys: ConfigurationKeys = [],
    logger: Logger = Logger(label: "godwit")
  ) async throws(GodwitError) -> any Driver {
    let urls = try await Self.urls(in: configuration)
    let known = self.kinds.flatMap(\.options)
    let there = keys.names.union(try await ListedProvider.keys(of: configuration))
    let strangers = there.subtracting(known.map(\.name)).subtracting(["url", "urls"])
    if let stranger = strangers.min() {
      var servers: [String] = []
      for url in urls { servers += try BrokerURL(url).servers }
      throw Self.unknown(stranger, of: try self.kind(of: servers))
    }
    var options: [String: String] = [:]
    var names: Set<String> = []
    for option in known where names.insert(option.name).inserted {
      // Two drivers may give one name to different kinds; either reads what the other wrote.
      let texts = known.filter { $0.name == option.name }
      options[option.name] = try await texts.text(in: configuration)
    }
    return try self.driver(for: urls, options: options, logger: logger)
  }

  private static func urls(in configuration: ConfigReader) async throws(GodwitError) -> [String] {
    let url: String?
    let urls: [String]?
    do {
      url = try await configuration.fetchString(forKey: "url", isSecret: true)
      urls = try await configuration.fetchStringArray(forKey: "urls", isSecret: true)
    } catch {
      throw GodwitError(
        .invalidArgument, "'url' or 'urls' of the configuration cannot be read as text")
    }
    switch (url, urls) {
    case (let url?, nil): return [url]
    case (nil, let urls?) where !urls.isEmpty: return urls
    case (.some, .some):
      throw GodwitError(.invalidArgument, "the configuration has both 'url' and 'urls'")
    default:
      throw GodwitError(.invalidArgument, "the configuration names no broker: 'url' is missing")
    }
  }
}

extension [DriverOption] {
  /// The text of one option, which each element describes, in a configuration.
  fileprivate func text(in configuration: ConfigReader) async throws(GodwitError) -> String? {
    var refusal: GodwitError?
    for option in self {
      do {
        return try await option.text(in: configuration)
      } catch {
        refusal = error
      }
    }
    if let refusal { throw refusal }
    return nil
  }
}

extension DriverOption {
  /// The option's text in a configuration, whatever type its source keeps it as.
  fileprivate func text(in configuration: ConfigReader) async throws(GodwitError) -> String? {
    let key = ConfigKey([self.name])
    do {
      switch self.kind {
      case .text:
        return try await configuration.fetchString(forKey: key)
      case .secret:
        return try await configuration.fetchString(forKey: key, isSecret: true)
      case .integer:
        return try await configuration.fetchInt(forKey: key).map { "\($0)" }
      case .flag:
        return try await configuration.fetchBool(forKey: key).map { "\($0)" }
      case .seconds:
        do {
          return try await configuration.fetchDouble(forKey: key).map { "\($0)" }
        } catch {
          return try await configuration.fetchInt(forKey: key).map { "\($0)" }
        }
      }
    } catch {
      // Not the cause: it may quote a secret.
      throw GodwitError(
        .invalidArgument, "the option '\(self.name)' of the configuration cannot be read")
    }
  }
}
