import GodwitFrontEndKit

/// Holds a settings tree against the declared sections.
struct SettingsCheck {
  let sections: [SettingsSection]
  let lines: [String: Int]

  /// The sections' values, defaults filled in.
  ///
  /// - Throws: `SettingsError` for an unknown key, with the nearest known one, and for a value of
  ///   the wrong type or out of bounds.
  func values(
    of tree: SettingsTree, overrides: (String, Setting) throws(SettingsError) -> SettingValue?
  ) throws(SettingsError) -> [String: SettingsValues] {
    let names = self.sections.map(\.name)
    for entry in tree.entries where !names.contains(entry.key) {
      throw self.unknown(entry.key, path: entry.key, among: names, what: "section")
    }
    var result: [String: SettingsValues] = [:]
    for section in self.sections {
      let said = tree.entries.first { $0.key == section.name }?.value
      var entries: [SettingValue.Entry] = []
      switch said {
      case nil, .text("")?, .text("null")?, .text("~")?: break
      case .map(let map)?: entries = map
      default: throw self.error(section.name, "must be a map of keys")
      }
      var checked = try self.map(entries, section.settings, path: section.name)
      for setting in section.settings {
        let path = "\(section.name).\(setting.key)"
        if let value = try overrides(path, setting) {
          checked[setting.key] = try self.value(value, setting.kind, path: path)
        }
      }
      result[section.name] = SettingsValues(path: section.name, checked: checked)
    }
    return result
  }

  private func map(
    _ entries: [SettingValue.Entry], _ settings: [Setting], path: String
  ) throws(SettingsError) -> [String: SettingValue] {
    var result: [String: SettingValue] = [:]
    for setting in settings { result[setting.key] = setting.defaultValue }
    for entry in entries {
      let here = "\(path).\(entry.key)"
      guard let setting = settings.first(where: { $0.key == entry.key }) else {
        throw self.unknown(entry.key, path: here, among: settings.map(\.key), what: "key")
      }
      if case .text(let text) = entry.value, text == "null" || text == "~" { continue }
      result[entry.key] = try self.value(entry.value, setting.kind, path: here)
    }
    return result
  }

  private func value(
    _ value: SettingValue, _ kind: Setting.Kind, path: String
  ) throws(SettingsError) -> SettingValue {
    switch (kind, value) {
    case (.bool, .bool): return value
    case (.bool, _): throw self.error(path, "must be true or false")
    case (.integer(let bounds), .integer(let number)):
      guard bounds.contains(number) else {
        throw self.error(path, "must be from \(bounds.lowerBound) to \(bounds.upperBound)")
      }
      return value
    case (.integer, _): throw self.error(path, "must be a whole number")
    case (.double(let bounds), .integer(let number)):
      return try self.value(.double(Double(number)), .double(bounds), path: path)
    case (.double(let bounds), .double(let number)):
      guard bounds.contains(number) else {
        throw self.error(path, "must be from \(bounds.lowerBound) to \(bounds.upperBound)")
      }
      return value
    case (.double, _): throw self.error(path, "must be a number")
    case (.text, _): return .text(try self.text(value, path: path))
    case (.choice(let words), _):
      let text = try self.text(value, path: path)
      guard words.contains(text) else {
        throw self.error(path, "must be one of \(words.joined(separator: ", "))")
      }
      return .text(text)
    case (.texts, .list(let items)):
      var texts: [SettingValue] = []
      for (index, item) in items.enumerated() {
        texts.append(.text(try self.text(item, path: "\(path)[\(index)]")))
      }
      return .list(texts)
    case (.texts, _): throw self.error(path, "must be a list of texts")
    case (.maps(let settings), .list(let items)):
      return .list(try self.maps(items, settings, path: path))
    case (.maps, _): throw self.error(path, "must be a list")
    case (.map(let settings), .map(let entries)):
      return .map(try self.entries(entries, settings, path: path))
    case (.map, _): throw self.error(path, "must be a map of keys")
    }
  }

  private func maps(
    _ items: [SettingValue], _ settings: [Setting], path: String
  ) throws(SettingsError) -> [SettingValue] {
    var result: [SettingValue] = []
    for (index, item) in items.enumerated() {
      let here = "\(path)[\(index)]"
      guard case .map(let entries) = item else {
        throw self.error(here, "must be a map of keys")
      }
      result.append(.map(try self.entries(entries, settings, path: here)))
    }
    return result
  }

  private func entries(
    _ entries: [SettingValue.Entry], _ settings: [Setting], path: String
  ) throws(SettingsError) -> [SettingValue.Entry] {
    let values = try self.map(entries, settings, path: path)
    return settings.compactMap { setting in
      values[setting.key].map { SettingValue.Entry(setting.key, $0) }
    }
  }

  private func text(_ value: SettingValue, path: String) throws(SettingsError) -> String {
    switch value {
    case .text(let text): return text
    case .bool(let value): return value ? "true" : "false"
    case .integer(let number): return "\(number)"
    case .double(let number): return "\(number)"
    case .list, .map: throw self.error(path, "must be a text")
    }
  }

  private func unknown(
    _ key: String, path: String, among known: [String], what: String
  ) -> SettingsError {
    let nearest = known.min { key.distance(to: $0) < key.distance(to: $1) }
    // A slip of the finger or two, not another word.
    let likeness = Swift.max(2, Swift.min(4, key.utf8.count / 3))
    let hint =
      nearest.map { key.distance(to: $0) <= likeness ? "; did you mean `\($0)`?" : "" } ?? ""
    return self.error(path, "unknown \(what)\(hint)")
  }

  private func error(_ path: String, _ reason: String) -> SettingsError {
    guard let line = self.lines[path], line > 0 else { return SettingsError(path, reason) }
    return SettingsError(path, "\(reason) (line \(line))")
  }
}

extension String {
  /// How many letters must change to get from one word to the other (Levenshtein).
  func distance(to other: String) -> Int {
    let left = Array(self.utf8.prefix(64))
    let right = Array(other.utf8.prefix(64))
    var row = Array(0...right.count)
    for (index, letter) in left.enumerated() {
      var previous = row[0]
      row[0] = index + 1
      for (column, candidate) in right.enumerated() {
        let above = row[column + 1]
        let cost = letter == candidate ? 0 : 1
        row[column + 1] = Swift.min(previous + cost, row[column] + 1, above + 1)
        previous = above
      }
    }
    return row[right.count]
  }
}
