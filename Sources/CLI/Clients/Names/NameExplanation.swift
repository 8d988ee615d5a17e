import GodwitFrontEndKit
import GodwitWire

/// How one name looks in every protocol.
struct NameExplanation: Hashable, Sendable {
  /// How one protocol says it.
  struct Row: Hashable, Sendable {
    /// The protocol's name.
    var name: String
    /// As it is shown.
    var title: String
    /// The protocol's word for it, or why there is none.
    var spelling: Result<String, NameError>
    /// The protocol's wildcards.
    var wildcards: WildcardSyntax?
  }

  /// What was asked.
  var input: String
  /// The protocol it was read in.
  var source: Row
  /// Whether the protocol was found by the look of the name.
  var isDetected: Bool
  /// What stands before the topic proper, in the protocol it was read in.
  var prefix: NamePrefix?
  /// The engine's form.
  var canonical: CanonicalName
  /// Every protocol's.
  var rows: [Row]

  /// Explains a name.
  ///
  /// - Parameters:
  ///   - input: a name or a pattern in the words of one protocol.
  ///   - name: that protocol's name; `nil` to find it by the look of the name.
  ///   - speakers: the protocols.
  /// - Throws: `ClientError` when there is no such protocol, or the name is none of its.
  init(_ input: String, from name: String?, speakers: [NameSpeaker]) throws(ClientError) {
    let source: NameSpeaker
    if let name {
      guard let named = speakers.first(where: { $0.name == name.lowercased() }) else {
        let names = speakers.map(\.name).joined(separator: ", ")
        throw ClientError("`\(name)` is no protocol of names; there are \(names)")
      }
      source = named
    } else {
      source = try Self.detect(input, speakers)
    }
    self.prefix = source.prefix(input)
    switch source.read(String(input.dropFirst(self.prefix?.text.count ?? 0))) {
    case .success(let canonical): self.canonical = canonical
    case .failure(let error):
      throw ClientError("`\(input)` is no name in \(source.title): \(error.reason)")
    }
    self.input = input
    self.isDetected = name == nil
    let canonical = self.canonical
    self.rows = speakers.map {
      Row(
        name: $0.name, title: $0.title, spelling: $0.spell(canonical), wildcards: $0.wildcards)
    }
    self.source = Row(
      name: source.name, title: source.title, spelling: .success(input),
      wildcards: source.wildcards)
  }

  /// The protocol that a name looks like: one that does not separate levels by dots before one that
  /// does, because dots stand in ordinary names more often.
  private static func detect(
    _ input: String, _ speakers: [NameSpeaker]
  ) throws(ClientError) -> NameSpeaker {
    let special = speakers.filter { $0.wildcards?.separator != "." }
    let plain = speakers.filter { $0.wildcards?.separator == "." }
    let candidates = special.filter { $0.recognizes(input) } + plain + special
    for candidate in candidates {
      if case .success = candidate.read(input) { return candidate }
    }
    guard let best = candidates.first, case .failure(let error) = best.read(input) else {
      throw ClientError("`\(input)` is no name in any protocol")
    }
    throw ClientError("`\(input)` is no name in any protocol; in \(best.title): \(error.reason)")
  }

  /// What differs between the protocols' wildcards in this pattern.
  var notes: [String] {
    let meaning = self.prefix.map { "`\($0.text)` is no part of the topic: \($0.meaning)." }
    return [meaning].compactMap(\.self) + self.wildcardNotes
  }

  private var wildcardNotes: [String] {
    guard self.canonical.endsOpen, let own = self.source.wildcards else { return [] }
    let others = self.rows.filter { row in
      guard let wildcards = row.wildcards else { return false }
      return wildcards.restIncludesParent != own.restIncludesParent
    }
    return others.compactMap { row in
      guard let theirs = row.wildcards, case .success(let spelling) = row.spelling,
        let parent = self.parent(in: row.name, theirs)
      else { return nil }
      return own.restIncludesParent
        ? "\(self.source.title)'s \(own.rest) matches the parent too; in \(row.title), "
          + "`\(spelling)` does not match `\(parent)`."
        : "\(self.source.title)'s \(own.rest) stands for one level or more; in \(row.title), "
          + "`\(spelling)` matches `\(parent)` too."
    }
  }

  private func parent(in name: String, _ wildcards: WildcardSyntax) -> String? {
    guard let row = self.rows.first(where: { $0.name == name }),
      case .success(let spelling) = row.spelling,
      let cut = spelling.lastIndex(of: wildcards.separator)
    else { return nil }
    return String(spelling[..<cut])
  }
}

extension NameExplanation {
  /// The explanation for people.
  func lines(_ style: TextStyle) -> [String] {
    let kind = self.canonical.isPattern ? "pattern" : "name"
    let how = self.isDetected ? ", by the look of it (--from chooses)" : ""
    var lines = [
      "\(style(.strong, self.input)) is a \(kind) in \(self.source.title)\(how)", "",
    ]
    let width = max(9, self.rows.map(\.title.count).max() ?? 0)
    lines.append("  \(Figures.column("canonical", width))  \(self.canonical.text)")
    for row in self.rows {
      let title = Figures.column(row.title, width)
      switch row.spelling {
      case .success(let spelling): lines.append("  \(title)  \(style(.topic, spelling))")
      case .failure(let error):
        lines.append("  \(title)  \(style(.bad, error.reason))")
      }
    }
    guard self.canonical.isPattern else {
      return lines + self.notes.flatMap { ["", "  \($0)"] }
    }
    lines.append("")
    let levels = self.rows.compactMap { row in
      row.wildcards.map { "\(row.title) \($0.oneLevel)" }
    }
    lines.append("  one level  \(levels.joined(separator: "   "))")
    let rests = self.rows.compactMap { row in
      row.wildcards.map {
        "\(row.title) \($0.rest) \($0.restIncludesParent ? "(none or more)" : "(one or more)")"
      }
    }
    lines.append("  the rest   \(rests.joined(separator: "   "))")
    lines += self.notes.flatMap { ["", "  \($0)"] }
    return lines
  }

  /// The explanation for machines.
  var json: [UInt8] {
    var writer = JSONWriter()
    writer.object {
      $0.member("name", self.input)
      $0.member("from", self.source.name)
      $0.member("detected", self.isDetected)
      $0.member("pattern", self.canonical.isPattern)
      $0.member("canonical", self.canonical.text)
      $0.object("protocols") { protocols in
        for row in self.rows {
          protocols.object(row.name) {
            switch row.spelling {
            case .success(let spelling): $0.member("name", spelling)
            case .failure(let error): $0.member("cannot_say", error.reason)
            }
          }
        }
      }
      $0.member("notes", self.notes)
    }
    return writer.bytes + [UInt8(ascii: "\n")]
  }
}
