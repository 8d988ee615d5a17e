/// A tracked text file with the readings of it that rules ask for.
struct SourceFile {
  enum Kind { case swift, c, python, shell, markdown, other }

  /// Relative to the repository's root, with `/` between the parts.
  let path: String
  let lines: [String]
  /// Empty unless the file is Swift.
  let swiftLines: [SwiftLine]

  init(path: String, text: String) {
    self.path = path
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    self.lines = lines
    self.swiftLines = path.hasSuffix(".swift") ? SwiftLexer.lines(of: text) : []
  }

  var kind: Kind {
    if path.hasSuffix(".swift") { return .swift }
    if path.hasSuffix(".c") || path.hasSuffix(".h") { return .c }
    if path.hasSuffix(".py") { return .python }
    if path.hasSuffix(".md") { return .markdown }
    if path.hasSuffix(".sh") || lines.first?.hasPrefix("#!") == true { return .shell }
    return .other
  }

  var name: String { String(path.split(separator: "/").last ?? "") }

  var isGenerated: Bool { name.contains(".generated.") }

  /// Code that ships or holds the house together, as against code that only tests it.
  var isTest: Bool {
    let parts = path.split(separator: "/")
    return parts.first == "Tests" || parts.first == "Interop"
      || (parts.first == "Protocols" && parts.count > 2 && parts[2] == "Tests")
  }

  func violation(_ rule: String, line: Int = 0, _ message: String) -> Violation {
    Violation(path: path, line: line, rule: rule, message: message)
  }
}
