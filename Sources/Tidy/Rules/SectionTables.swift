import Foundation

/// A protocol's README says for each section of its specification which test covers it, its
/// `conformance.md` for each case of public suites, the threat model for each threat, and those
/// tests exist.
///
/// A table counts when its last column is headed "Tests", "Tested by" or "Where tested". Each row
/// names at least one test in backquotes there: a Swift or Python test function, a suite, or a test
/// file. Rows that say "to come" or "not applicable" need none.
struct SectionTables: Rule {
  let name = "section-table"
  /// Pages of a protocol.
  static let pages: Set<String> = ["README.md", "conformance.md"]
  static let threatModel = "docs/threat-model.md"

  func violations(in repository: Repository) -> [Violation] {
    let known = Self.testNames(in: repository)
    return repository.files
      .filter {
        ($0.path.hasPrefix("Protocols/") && Self.pages.contains($0.name))
          || $0.path == Self.threatModel
      }
      .flatMap { complaints(about: $0, known: known) }
  }

  private func complaints(about file: SourceFile, known: Set<String>) -> [Violation] {
    var isTable = false
    var sawTable = false
    var found: [Violation] = []
    for (index, line) in file.lines.enumerated() {
      let cells = Self.cells(of: line)
      guard !cells.isEmpty else {
        isTable = false
        continue
      }
      guard isTable else {
        isTable = Self.isTestsHeading(cells.last ?? "")
        sawTable = sawTable || isTable
        continue
      }
      guard !cells.allSatisfy({ $0.allSatisfy { "-: ".contains($0) } }),
        let problem = problem(with: cells, known: known)
      else { continue }
      found.append(file.violation(name, line: index + 1, problem))
    }
    if !sawTable {
      found.append(file.violation(name, "no table with a column that says where it is tested"))
    }
    return found
  }

  private func problem(with cells: [String], known: Set<String>) -> String? {
    let names = Self.quoted(in: cells.last ?? "")
    if let missing = names.first(where: { !known.contains(Self.testName($0)) }) {
      return "no test is called `\(missing)`"
    }
    let excused = cells.contains { cell in
      ["to come", "not applicable"].contains { cell.lowercased().contains($0) }
    }
    return names.isEmpty && !excused ? "the row names no test" : nil
  }

  static func isTestsHeading(_ heading: String) -> Bool {
    let heading = heading.lowercased()
    return heading.hasPrefix("test") || heading == "where tested" || heading == "where"
  }

  static func cells(of line: String) -> [String] {
    let line = line.drop(while: \.isWhitespace)
    guard line.hasPrefix("|") else { return [] }
    // `\|` is a bar inside a cell.
    let parts = line.replacing("\\|", with: "\u{0}").dropFirst().split(
      separator: "|", omittingEmptySubsequences: false)
    let cells = line.last == "|" ? parts.dropLast() : parts[...]
    return cells.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  static func quoted(in cell: String) -> [String] {
    cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 && !$0.element.isEmpty }.map { String($0.element) }
  }

  /// `Suite.test()`, `Suite/test`, `folder/test_file.py::test_it` → the last name, bare.
  static func testName(_ reference: String) -> String {
    let bare = reference.prefix { $0 != "(" }.replacing("::", with: "/")
    let last = bare.split(separator: "/").last.map(String.init) ?? ""
    for ending in [".swift", ".py"] where last.hasSuffix(ending) {
      return String(last.dropLast(ending.count))
    }
    return last.split(separator: ".").last.map(String.init) ?? ""
  }

  /// Names of test functions, suites and files.
  static func testNames(in repository: Repository) -> Set<String> {
    var names: Set<String> = []
    for file in repository.files where file.isTest {
      guard file.kind == .swift || file.kind == .python else { continue }
      names.insert(testName(file.name))
      let lines = file.kind == .swift ? file.swiftLines.map(\.code) : file.lines
      for line in lines {
        let words = SwiftToken.all(in: [SwiftLine(code: line, comment: "")]).map(\.text)
        for (word, next) in zip(words, words.dropFirst())
        where ["func", "struct", "class", "enum", "def"].contains(word) {
          names.insert(next.replacing("`", with: ""))
        }
      }
    }
    return names
  }
}
