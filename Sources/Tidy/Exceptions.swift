import Foundation

/// The rules' counted exceptions, each with its reason (`exceptions.json` beside this file).
struct Exceptions: Decodable {
  struct Entry: Decodable {
    var rule: String
    var path: String
    /// How many violations of the rule the file holds, exactly.
    var count: Int
    var reason: String
  }

  static let path = "Sources/Tidy/exceptions.json"

  var entries: [Entry]

  init(entries: [Entry]) {
    self.entries = entries
  }

  init(from decoder: any Decoder) throws {
    entries = try decoder.singleValueContainer().decode([Entry].self)
  }

  /// What remains: violations without an exception, all those of a file that has more of them than
  /// its number, and exceptions that allow more than there is.
  func settle(_ violations: [Violation]) -> [Violation] {
    var remaining = violations
    for entry in entries {
      let covered = remaining.filter { $0.rule == entry.rule && $0.path == entry.path }
      if covered.count <= entry.count {
        remaining.removeAll { $0.rule == entry.rule && $0.path == entry.path }
      }
      if covered.count != entry.count {
        remaining.append(
          complaint("\(entry.path) has \(covered.count) × \(entry.rule), not \(entry.count)"))
      }
      if entry.reason.isEmpty {
        remaining.append(complaint("\(entry.path), \(entry.rule): the exception has no reason"))
      }
    }
    return remaining.sorted()
  }

  private func complaint(_ message: String) -> Violation {
    Violation(path: Self.path, line: 0, rule: "exceptions", message: message)
  }
}
