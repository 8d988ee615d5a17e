import ArgumentParser
import GodwitWire

/// `godwit audit`: what was changed through a broker's admin server.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Show what was changed through the admin server: who, when, what.")

  @Option(name: [.short, .long], help: ArgumentHelp("The last so many.", valueName: "n"))
  var count = 50

  @Flag(help: "As JSON, one object a line.")
  var json = false

  @OptionGroup(title: "Admin server")
  var admin: AdminOptions

  func validate() throws {
    guard (1...10_000).contains(self.count) else {
      throw ValidationError("--count is 1 to 10,000")
    }
  }

  func run() async throws {
    let client = try self.admin.client()
    var rows: [JSONValue] = []
    var before: Int64?
    repeat {
      let path = self.admin.path(
        [],
        [
          ("limit", String(min(1_000, self.count - rows.count))),
          ("before", before.map { String($0) }),
        ], root: "/api/audit")
      let page = try await client.ask("GET", path)
      rows += page["entries"]?.elements ?? []
      before = page["next"]?.integer
    } while before != nil && rows.count < self.count
    for row in rows.reversed() {
      if self.json { StreamReport.write(row) } else { StreamReport.write([Self.line(of: row)]) }
    }
  }

  /// One entry: when, who, what, and what came of it.
  static func line(of entry: JSONValue) -> String {
    let who = entry["who"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? "-"
    let query = (entry["query"]?.members ?? [])
      .map { "\($0.name)=\($0.value.string ?? "")" }.joined(separator: " ")
    let result = (entry["result"]?.members ?? []).filter { Self.shown.contains($0.name) }
      .compactMap { member -> String? in
        switch member.value {
        case .string(let text): "\(member.name)=\(text)"
        case .integer(let number): "\(member.name)=\(number)"
        case .bool(let flag): "\(member.name)=\(flag)"
        default: nil
        }
      }.joined(separator: " ")
    let parts = [
      StreamReport.time(entry["at"]), who, entry["from"]?.string ?? "-",
      entry["action"]?.string ?? "-", query, entry["status"].map { StreamReport.number($0) } ?? "",
      result,
    ]
    return StreamReport.text(.string(parts.filter { !$0.isEmpty }.joined(separator: "  ")))
  }

  private static let shown: Set<String> = [
    "error", "created", "deleted", "purged", "topic", "receivers", "id", "state", "stream", "sent",
    "failed", "removed", "dry_run",
  ]
}
