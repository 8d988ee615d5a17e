public import GodwitFrontEndKit
import Yams

/// The settings file as a tree, with the line of each key for messages.
public struct SettingsTree: Sendable {
  /// The top-level sections.
  public var entries: [SettingValue.Entry]
  /// Where a key stands in the file, by its path.
  public var lines: [String: Int] = [:]

  /// A tree without anything in it.
  public init() {
    self.entries = []
  }

  /// Reads YAML.
  ///
  /// - Throws: `SettingsError` when the text is no YAML, or not a map at the top.
  public init(yaml: String) throws(SettingsError) {
    // Already to compare the keys of a map, the reader unfolds what aliases in them mean.
    guard Self.aliases(in: yaml) <= Self.aliasesMax else {
      throw SettingsError("the file", Self.noAnchors)
    }
    let node: Node?
    let parser: Parser
    do {
      parser = try Parser(yaml: yaml)
      node = try parser.singleRoot()
    } catch {
      throw SettingsError("the file", "not YAML: \(Self.oneLine("\(error)"))")
    }
    var lines: [String: Int] = [:]
    // Nodes know their anchors for as long as the parser is there.
    defer { withExtendedLifetime(parser) {} }
    // What is said once and meant many times could mean more than memory holds.
    if let node { try Self.refuseAnchor(node, path: "the file") }
    switch node {
    case nil:
      self.entries = []
    case .mapping(let mapping)?:
      self.entries = try Self.entries(mapping, path: "", depth: 0, &lines)
    case .scalar(let scalar)? where scalar.string.isEmpty:
      self.entries = []
    default:
      throw SettingsError("the file", "must be a map of sections")
    }
    self.lines = lines
  }

  private static let noAnchors = "anchors and aliases (`&` and `*`) are not supported"
  private static let aliasesMax = 8

  private static func refuseAnchor(_ node: Node, path: String) throws(SettingsError) {
    if node.anchor != nil {
      throw SettingsError(path, Self.noAnchors)
    }
  }

  /// What looks like an alias of something that looked like an anchor before. It may be text, so a
  /// few of them go to the reader, which knows; a few mean little.
  private static func aliases(in yaml: String) -> Int {
    var anchors: Set<[UInt8]> = []
    var count = 0
    for word in yaml.utf8.split(whereSeparator: { " \t\r\n[]{},".utf8.contains($0) }) {
      guard let mark = word.first, "&*".utf8.contains(mark) else { continue }
      let name = Array(word.dropFirst().prefix { !":?\"'".utf8.contains($0) })
      if mark == UInt8(ascii: "&") {
        anchors.insert(name)
      } else if anchors.contains(name) {
        count += 1
      }
    }
    return count
  }

  /// On one line, without more of a long one than helps.
  private static func oneLine(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).map { $0.trimmingBlanks }
      .joined(separator: " ")
    return line.count > 240 ? "\(line.prefix(240))…" : line
  }

  private static func entries(
    _ mapping: Node.Mapping, path: String, depth: Int, _ lines: inout [String: Int]
  ) throws(SettingsError) -> [SettingValue.Entry] {
    guard depth < 16 else { throw SettingsError(path, "nested too deep") }
    var entries: [SettingValue.Entry] = []
    for (key, value) in mapping {
      guard case .scalar(let name) = key else {
        throw SettingsError(path, "a key must be a word")
      }
      try Self.refuseAnchor(key, path: path.isEmpty ? "the file" : path)
      let here = path.isEmpty ? name.string : "\(path).\(name.string)"
      if lines[here] != nil { throw SettingsError(here, "said twice") }
      lines[here] = name.mark?.line ?? 0
      entries.append(.init(name.string, try Self.value(value, path: here, depth: depth, &lines)))
    }
    return entries
  }

  private static func value(
    _ node: Node, path: String, depth: Int, _ lines: inout [String: Int]
  ) throws(SettingsError) -> SettingValue {
    try Self.refuseAnchor(node, path: path)
    switch node {
    case .mapping(let mapping):
      return .map(try Self.entries(mapping, path: path, depth: depth + 1, &lines))
    case .sequence(let sequence):
      var list: [SettingValue] = []
      for (index, item) in sequence.enumerated() {
        list.append(try Self.value(item, path: "\(path)[\(index)]", depth: depth + 1, &lines))
      }
      return .list(list)
    case .scalar(let scalar):
      return Self.scalar(scalar)
    case .alias:
      throw SettingsError(path, Self.noAnchors)
    }
  }

  private static func scalar(_ scalar: Node.Scalar) -> SettingValue {
    // What is quoted is text, whatever it looks like.
    guard scalar.style == .plain || scalar.style == .any else { return .text(scalar.string) }
    switch scalar.string {
    case "true", "True", "yes", "on": return .bool(true)
    case "false", "False", "no", "off": return .bool(false)
    default:
      if let integer = Int(scalar.string) { return .integer(integer) }
      if let double = Double(scalar.string), double.isFinite { return .double(double) }
      return .text(scalar.string)
    }
  }
}

extension StringProtocol {
  /// Without blanks at both ends.
  var trimmingBlanks: String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    guard let first = self.firstIndex(where: { !isBlank($0) }),
      let last = self.lastIndex(where: { !isBlank($0) })
    else { return "" }
    return String(self[first...last])
  }
}
