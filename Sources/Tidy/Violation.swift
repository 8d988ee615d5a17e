/// One broken rule at one place.
struct Violation: Hashable, Comparable {
  var path: String
  /// Counted from 1; 0 speaks of the whole file.
  var line: Int
  var rule: String
  var message: String

  static func < (left: Self, right: Self) -> Bool {
    (left.path, left.line, left.rule, left.message)
      < (right.path, right.line, right.rule, right.message)
  }
}

extension Violation: CustomStringConvertible {
  var description: String {
    line == 0 ? "\(path): \(rule): \(message)" : "\(path):\(line): \(rule): \(message)"
  }
}
