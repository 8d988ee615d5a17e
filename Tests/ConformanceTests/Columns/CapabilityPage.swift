import Foundation
import Godwit
import GodwitConformance
import Synchronization
import Testing

/// `docs/capabilities.md`: every run is held against it, or writes it when `GODWIT_CAPABILITIES` is
/// `write`. Columns of servers that are not there stay as they are.
final class CapabilityPage: Sendable {
  static let shared = CapabilityPage()

  private let matrix: Mutex<CapabilityMatrix>
  private let isWritten = ProcessInfo.processInfo.environment["GODWIT_CAPABILITIES"] == "write"

  private static var file: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "docs/capabilities.md")
  }

  private static var page: String {
    (try? String(contentsOf: Self.file, encoding: .utf8)) ?? ""
  }

  private init() {
    self.matrix = Mutex(CapabilityMatrix(page: Self.page))
  }

  /// What became of a scenario is what the page says, and so is what the driver declares.
  func hold(
    _ verdict: Conformance.Verdict, of scenario: Scenario, declared: Capabilities,
    in column: String
  ) throws {
    try self.matrix.withLock { matrix in
      var noted = matrix
      noted.note(verdict, of: scenario, in: column)
      noted.note(declared, in: column)
      guard self.isWritten else {
        #expect(
          noted == matrix, "docs/capabilities.md says otherwise; `make capabilities` writes it")
        return
      }
      matrix = noted
      try Self.text(of: matrix).write(to: Self.file, atomically: true, encoding: .utf8)
    }
  }

  /// The page is one that this wrote: no row and no column that is gone, nothing by hand.
  func isOwn() -> Bool {
    self.isWritten || Self.page == Self.text(of: CapabilityMatrix(page: Self.page))
  }

  private static func text(of matrix: CapabilityMatrix) -> String {
    matrix.page(
      title: "What each driver can do",
      introduction: """
        Written by the conformance suite (`make capabilities`), and held against every run of it:
        `make test` fails where a driver declares or does something else than this page says. A dash
        is a scenario that does not apply, and why.
        """,
      columns: matrix.columns.sorted(by: Self.isBefore))
  }

  /// The embedded engine, then protocol by protocol, our broker first, then by version.
  private static func isBefore(_ left: String, _ right: String) -> Bool {
    let rank = { (column: String) in
      let kind = ["embedded", "NATS", "MQTT"].firstIndex { column.hasPrefix($0) } ?? 3
      return (kind, column.hasSuffix("godwit") ? 0 : 1)
    }
    if rank(left) != rank(right) { return rank(left) < rank(right) }
    return left.compare(right, options: .numeric) == .orderedAscending
  }
}

@Suite struct CapabilityPageTests {
  @Test func thePageIsWrittenByTheSuite() {
    #expect(CapabilityPage.shared.isOwn(), "`make capabilities` writes docs/capabilities.md")
  }

  @Test func aMatrixReadsWhatItWrote() throws {
    let scenario = try #require(Conformance.scenarios.first)
    let other = try #require(Conformance.scenarios.last)
    var matrix = CapabilityMatrix()
    matrix.note(.passed, of: scenario, in: "a")
    matrix.note(.notApplicable("no reason"), of: other, in: "b")
    matrix.note(Capabilities(guarantee: .atLeastOnce), in: "b")
    let page = matrix.page(title: "t", introduction: "i", columns: ["a", "b"])
    #expect(CapabilityMatrix(page: page) == matrix)
    #expect(matrix[scenario.name, "a"] == "yes")
    #expect(matrix[scenario.name, "b"] == nil)
    #expect(matrix[other.name, "b"] == "– (no reason)")
    #expect(page.contains("| \(scenario.name) | yes | not run |"))
  }
}
