/// Samples of the documentation are excerpts of sources that are built: every Swift block of a
/// catalogue's page stands in an example or a test, whatever its indentation there.
struct CompiledSamples: Rule {
  let name = "compiled-sample"

  func violations(in repository: Repository) -> [Violation] {
    let sources = repository.swiftFiles
      .filter { $0.isTest || $0.path.hasPrefix("Examples/") }
      .map { Self.code($0.lines) }
    return repository.files
      .filter { $0.kind == .markdown && $0.path.contains(".docc/") }
      .flatMap { page in
        Self.samples(of: page).filter { _, sample in !sources.contains { $0.contains(sample) } }
          .map { page.violation(name, line: $0.line, "no example or test has this sample") }
      }
  }

  /// The Swift blocks of a page, with the lines that they begin at.
  private static func samples(of page: SourceFile) -> [(line: Int, code: String)] {
    var found: [(line: Int, code: String)] = []
    var start: Int?
    for (index, line) in page.lines.enumerated() {
      if let first = start, line == "```" {
        found.append((first, self.code(page.lines[first..<index])))
        start = nil
      } else if line == "```swift" {
        start = index + 1
      }
    }
    return found
  }

  /// Lines without indentation, so that an excerpt of a function is found in it.
  private static func code(_ lines: some Sequence<String>) -> String {
    lines.map { line in "\n" + line.drop { $0 == " " } }.joined() + "\n"
  }
}
