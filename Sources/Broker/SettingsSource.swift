import GodwitFrontEndKit

/// Where the settings come from: file, environment, command line. It is asked again when the server
/// is told to reload.
public struct SettingsSource: Sendable {
  /// The settings file; `nil` for none.
  public var config: String?
  /// The settings themselves, as in a file; `config` wins.
  public var yaml: String?
  /// Listeners of the command line, as in `nats=127.0.0.1:4222`; these alone, when there are any.
  public var listen: [String] = []
  /// The admin server's address, which wins over the settings.
  public var admin: String?
  /// The log level, which wins over the settings.
  public var logLevel: String?
  /// The environment.
  public var environment: [String: String]

  /// A source with nothing but defaults and the environment.
  public init(environment: [String: String]) {
    self.environment = environment
  }

  /// Reads everything: the file, the files that it names.
  ///
  /// - Throws: `BrokerError`, with a sentence that says where and what.
  public func load() throws(BrokerError) -> BrokerSettings {
    var text = self.yaml
    var directory = "."
    if let config {
      text = try TextFile.text(config)
      if let slash = config.lastIndex(of: "/") {
        directory = slash == config.startIndex ? "/" : String(config[..<slash])
      }
    }
    var settings: BrokerSettings
    do throws(SettingsError) {
      settings = try BrokerSettings(
        try SettingsFile(yaml: text, directory: directory, environment: self.environment))
    } catch {
      throw BrokerError((self.config.map { "\($0): " } ?? "") + "\(error)")
    }
    do throws(SettingsError) {
      try self.override(&settings)
    } catch {
      throw BrokerError("\(error)")
    }
    try settings.loadFiles()
    try settings.refuseOpenAddresses()
    return settings
  }

  private func override(_ settings: inout BrokerSettings) throws(SettingsError) {
    if !self.listen.isEmpty {
      var listeners: [ListenerAddress] = []
      for text in self.listen { listeners.append(try ListenerAddress(text, path: "--listen")) }
      settings.listeners = listeners
    }
    if let text = self.admin {
      guard let address = HostAndPort(text) else {
        throw SettingsError("--admin", "`\(text)` is not of the form ADDRESS:PORT")
      }
      settings.admin = address
    }
    if let text = self.logLevel { settings.logLevel = text }
  }
}
