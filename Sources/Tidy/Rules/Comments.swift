/// Whoever switches off a check of the compiler writes down why that is right.
struct UnprovenSendability: Rule {
  let name = "unproven-sendability"

  func violations(in repository: Repository) -> [Violation] {
    repository.swiftFiles.flatMap { file in
      file.swiftLines.indices.compactMap { index in
        let code = file.swiftLines[index].code
        guard code.contains("@unchecked Sendable") || code.contains("nonisolated(unsafe)"),
          !hasComment(above: index, in: file.swiftLines)
        else { return nil }
        return file.violation(name, line: index + 1, "say in a comment above why this is safe")
      }
    }
  }

  /// A comment above, past attributes and the declaration's own first lines.
  private func hasComment(above index: Int, in lines: [SwiftLine]) -> Bool {
    for line in lines[..<index].reversed().prefix(4) {
      if !line.comment.isEmpty { return true }
      let code = line.code.drop(while: \.isWhitespace)
      guard !code.isEmpty, !code.hasPrefix("}"), !code.hasSuffix("{") else { return false }
    }
    return false
  }
}

/// What is left for later has an issue, and the comment its number: `TODO(#12)`.
struct UnownedNotes: Rule {
  let name = "unowned-note"
  private static let words = ["TODO", "FIXME", "XXX", "HACK"]

  func violations(in repository: Repository) -> [Violation] {
    repository.files.filter { $0.kind != .other && $0.kind != .markdown }.flatMap { file in
      file.lines.indices.compactMap { index in
        let text = file.kind == .swift ? file.swiftLines[index].comment : file.lines[index]
        let stray = Self.words.contains { word in
          wordRanges(of: word, in: text).contains { range in
            !text[range.upperBound...].drop(while: { " (".contains($0) }).hasPrefix("#")
              && (range.upperBound == text.endIndex || !isIdentifier(text[range.upperBound]))
          }
        }
        guard stray else { return nil }
        return file.violation(name, line: index + 1, "give the number of an issue, or do it now")
      }
    }
  }
}

/// Names of files that say nothing about what is in them.
struct VagueNames: Rule {
  let name = "vague-name"
  private static let words = ["Util", "Utils", "Utilities", "Helper", "Helpers", "Misc", "Manager"]

  func violations(in repository: Repository) -> [Violation] {
    repository.swiftFiles.compactMap { file in
      let stem = file.name.prefix { $0 != "." }
      guard Self.words.contains(where: { stem == $0 || stem.hasSuffix($0) }) else { return nil }
      return file.violation(name, "name it after what it does")
    }
  }
}
