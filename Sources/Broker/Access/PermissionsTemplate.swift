import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives

/// A pattern of the settings, in which `%c` and `%u` still stand for client id and user name.
struct PatternTemplate {
  private let fixed: TopicPattern?
  private let text: [UInt8]
  private let openTail: TopicPattern.Tail
  /// The queue group that follows the pattern after a blank.
  let group: TopicPattern?

  /// Reads `sensors.>`, `mqtt:sensors/#`, or `work.> workers`.
  init(_ said: String, path: String, spelling: [any FrontEnd]) throws(SettingsError) {
    var text = said
    var group: TopicPattern?
    if let blank = said.firstIndex(of: " ") {
      text = String(said[..<blank])
      let name = said[said.index(after: blank)...].trimmingBlanks
      group = TopicPattern(canonical: Array(name.utf8), reserved: .nothing)
    }
    let colon = text.firstIndex(of: ":")
    let named = colon.flatMap { colon in
      spelling.first { type(of: $0).name == text[..<colon] }
    }
    let frontEnd = named ?? spelling.first
    if named != nil, let colon { text = String(text[text.index(after: colon)...]) }
    guard let frontEnd else { throw SettingsError(path, "there is no protocol to spell `\(said)`") }
    switch frontEnd.pattern(text) {
    case .success(let pattern):
      self.text = pattern.bytes
      self.openTail = pattern.tail == .zeroOrMore ? .zeroOrMore : .oneOrMore
      self.group = group
      let hasPlaceholder = text.contains("%c") || text.contains("%u")
      self.fixed =
        hasPlaceholder
        ? nil
        : TopicPattern(canonical: pattern.bytes, openTail: self.openTail, reserved: .nothing)
    case .failure(let error):
      throw SettingsError(path, "`\(said)`: \(error.reason)")
    }
  }

  /// Everything that the pattern may stand for, whoever comes: from the first level with a
  /// placeholder on, anything.
  var widened: TopicPattern {
    if let fixed { return fixed }
    var levels: [ArraySlice<UInt8>] = []
    for level in self.text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      let hasPlaceholder = zip(level, level.dropFirst()).contains { first, second in
        first == UInt8(ascii: "%") && (second == UInt8(ascii: "c") || second == UInt8(ascii: "u"))
      }
      levels.append(hasPlaceholder ? [UInt8(ascii: ">")] : level)
      if hasPlaceholder { break }
    }
    return TopicPattern(
      canonical: Array(levels.joined(separator: [UInt8(ascii: ".")])), openTail: .zeroOrMore,
      reserved: .nothing)
  }

  /// The pattern for one client; `nil` when its name or id would turn into levels or wildcards.
  func pattern(name: String, clientID: String) -> TopicPattern? {
    if let fixed { return fixed }
    var bytes: [UInt8] = []
    var index = 0
    while index < self.text.count {
      let next = index + 1 < self.text.count ? self.text[index + 1] : 0
      if self.text[index] == UInt8(ascii: "%"),
        next == UInt8(ascii: "c") || next == UInt8(ascii: "u")
      {
        let value = Array((next == UInt8(ascii: "c") ? clientID : name).utf8)
        guard Self.isOneLevel(value) else { return nil }
        bytes += value
        index += 2
      } else {
        bytes.append(self.text[index])
        index += 1
      }
    }
    return TopicPattern(canonical: bytes, openTail: self.openTail, reserved: .nothing)
  }

  private static func isOneLevel(_ bytes: [UInt8]) -> Bool {
    !bytes.isEmpty
      && !bytes.contains { byte in
        byte <= 0x20 || byte == 0x7F || ".*>/+#%".utf8.contains(byte)
      }
  }
}

/// A user's permissions before it is known under which client id it comes.
struct PermissionsTemplate {
  private struct Side {
    var allow: [PatternTemplate]?
    var deny: [PatternTemplate] = []
  }

  private var publish = Side()
  private var subscribe = Side()
  private var responses: Permissions.Responses?

  /// Everything is allowed.
  init() {}

  init(_ values: SettingsValues, spelling: [any FrontEnd]) throws(SettingsError) {
    self.publish = try Self.side(values, "publish", spelling)
    let published = (self.publish.allow ?? []) + self.publish.deny
    guard published.allSatisfy({ $0.group == nil }) else {
      throw SettingsError("\(values.path).publish", "a queue group makes sense to subscribe only")
    }
    self.subscribe = try Self.side(values, "subscribe", spelling)
    if values.bool("allow_responses") {
      self.responses = Permissions.Responses(
        messagesMax: values.int("responses_max"),
        lifetime: Int64(values.double("responses_expire_seconds") * 1_000_000_000))
      // As nats-server: who may answer, and is allowed nothing in particular, may only answer.
      if self.publish.allow == nil { self.publish.allow = [] }
    }
  }

  private static func side(
    _ values: SettingsValues, _ key: String, _ spelling: [any FrontEnd]
  ) throws(SettingsError) -> Side {
    guard values.has(key) else { return Side() }
    let map = values.map(key)
    var side = Side()
    if map.has("allow") {
      var allow: [PatternTemplate] = []
      for text in map.texts("allow") {
        allow.append(try PatternTemplate(text, path: "\(map.path).allow", spelling: spelling))
      }
      side.allow = allow
    }
    for text in map.texts("deny") {
      side.deny.append(try PatternTemplate(text, path: "\(map.path).deny", spelling: spelling))
    }
    return side
  }

  /// The permissions of one client, with the rules that concern it.
  func permissions(name: String, clientID: String, rules: [AccessRules.Rule]) -> Permissions {
    // What cannot be filled in allows nothing, and denies all that it might mean.
    func pattern(_ template: PatternTemplate, denies: Bool) -> TopicPattern? {
      template.pattern(name: name, clientID: clientID) ?? (denies ? template.widened : nil)
    }
    func patterns(_ templates: [PatternTemplate], denies: Bool) -> [TopicPattern] {
      templates.filter { $0.group == nil }.compactMap { pattern($0, denies: denies) }
    }
    func groups(_ templates: [PatternTemplate], denies: Bool) -> [Permissions.GroupRule] {
      templates.compactMap { template in
        guard let group = template.group, let pattern = pattern(template, denies: denies) else {
          return nil
        }
        return Permissions.GroupRule(pattern: pattern, group: group)
      }
    }
    func allowed(_ side: Side, _ concerned: [AccessRules.Rule]) -> [PatternTemplate]? {
      let more = concerned.filter(\.allows).flatMap(\.topics)
      return side.allow.map { $0 + more } ?? (more.isEmpty ? nil : more)
    }
    func denied(_ side: Side, _ concerned: [AccessRules.Rule]) -> [PatternTemplate] {
      side.deny + concerned.filter { !$0.allows }.flatMap(\.topics)
    }
    func rule(_ side: Side, _ concerned: [AccessRules.Rule]) -> Permissions.Rule {
      let allow = allowed(side, concerned)
      var rule = Permissions.Rule(
        allow: patterns(allow ?? [], denies: false),
        deny: patterns(denied(side, concerned), denies: true))
      // A list that was said, and has nothing to offer this client, allows nothing.
      rule.denyAll = allow != nil && rule.allow.isEmpty
      return rule
    }
    let subscribing = rules.filter(\.subscribes)
    var subscribe = rule(self.subscribe, subscribing)
    let inGroup = groups(allowed(self.subscribe, subscribing) ?? [], denies: false)
    if !inGroup.isEmpty { subscribe.denyAll = false }
    return Permissions(
      publish: rule(self.publish, rules.filter(\.publishes)), subscribe: subscribe,
      subscribeInGroup: inGroup,
      denyInGroup: groups(denied(self.subscribe, subscribing), denies: true),
      responses: self.responses)
  }
}
