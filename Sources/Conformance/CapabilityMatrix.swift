public import Godwit

/// What drivers declare and what the suite has shown of them, as a page of Markdown with a column
/// for each driver and server. It reads what it has written.
///
/// ```swift
/// var matrix = CapabilityMatrix(page: page)
/// matrix.note(verdict, of: scenario, in: "NATS at nats-server 2.9")
/// ```
public struct CapabilityMatrix: Hashable, Sendable {
  /// The columns that there is something in.
  public private(set) var columns: Set<String> = []

  private var cells: [String: [String: String]] = [:]

  private static let passed = "yes"
  private static let unknown = "not run"

  /// A matrix without columns.
  public init() {}

  /// The matrix of a page that `page(title:introduction:)` has written.
  public init(page: String) {
    var columns: [String] = []
    for line in page.split(separator: "\n") {
      guard line.hasPrefix("| ") else { continue }
      let words = line.dropFirst(2).dropLast(2).split(
        separator: " | ", omittingEmptySubsequences: false
      )
      .map(String.init)
      guard let row = words.first else { continue }
      if Self.headings.contains(row) {
        columns = Array(words.dropFirst())
        self.columns.formUnion(columns)
      } else {
        for (column, cell) in zip(columns, words.dropFirst()) where cell != Self.unknown {
          self.cells[row, default: [:]][column] = cell
        }
      }
    }
  }

  /// What stands in a row of a column, if anything.
  public subscript(row: String, column: String) -> String? { self.cells[row]?[column] }

  /// Writes down what became of a scenario.
  public mutating func note(
    _ verdict: Conformance.Verdict, of scenario: Scenario, in column: String
  ) {
    self.set(scenario.name, column, Self.cell(verdict))
  }

  /// Writes down what a driver declares.
  public mutating func note(_ capabilities: Capabilities, in column: String) {
    for row in Self.declared(capabilities) { self.set(row.name, column, row.value) }
  }

  private mutating func set(_ row: String, _ column: String, _ cell: String) {
    self.columns.insert(column)
    self.cells[row, default: [:]][column] = cell
  }

  /// The page: what is declared, then what was shown, with the columns in this order.
  public func page(title: String, introduction: String, columns: [String]) -> String {
    let declared = Self.declared(Capabilities(guarantee: .atMostOnce)).map(\.name)
    return """
      # \(title)

      \(introduction)

      ## Declared

      \(self.table(Self.headings[0], declared, columns))

      ## Shown

      \(self.table(Self.headings[1], Conformance.scenarios.map(\.name), columns))

      """
  }

  private static let headings = ["capability", "scenario"]

  private func table(_ heading: String, _ rows: [String], _ columns: [String]) -> String {
    let lines =
      [[heading] + columns]
      + rows.map { row in [row] + columns.map { self[row, $0] ?? Self.unknown } }
    var text = lines.map { "| \($0.joined(separator: " | ")) |" }
    text.insert("|" + String(repeating: "---|", count: columns.count + 1), at: 1)
    return text.joined(separator: "\n")
  }

  private static func cell(_ verdict: Conformance.Verdict) -> String {
    switch verdict {
    case .passed: self.passed
    case .notApplicable(let reason): "– (\(reason))"
    }
  }

  private static func declared(_ capabilities: Capabilities) -> [(name: String, value: String)] {
    let word = { (isSo: Bool) in isSo ? "yes" : "no" }
    let guarantee = capabilities.guarantee == .atLeastOnce ? "at least once" : "at most once"
    let binding = capabilities.cloudEvents
    let form = binding.isPercentEncoded ? "percent-encoded" : "as text"
    return [
      ("a message is handed out", guarantee),
      ("publishes are confirmed by the broker", word(capabilities.confirmsPublishes)),
      ("the broker hands out again after a delay, with a count", word(capabilities.redelivers)),
      ("groups", word(capabilities.hasGroups)),
      ("patterns", word(capabilities.hasPatterns)),
      ("headers travel natively", word(capabilities.hasHeaders)),
      ("messages outlive a restart of the broker", word(capabilities.isDurable)),
      ("a request to nobody fails at once", word(capabilities.reportsNoResponders)),
      (
        "attributes of CloudEvents in binary mode",
        "`\(binding.attributePrefix)id`, \(form)"
      ),
      (
        "the largest body",
        capabilities.bodyBytesMax.map { "\($0) bytes" } ?? "the server's limit"
      ),
    ]
  }
}
