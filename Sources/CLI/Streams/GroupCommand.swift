import ArgumentParser
import Foundation
import GodwitWire

/// `godwit group`: the groups of readers of a running broker, through its admin server.
struct GroupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "group",
    abstract: "Look at groups of readers: how far they are, and who is in them.",
    discussion: """
      Asks the broker's admin server. A group of the kind `stream` is a JetStream consumer;
      `classic`, `consumer` and others are Kafka's; `session` is what waits for one MQTT client.

        godwit group ls
        godwit group info billing
      """,
    subcommands: [List.self, Info.self])

  /// `godwit group ls`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "List the groups.", aliases: ["list"])

    @Argument(help: "Only groups whose name, or whose stream's name, has this in it.")
    var filter: String?

    @Option(help: ArgumentHelp("Only of this kind.", valueName: "kind"))
    var kind: String?

    @Flag(help: "As JSON.")
    var json = false

    @OptionGroup(title: "Admin server")
    var admin: AdminOptions

    func run() async throws {
      let client = try self.admin.client()
      var rows: [JSONValue] = []
      var matching = Int64.max
      while rows.count < matching {
        let path = self.admin.path(
          [],
          [
            ("limit", "1000"), ("offset", String(rows.count)), ("filter", self.filter),
            ("kind", self.kind),
          ], root: "/api/groups")
        let page = try await client.ask("GET", path)
        let found = page["groups"]?.elements ?? []
        matching = page["matching"]?.integer ?? 0
        rows += found
        if found.isEmpty { break }
      }
      if self.json { return StreamReport.write(.array(rows)) }
      guard !rows.isEmpty else { return Terminal.complain("no groups") }
      StreamReport.write(GroupReport.table(of: rows))
    }
  }

  /// `godwit group info`.
  struct Info: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a group, how far it is in each log, and its members.")

    @Argument(help: "The group.")
    var name: String

    @Option(help: ArgumentHelp("Its kind, where several have the name.", valueName: "kind"))
    var kind: String?

    @Option(help: ArgumentHelp("Its stream, where several have the name.", valueName: "name"))
    var stream: String?

    @Flag(help: "As JSON.")
    var json = false

    @OptionGroup(title: "Admin server")
    var admin: AdminOptions

    func run() async throws {
      let path = self.admin.path(
        [self.name], [("kind", self.kind), ("stream", self.stream)], root: "/api/groups")
      let facts = try await self.admin.client().ask("GET", path)
      if self.json { return StreamReport.write(facts) }
      StreamReport.write(GroupReport.lines(about: facts))
    }
  }
}

/// Groups as text.
enum GroupReport {
  /// A table with a line for each group.
  static func table(of groups: [JSONValue]) -> [String] {
    StreamReport.aligned(
      ["group", "kind", "lag", "in flight", "again", "oldest", "members", "state", "reads"],
      numbers: [2, 3, 4, 6],
      groups.map { group in
        [
          StreamReport.text(group["name"]), StreamReport.text(group["kind"]),
          StreamReport.number(group["lag"]), StreamReport.number(group["in_flight"]),
          StreamReport.number(group["redelivered"]), StreamReport.time(group["oldest_at"]),
          StreamReport.number(group["members"]), StreamReport.text(group["state"]),
          Self.list(group["streams"]),
        ]
      })
  }

  /// All about one group.
  static func lines(about group: JSONValue) -> [String] {
    var lines = [
      StreamReport.text(group["name"]),
      "  kind       \(StreamReport.text(group["kind"]))",
      "  state      \(StreamReport.text(group["state"]))",
      "  lag        \(StreamReport.number(group["lag"]))",
      "  in flight  \(StreamReport.number(group["in_flight"]))",
      "  oldest     \(StreamReport.time(group["oldest_at"]))",
      "",
    ]
    let positions = group["positions"]?.elements ?? []
    lines += StreamReport.aligned(
      ["log", "partition", "done before", "end", "lag", "in flight", "again", "oldest", "member"],
      numbers: [1, 2, 3, 4, 5, 6],
      positions.map { position in
        [
          StreamReport.text(position["stream"]), StreamReport.number(position["partition"]),
          StreamReport.number(position["done_before"]), StreamReport.number(position["end"]),
          StreamReport.number(position["lag"]), StreamReport.number(position["in_flight"]),
          StreamReport.number(position["redelivered"]), StreamReport.time(position["oldest_at"]),
          StreamReport.text(position["member"]),
        ]
      })
    let readers = group["readers"]?.elements ?? []
    guard !readers.isEmpty else { return lines }
    return lines + [""]
      + StreamReport.aligned(
        ["member", "client", "address"], numbers: [],
        readers.map { reader in
          ["id", "client", "address"].map { StreamReport.text(reader[$0]) }
        })
  }

  private static func list(_ names: JSONValue?) -> String {
    let names = names?.elements ?? []
    return names.isEmpty ? "-" : names.map { StreamReport.text($0) }.joined(separator: ", ")
  }
}
