import ArgumentParser
import Foundation
import GodwitWire

/// `godwit stream`: the streams of a running broker, through its admin server.
struct StreamCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stream",
    abstract: "Make streams in a broker, look at them, read them, empty and delete them.",
    discussion: """
      Asks the broker's admin server. Offsets begin at 0: JetStream's sequence 1 is offset 0. Topics
      with partitions, such as Kafka's, are here as well.

        godwit stream create ORDERS 'orders.>' --max-age 7d
        godwit stream tail ORDERS
        godwit stream ls
        godwit stream info ORDERS
        godwit stream purge ORDERS --topic 'orders.old.>' --yes
      """,
    subcommands: [
      StreamCreateCommand.self, List.self, Info.self, StreamReadCommand.self,
      StreamTailCommand.self, Purge.self, Remove.self, ResendCommand.self, ResendsCommand.self,
    ])

  /// `godwit stream ls`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "List the streams.", aliases: ["list"])

    @Argument(help: "Only streams whose name or topics have this in them.")
    var filter: String?

    @Flag(help: "As JSON.")
    var json = false

    @OptionGroup(title: "Admin server")
    var admin: AdminOptions

    private static let page = 1_000

    func run() async throws {
      let client = try self.admin.client()
      var rows: [JSONValue] = []
      while true {
        let path = self.admin.path(
          [],
          [
            ("limit", String(Self.page)), ("offset", String(rows.count)), ("filter", self.filter),
          ])
        let page = try await client.ask("GET", path)["streams"]?.elements ?? []
        rows += page
        if page.count < Self.page { break }
      }
      if self.json { return StreamReport.write(.array(rows)) }
      guard !rows.isEmpty else { return Terminal.complain("no streams") }
      StreamReport.write(StreamReport.table(of: rows))
    }
  }

  /// `godwit stream info`.
  struct Info: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a stream and its groups.")

    @Argument(help: "The stream.")
    var name: String

    @Flag(help: "As JSON.")
    var json = false

    @OptionGroup(title: "Admin server")
    var admin: AdminOptions

    func run() async throws {
      let facts = try await self.admin.client().ask("GET", self.admin.path([self.name]))
      if self.json { return StreamReport.write(facts) }
      StreamReport.write(StreamReport.lines(about: facts))
    }
  }

  /// `godwit stream purge`.
  struct Purge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove records of a stream; all, where nothing else is said.")

    @Argument(help: "The stream.")
    var name: String

    @Option(
      help: ArgumentHelp("Only those of these topics: levels joined by dots, * and >."))
    var topic: String?

    @Option(help: ArgumentHelp("Only those before this offset.", valueName: "offset"))
    var before: UInt64?

    @Option(help: ArgumentHelp("Leave the newest ones.", valueName: "n"))
    var keep: Int?

    @Option(help: ArgumentHelp("Only this partition of a topic.", valueName: "n"))
    var partition: Int?

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @OptionGroup(title: "Admin server")
    var admin: AdminOptions

    func run() async throws {
      guard try Confirmation.isGiven("Remove records of \(self.name)?", self.yes) else { return }
      let path = self.admin.path(
        [self.name, "purge"],
        [
          ("pattern", self.topic), ("before", self.before.map { String($0) }),
          ("keep", self.keep.map { String($0) }),
          ("partition", self.partition.map { String($0) }),
        ])
      let done = try await self.admin.client().ask("POST", path)
      if let count = done["purged"]?.integer {
        let records = Figures.counted(Int(count), "record")
        Terminal.write(Array("removed \(records) of \(self.name)\n".utf8))
      } else {
        Terminal.write(Array("\(self.name) is being purged\n".utf8))
      }
    }
  }

  /// `godwit stream rm`.
  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm", abstract: "Delete a stream, its records and its groups.",
      aliases: ["delete"])

    @Argument(help: "The stream.")
    var name: String

    @Option(help: ArgumentHelp("Delete only this group of it.", valueName: "name"))
    var group: String?

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @OptionGroup(title: "Admin server")
    var admin: AdminOptions

    func run() async throws {
      let what = self.group.map { "the group \($0) of \(self.name)" } ?? self.name
      guard try Confirmation.isGiven("Delete \(what)?", self.yes) else { return }
      let parts = [self.name] + (self.group.map { ["groups", $0] } ?? [])
      _ = try await self.admin.client().ask("DELETE", self.admin.path(parts))
      Terminal.write(Array("deleted \(what)\n".utf8))
    }
  }
}

/// Asks before something goes for good.
enum Confirmation {
  /// Whether it may go.
  static func isGiven(_ question: String, _ isGivenAlready: Bool) throws(ClientError) -> Bool {
    if isGivenAlready { return true }
    guard isatty(STDIN_FILENO) == 1 else {
      throw ClientError("nobody can be asked here: --yes says that it is meant")
    }
    Terminal.writeError("\(question) [y/N] ")
    return readLine().map { ["y", "yes"].contains($0.lowercased()) } ?? false
  }
}
