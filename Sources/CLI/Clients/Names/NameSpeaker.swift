import GodwitFrontEndKit

/// A protocol's words for topics and patterns, as its front end has them.
struct NameSpeaker {
  /// The protocol's name, such as `nats`.
  let name: String
  /// How the protocol writes patterns.
  let wildcards: WildcardSyntax?
  /// What stands before the topic proper.
  let prefix: (String) -> NamePrefix?
  private let spellTopic: ([UInt8]) -> Result<String, NameError>
  private let readTopic: (String) -> Result<[UInt8], NameError>

  /// The words of a front end.
  init<Server: FrontEnd>(_ frontEnd: Server) {
    self.init(
      name: Server.name, wildcards: Server.wildcards, spell: frontEnd.spell,
      read: frontEnd.canonical, prefix: Server.prefix)
  }

  init(
    name: String, wildcards: WildcardSyntax?,
    spell: @escaping ([UInt8]) -> Result<String, NameError>,
    read: @escaping (String) -> Result<[UInt8], NameError>,
    prefix: @escaping (String) -> NamePrefix? = { _ in nil }
  ) {
    self.prefix = prefix
    self.name = name
    self.wildcards = wildcards
    self.spellTopic = spell
    self.readTopic = read
  }

  /// As the name is shown: short ones are abbreviations.
  var title: String {
    self.name.count > 4
      ? self.name.prefix(1).uppercased() + self.name.dropFirst()
      : self.name.uppercased()
  }

  /// Levels that stand in for wildcards while the protocol's codec, which knows topics and no
  /// patterns, translates the others: private characters that mean nothing in any protocol.
  private static let oneLevel = "\u{F8F0}"
  private static let rest = "\u{F8F1}"

  /// Whether `name` is written as only this protocol writes names: levels or wildcards in its way.
  func recognizes(_ name: String) -> Bool {
    guard let wildcards = self.wildcards else { return false }
    let levels = Self.levels(name, wildcards.separator)
    return levels.count > 1
      || levels.contains { $0 == wildcards.oneLevel || $0 == wildcards.rest }
  }

  /// The canonical form of a name or pattern in this protocol.
  func read(_ name: String) -> Result<CanonicalName, NameError> {
    guard let wildcards = self.wildcards else {
      return self.readTopic(name).map { CanonicalName(bytes: $0) }
    }
    guard !name.contains(Self.oneLevel), !name.contains(Self.rest) else {
      return .failure(NameError("it holds a character that is set aside here"))
    }
    var levels = Self.levels(name, wildcards.separator)
    var isPattern = false
    for index in levels.indices {
      if levels[index] == wildcards.oneLevel {
        levels[index] = Self.oneLevel
        isPattern = true
      } else if levels[index] == wildcards.rest, index == levels.count - 1 {
        levels[index] = Self.rest
        isPattern = true
      }
    }
    guard isPattern else { return self.readTopic(name).map { CanonicalName(bytes: $0) } }
    return self.readTopic(levels.joined(separator: String(wildcards.separator))).map { bytes in
      let canonical = Self.levels(String(decoding: bytes, as: UTF8.self), ".").map {
        $0 == Self.oneLevel ? "*" : ($0 == Self.rest ? ">" : $0)
      }
      var pattern = CanonicalName(bytes: Array(canonical.joined(separator: ".").utf8))
      pattern.isPattern = true
      pattern.endsOpen = canonical.last == ">"
      return pattern
    }
  }

  /// The name or pattern in this protocol's words.
  func spell(_ name: CanonicalName) -> Result<String, NameError> {
    guard name.isPattern else { return self.spellTopic(name.bytes) }
    guard let wildcards = self.wildcards else {
      return .failure(NameError("the protocol has no patterns"))
    }
    var levels = Self.levels(name.text, ".")
    for index in levels.indices {
      if levels[index] == "*" { levels[index] = Self.oneLevel }
      if name.endsOpen, index == levels.count - 1 { levels[index] = Self.rest }
    }
    return self.spellTopic(Array(levels.joined(separator: ".").utf8)).map { spelled in
      Self.levels(spelled, wildcards.separator).map {
        $0 == Self.oneLevel
          ? wildcards.oneLevel : ($0 == Self.rest ? wildcards.rest : $0)
      }.joined(separator: String(wildcards.separator))
    }
  }

  private static func levels(_ text: String, _ separator: Character) -> [String] {
    text.split(separator: separator, omittingEmptySubsequences: false).map { String($0) }
  }
}

/// A topic or a pattern in the engine's own form.
struct CanonicalName: Hashable, Sendable {
  /// Levels joined by dots.
  var bytes: [UInt8]
  /// Whether `*` and a last `>` are wildcards; else they would be ordinary levels.
  var isPattern = false
  /// Whether the last level is a `>` that stands for the rest.
  var endsOpen = false

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// As text.
  var text: String { String(decoding: self.bytes, as: UTF8.self) }
}
