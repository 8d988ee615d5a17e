/// Nothing is left of a merge that somebody had to finish by hand.
struct ConflictMarkers: Rule {
  let name = "conflict-marker"

  /// At the beginning of a line, seven times, and nothing or a blank behind them. The third kind,
  /// equals signs, also underlines headings.
  private static let signs: [Character] = ["<", ">", "|"]

  func violations(in repository: Repository) -> [Violation] {
    repository.files.flatMap { file in
      file.lines.enumerated().compactMap { index, line in
        Self.isMarker(line)
          ? file.violation(name, line: index + 1, "what a merge has left: settle it") : nil
      }
    }
  }

  static func isMarker(_ line: String) -> Bool {
    signs.contains { sign in
      let run = line.prefix { $0 == sign }
      return run.count == 7 && (run.endIndex == line.endIndex || line[run.endIndex] == " ")
    }
  }
}
