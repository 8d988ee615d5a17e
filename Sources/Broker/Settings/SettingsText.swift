public import GodwitFrontEndKit

/// Writes settings: the complete file of defaults, the reference, and single values as YAML.
public enum SettingsText {
  /// A settings file that says every default, each with its meaning. It passes the check.
  public static func defaults(_ sections: [SettingsSection] = SettingsFile.sections) -> String {
    var lines = [
      "# Every key of Godwit's settings with its default.",
      "# Any key can be left out. A key `mqtt.max_inflight` can also be said in the environment,",
      "# as GODWIT_MQTT_MAX_INFLIGHT, which wins.",
    ]
    for section in sections {
      lines.append("")
      lines += Self.comment(section.documentation, indent: 0)
      lines.append("\(section.name):")
      for setting in section.settings { lines += Self.lines(setting, indent: 1) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func lines(_ setting: Setting, indent: Int) -> [String] {
    let pad = String(repeating: "  ", count: indent)
    var lines = Self.comment(setting.documentation + Self.bounds(setting.kind), indent: indent)
    switch setting.kind {
    case .maps(let inner):
      lines.append("\(pad)\(setting.key): []")
      lines.append("\(pad)# Each has:")
      lines += Self.commentedOut(inner, indent: indent)
    case .map(let inner):
      if setting.defaultValue == nil {
        lines.append("\(pad)# \(setting.key):")
        lines += Self.commentedOut(inner, indent: indent)
      } else {
        lines.append("\(pad)\(setting.key):")
        for setting in inner { lines += Self.lines(setting, indent: indent + 1) }
      }
    default:
      if let value = setting.defaultValue {
        lines.append("\(pad)\(setting.key): \(Self.scalar(value))")
      } else {
        lines.append("\(pad)# \(setting.key):")
      }
    }
    return lines
  }

  private static func commentedOut(_ settings: [Setting], indent: Int) -> [String] {
    let pad = String(repeating: "  ", count: indent)
    return settings.map { setting in
      switch setting.kind {
      case .maps, .map: "\(pad)#   \(setting.key): … \(setting.documentation)"
      default:
        "\(pad)#   \(setting.key): \(setting.defaultValue.map(Self.scalar) ?? "")"
          + "  # \(setting.documentation)"
      }
    }
  }

  private static func bounds(_ kind: Setting.Kind) -> String {
    switch kind {
    case .integer(let bounds): " From \(bounds.lowerBound) to \(bounds.upperBound)."
    case .double(let bounds): " From \(bounds.lowerBound) to \(bounds.upperBound)."
    case .choice(let words): " One of \(words.joined(separator: ", "))."
    default: ""
    }
  }

  private static func comment(_ text: String, indent: Int) -> [String] {
    let pad = String(repeating: "  ", count: indent) + "# "
    var lines: [String] = []
    var line = pad
    for word in text.split(separator: " ") {
      if line.count + word.count > 98, line != pad {
        lines.append(line.trimmingEnd)
        line = pad
      }
      line += word + " "
    }
    lines.append(line.trimmingEnd)
    return lines
  }

  /// A value on one line, quoted where YAML would read something else.
  public static func scalar(_ value: SettingValue) -> String {
    switch value {
    case .bool(let value): return value ? "true" : "false"
    case .integer(let number): return "\(number)"
    case .double(let number): return "\(number)"
    case .text(let text): return Self.quoted(text)
    case .list(let items): return "[\(items.map(Self.scalar).joined(separator: ", "))]"
    case .map(let entries):
      let inner = entries.map { "\($0.key): \(Self.scalar($0.value))" }
      return "{\(inner.joined(separator: ", "))}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      default:
        if scalar.value < 0x20 {
          let digits = String(scalar.value, radix: 16)
          result += "\\x" + (digits.count < 2 ? "0" + digits : digits)
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }

  /// The reference of all settings, as Markdown.
  public static func reference(_ sections: [SettingsSection] = SettingsFile.sections) -> String {
    var lines = [
      "# Settings", "",
      "One YAML file, given with `--config`, and the environment, which wins: `mqtt.max_inflight`",
      "is `GODWIT_MQTT_MAX_INFLIGHT`. `godwit config check FILE` checks a file, `godwit config",
      "defaults` prints a complete one, and `godwit config reference` prints this page. SIGHUP",
      "reads the file again: users, permissions, certificates, the log level and what the protocols",
      "can change while running; what needs a restart is named in the log. All files are regular",
      "files of 16 MiB at most; YAML's anchors and aliases are not supported. Names and passwords",
      "are brought into the form of SASLprep (RFC 4013), here and at each log-in.",
    ]
    for section in sections {
      lines += ["", "## `\(section.name)`", "", section.documentation, ""]
      lines += ["| key | takes | default | meaning |", "|---|---|---|---|"]
      lines += section.settings.flatMap { Self.rows($0, prefix: "") }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func rows(_ setting: Setting, prefix: String) -> [String] {
    let key = prefix + setting.key
    let value = setting.defaultValue.map { "`\(Self.scalar($0))`" } ?? ""
    let meaning = setting.documentation.replacing("|", with: "\\|")
    var rows = ["| `\(key)` | \(Self.takes(setting.kind)) | \(value) | \(meaning) |"]
    switch setting.kind {
    case .maps(let inner): rows += inner.flatMap { Self.rows($0, prefix: "\(key)[].") }
    case .map(let inner): rows += inner.flatMap { Self.rows($0, prefix: "\(key).") }
    default: break
    }
    return rows
  }

  private static func takes(_ kind: Setting.Kind) -> String {
    switch kind {
    case .bool: "true or false"
    case .integer(let bounds): "\(bounds.lowerBound) to \(bounds.upperBound)"
    case .double(let bounds): "\(bounds.lowerBound) to \(bounds.upperBound)"
    case .text: "text"
    case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .texts: "texts"
    case .maps: "a list"
    case .map: "a map"
    }
  }
}

extension String {
  fileprivate var trimmingEnd: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
