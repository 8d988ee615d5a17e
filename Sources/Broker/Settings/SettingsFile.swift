import Configuration
public import GodwitFrontEndKit

/// All settings, checked: those of the broker and those of every protocol.
public struct SettingsFile: Sendable {
  /// The values of each section.
  private let sections: [String: SettingsValues]
  /// Whether somebody said `access.anonymous`, rather than leaving it to the default.
  public let saysAnonymous: Bool
  /// The folder that relative paths start from.
  public let directory: String

  /// The sections that can be set.
  public static var sections: [SettingsSection] {
    Self.own + FrontEnds.all.map { $0.settings }
  }

  /// The settings of a file and the environment; the environment wins.
  ///
  /// A key `mqtt.max_inflight` is `GODWIT_MQTT_MAX_INFLIGHT` in the environment. Lists of maps can
  /// be said in the file only; lists of texts are separated by commas.
  ///
  /// - Parameters:
  ///   - yaml: the file's text; `nil` for no file.
  ///   - directory: the folder that relative paths start from.
  ///   - environment: the environment.
  /// - Throws: `SettingsError`.
  public init(
    yaml: String?, directory: String = ".", environment: [String: String]
  ) throws(SettingsError) {
    let tree =
      try yaml.map { text throws(SettingsError) in try SettingsTree(yaml: text) }
      ?? SettingsTree()
    try Self.refuseUnknown(environment)
    let reader = ConfigReader(
      provider: EnvironmentVariablesProvider(environmentVariables: environment)
        .prefixKeys(with: "godwit"))
    let check = SettingsCheck(sections: Self.sections, lines: tree.lines)
    var wasAnonymousSaid = tree.lines["access.anonymous"] != nil
    self.sections = try check.values(of: tree) { path, setting throws(SettingsError) in
      let value = try Self.override(path, setting, reader)
      if value != nil, path == "access.anonymous" { wasAnonymousSaid = true }
      return value
    }
    self.saysAnonymous = wasAnonymousSaid
    self.directory = directory
  }

  /// A section's values.
  public subscript(section: String) -> SettingsValues {
    self.sections[section] ?? SettingsValues(path: section, checked: [:])
  }

  /// A path as said in the settings, relative to the settings file.
  public func path(_ path: String) -> String {
    path.hasPrefix("/") || path.isEmpty ? path : "\(self.directory)/\(path)"
  }

  /// A variable that begins like a key of a section, and is none, is a slip: silence would start
  /// the server with a default that nobody wanted.
  private static func refuseUnknown(_ environment: [String: String]) throws(SettingsError) {
    for name in environment.keys.sorted() where name.hasPrefix("GODWIT_") {
      for section in self.sections {
        let start = "GODWIT_\(section.name.uppercased())_"
        guard name.hasPrefix(start) else { continue }
        let key = name.dropFirst(start.count).lowercased()
        guard !section.settings.contains(where: { $0.key == key }), !Self.isOfKubernetes(key)
        else { continue }
        throw SettingsError(name, "there is no setting `\(section.name).\(key)`")
      }
    }
  }

  /// What Kubernetes sets in every container for a service that is called like a section:
  /// `GODWIT_MQTT_SERVICE_HOST`, `GODWIT_MQTT_PORT_1883_TCP`.
  private static func isOfKubernetes(_ key: String) -> Bool {
    key == "port" || key.hasPrefix("port_") || key == "service_host" || key == "service_port"
      || key.hasPrefix("service_port_")
  }

  private static func override(
    _ path: String, _ setting: Setting, _ reader: ConfigReader
  ) throws(SettingsError) -> SettingValue? {
    let key = ConfigKey(path.split(separator: ".").map(String.init))
    guard let text = reader.string(forKey: key, isSecret: setting.isSecret) else { return nil }
    let name = "GODWIT_" + path.uppercased().replacing(".", with: "_")
    switch setting.kind {
    case .bool:
      guard let value = reader.bool(forKey: key) else {
        throw SettingsError(name, "must be true or false")
      }
      return .bool(value)
    case .integer:
      guard let value = reader.int(forKey: key) else {
        throw SettingsError(name, "must be a whole number")
      }
      return .integer(value)
    case .double:
      guard let value = reader.double(forKey: key) else {
        throw SettingsError(name, "must be a number")
      }
      return .double(value)
    case .text, .choice:
      return .text(text)
    case .texts:
      return .list((reader.stringArray(forKey: key) ?? []).map { .text($0) })
    case .maps, .map:
      throw SettingsError(name, "can be said in the settings file only")
    }
  }
}
