import ArgumentParser
import GodwitBroker
import GodwitEngine
import GodwitStorage
import GodwitWire
import NIOCore

/// `godwit data`: a data folder, looked at without a broker.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Look at a data folder that no broker is using.",
    subcommands: [Check.self, Dump.self])

  /// `godwit data check`.
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check",
      abstract: "Read everything in a data folder and say what is in it.",
      discussion: """
        Changes nothing. Exits 1 if something that was kept is missing or cannot be read. What a \
        process that died has left unfinished is told as well, and is no failure: nothing that was \
        confirmed is in it, and a start takes care of it.
        """)

    @Argument(help: ArgumentHelp("The data folder.", valueName: "dir"))
    var folder: String

    func run() throws {
      var problems: [StorageReport] = []
      try reportingFailure {
        try DataFolder.read(self.folder) { tenant, inspection, engine in
          problems += try inspection.journalProblems()
          for name in try inspection.logs() {
            let facts = try inspection.read(name, engine)
            problems += facts.problems
            let line =
              "\(tenant)\t\(name)\t\(facts.records) records, offsets \(facts.firstOffset) to "
              + "\(facts.nextOffset)\t\(facts.bytes) bytes in \(facts.segments) files\n"
            Terminal.write(Array(line.utf8))
          }
        }
      }
      for problem in problems { Terminal.complain("godwit: \(Self.text(of: problem))") }
      if problems.contains(where: { $0.kind != .cut }) { throw ExitCode(1) }
    }

    private static func text(of problem: StorageReport) -> String {
      problem.kind == .cut ? "\(problem) (will be recovered: a crash leaves it so)" : "\(problem)"
    }
  }

  /// `godwit data dump`.
  struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "dump",
      abstract: "Write a log's records as JSON, one a line.",
      discussion: """
        Payloads that are UTF-8 stand under "payload", others under "payload_base64". What a \
        sender packed together is one line, with "records" and "batch_base64". Changes nothing.
        """)

    @Argument(help: ArgumentHelp("The data folder.", valueName: "dir"))
    var folder: String

    @Argument(help: ArgumentHelp("The log, as `godwit data check` calls it.", valueName: "log"))
    var log: String

    @Option(help: "Whose log.")
    var tenant = "default"

    func run() throws {
      var isFound = false
      try reportingFailure {
        try DataFolder.read(self.folder) { tenant, inspection, engine in
          guard tenant == self.tenant, try inspection.logs().contains(self.log) else { return }
          isFound = true
          let facts = try inspection.read(self.log, engine) { entry in
            Terminal.write(Self.line(entry))
            return true
          }
          for problem in facts.problems { Terminal.complain("godwit: \(problem)") }
        }
        guard isFound else {
          throw BrokerError("\(self.tenant) has no log called \(self.log)")
        }
      }
    }

    private static func line(_ entry: LogEntry) -> [UInt8] {
      switch entry {
      case .record(let record, let offset):
        return self.line(offset, record)
      case .batch(let bytes, let form, let first, let count):
        let members: [JSONValue.Member] = [
          .init("offset", .integer(Int64(clamping: first))),
          .init("records", .integer(Int64(count))),
          .init("form", .integer(Int64(form))),
          .init("batch_base64", .string(Base64.encode(Array(bytes.readableBytesView)))),
        ]
        return JSONValue.object(members).encoded + [UInt8(ascii: "\n")]
      }
    }

    private static func line(_ offset: UInt64, _ record: Record) -> [UInt8] {
      let payload = Array(record.body.readableBytesView)
      var members: [JSONValue.Member] = [
        .init("offset", .integer(Int64(clamping: offset))),
        .init("topic", .string(String(decoding: record.topic, as: UTF8.self))),
        .init("received_at", .integer(record.receivedAt)),
      ]
      if record.expiresAt > 0 { members.append(.init("expires_at", .integer(record.expiresAt))) }
      if let text = String(validating: payload, as: UTF8.self) {
        members.append(.init("payload", .string(text)))
      } else {
        members.append(.init("payload_base64", .string(Base64.encode(payload))))
      }
      return JSONValue.object(members).encoded + [UInt8(ascii: "\n")]
    }
  }
}
