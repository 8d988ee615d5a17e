/// A value in the settings file.
public enum SettingValue: Hashable, Sendable {
  /// `true` or `false`.
  case bool(Bool)
  /// A whole number.
  case integer(Int)
  /// Any number.
  case double(Double)
  /// Text.
  case text(String)
  /// A list.
  case list([SettingValue])
  /// Named values, in order.
  case map([Entry])

  /// A named value.
  public struct Entry: Hashable, Sendable {
    /// The name.
    public var key: String
    /// The value.
    public var value: SettingValue

    /// A named value.
    public init(_ key: String, _ value: SettingValue) {
      self.key = key
      self.value = value
    }
  }
}

/// One key of the settings: its type, default and meaning. The file is checked against these, the
/// reference is printed from them.
public struct Setting: Hashable, Sendable {
  /// What a key takes.
  public enum Kind: Hashable, Sendable {
    /// `true` or `false`.
    case bool
    /// A whole number within bounds.
    case integer(ClosedRange<Int>)
    /// A number within bounds.
    case double(ClosedRange<Double>)
    /// Text.
    case text
    /// One of these words.
    case choice([String])
    /// A list of texts.
    case texts
    /// A list of maps, each with these keys.
    case maps([Setting])
    /// One map with these keys.
    case map([Setting])
  }

  /// The key.
  public let key: String
  /// What it takes.
  public let kind: Kind
  /// What holds when nothing is said; `nil` for nothing.
  public let defaultValue: SettingValue?
  /// What it means, its unit included. One or two sentences.
  public let documentation: String
  /// Whether the value must never be shown.
  public let isSecret: Bool

  /// A key.
  public init(
    _ key: String, _ kind: Kind, default defaultValue: SettingValue?, _ documentation: String,
    isSecret: Bool = false
  ) {
    self.key = key
    self.kind = kind
    self.defaultValue = defaultValue
    self.documentation = documentation
    self.isSecret = isSecret
  }
}

/// One top-level section of the settings.
public struct SettingsSection: Hashable, Sendable {
  /// The section's key, such as `mqtt`.
  public let name: String
  /// What the section is about.
  public let documentation: String
  /// Its keys.
  public let settings: [Setting]

  /// A section.
  public init(_ name: String, _ documentation: String, _ settings: [Setting]) {
    self.name = name
    self.documentation = documentation
    self.settings = settings
  }
}

/// Why the settings cannot be used. `path` leads to the key.
public struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where, as in `mqtt.receive_maximum`.
  public let path: String
  /// What is wrong, for people: one clause, without a final stop.
  public let reason: String

  /// An error.
  public init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }

  /// Path and reason.
  public var description: String { "\(self.path): \(self.reason)" }
}

/// A section's values, checked against its keys, defaults filled in.
///
/// Reading a key that the section did not declare, or as another type, gives the fallback: an
/// empty or zero value. Debug builds assert.
public struct SettingsValues: Hashable, Sendable, CustomStringConvertible {
  /// Where in the settings this is, as in `mqtt` or `mqtt.rewrite[0]`.
  public let path: String
  private let values: [String: SettingValue]

  /// Values that were checked before.
  public init(path: String, checked values: [String: SettingValue]) {
    self.path = path
    self.values = values
  }

  /// The values of a section when nothing is said.
  public init(defaultsOf section: SettingsSection) {
    var values: [String: SettingValue] = [:]
    for setting in section.settings { values[setting.key] = setting.defaultValue }
    self.init(path: section.name, checked: values)
  }

  /// Every value, secrets included, in the order of their keys: to compare, not to print.
  public var description: String {
    self.values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  /// Whether anything was said, or is the default, of `key`.
  public func has(_ key: String) -> Bool { self.values[key] != nil }

  /// A switch.
  public func bool(_ key: String) -> Bool {
    if case .bool(let value)? = self.values[key] { return value }
    return false
  }

  /// A whole number.
  public func int(_ key: String) -> Int {
    if case .integer(let value)? = self.values[key] { return value }
    return 0
  }

  /// A number.
  public func double(_ key: String) -> Double {
    switch self.values[key] {
    case .double(let value)?: return value
    case .integer(let value)?: return Double(value)
    default: return 0
    }
  }

  /// Text; empty when nothing was said.
  public func text(_ key: String) -> String {
    if case .text(let value)? = self.values[key] { return value }
    return ""
  }

  /// A list of texts.
  public func texts(_ key: String) -> [String] {
    guard case .list(let values)? = self.values[key] else { return [] }
    return values.compactMap { if case .text(let text) = $0 { text } else { nil } }
  }

  /// A map within.
  public func map(_ key: String) -> SettingsValues {
    guard case .map(let entries)? = self.values[key] else {
      return SettingsValues(path: "\(self.path).\(key)", checked: [:])
    }
    return Self.of(entries, path: "\(self.path).\(key)")
  }

  /// A list of maps.
  public func maps(_ key: String) -> [SettingsValues] {
    guard case .list(let values)? = self.values[key] else { return [] }
    return values.enumerated().compactMap { index, value in
      guard case .map(let entries) = value else { return nil }
      return Self.of(entries, path: "\(self.path).\(key)[\(index)]")
    }
  }

  private static func of(_ entries: [SettingValue.Entry], path: String) -> SettingsValues {
    let values = Dictionary(entries.map { ($0.key, $0.value) }) { _, last in last }
    return SettingsValues(path: path, checked: values)
  }
}
