import ArgumentParser
import Foundation
import GodwitWire

/// `godwit stream resend`.
struct ResendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resend",
    abstract: "Send records of a stream back to where they come from, or elsewhere.",
    discussion: """
      Dead letters go to the topic that they say they were published to; other records need --to.
      Whoever listens there gets them. A copy is sent, with its dead letter's headers left out;
      the record stays, unless --remove says otherwise, and goes only when its copy is kept.

        godwit stream resend DEAD-LETTERS --header Godwit-Dead-Subscription=billing --dry-run
        godwit stream resend DEAD-LETTERS 17 --payload '{"total":3}' --remove
        godwit stream resend DEAD-LETTERS --all --rate 50 --remove
      """)

  @Argument(help: "The stream.")
  var name: String

  @Argument(help: "Only the records at these offsets.")
  var offsets: [UInt64] = []

  @Flag(help: "All records, where nothing else says which.")
  var all = false

  @Option(help: ArgumentHelp("Only records of these topics: levels joined by dots, * and >."))
  var topic: String?

  @Option(help: ArgumentHelp("Only records with this header: a name, or name=text."))
  var header: String?

  @Option(help: ArgumentHelp("Only records whose payload has this text in it, in any case."))
  var text: String?

  @Option(help: ArgumentHelp("Only this partition of a topic.", valueName: "n"))
  var partition: Int?

  @Option(
    name: .customLong("from"), help: ArgumentHelp("From this offset on.", valueName: "offset"))
  var start: UInt64?

  @Option(help: ArgumentHelp("Only those before this offset.", valueName: "offset"))
  var before: UInt64?

  @Option(help: ArgumentHelp("At most so many.", valueName: "n"))
  var limit: Int?

  @Option(help: ArgumentHelp("Send them to this topic.", valueName: "topic"))
  var to: String?

  @Option(help: ArgumentHelp("So many messages a second.", valueName: "n"))
  var rate: Double?

  @Flag(help: "Remove each record when its copy is kept.")
  var remove = false

  @Flag(help: "Say what would be sent, and send nothing.")
  var dryRun = false

  @Option(help: "Another payload, for one record.")
  var payload: String?

  @Option(help: ArgumentHelp("A file with another payload, for one record.", valueName: "file"))
  var payloadFile: String?

  @Option(
    name: [.customShort("H"), .customLong("set-header")],
    help: ArgumentHelp(
      "Headers in place of all that one record has. May be given often.", valueName: "name=value"))
  var headers: [String] = []

  @Flag(help: "Do not wait for the end.")
  var detach = false

  @Flag(help: "As JSON.")
  var json = false

  @Flag(name: [.short, .long], help: "Do not ask.")
  var yes = false

  @OptionGroup(title: "Admin server")
  var admin: AdminOptions

  private static let pause = Duration.milliseconds(250)

  private var saysWhich: Bool {
    self.all || !self.offsets.isEmpty || self.topic != nil || self.header != nil
      || self.text != nil || self.start != nil || self.before != nil || self.limit != nil
  }

  func validate() throws {
    guard self.saysWhich else {
      throw ValidationError("say which records: offsets, --header, --text, --topic, or --all")
    }
    let isEdited = self.payload != nil || self.payloadFile != nil || !self.headers.isEmpty
    if isEdited, self.offsets.count != 1 {
      throw ValidationError("one record is edited at a time: name its offset")
    }
    if self.payload != nil, self.payloadFile != nil {
      throw ValidationError("--payload or --payload-file, not both")
    }
    if let rate, rate <= 0 { throw ValidationError("--rate is greater than 0") }
    if let limit, limit < 1 { throw ValidationError("--limit is at least 1") }
    for header in self.headers where !header.contains("=") {
      throw ValidationError("`\(header)` is no header: name=value")
    }
  }

  /// What is asked of the admin server.
  func document() throws -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("stream", .string(self.name)), .init("tenant", .string(self.admin.tenant)),
    ]
    func add(_ name: String, _ value: JSONValue?) {
      if let value { members.append(.init(name, value)) }
    }
    func whole(_ number: UInt64) -> JSONValue { .integer(Int64(clamping: number)) }
    if !self.offsets.isEmpty { add("offsets", .array(self.offsets.map(whole))) }
    add("pattern", self.topic.map { .string($0) })
    add("header", self.header.map { .string($0) })
    add("text", self.text.map { .string($0) })
    add("partition", self.partition.map { .integer(Int64($0)) })
    add("from", self.start.map(whole))
    add("to", self.before.map(whole))
    add("limit", self.limit.map { .integer(Int64($0)) })
    add("topic", self.to.map { .string($0) })
    add("rate", self.rate.map { .double($0) })
    if self.remove { add("remove", .bool(true)) }
    if self.dryRun { add("dry_run", .bool(true)) }
    add("payload", self.payload.map { .string($0) })
    if let payloadFile {
      guard let data = FileManager.default.contents(atPath: payloadFile) else {
        throw ClientError("`\(payloadFile)` cannot be read")
      }
      add("payload_base64", .string(data.base64EncodedString()))
    }
    if !self.headers.isEmpty {
      let pairs = self.headers.map { header in
        header.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
          .map { JSONValue.string(String($0)) }
      }
      add("headers", .array(pairs.map { .array($0) }))
    }
    return .object(members)
  }

  func run() async throws {
    let document = try self.document()
    if !self.dryRun {
      let question = "Send records of \(self.name)\(self.to.map { " to \($0)" } ?? " back")?"
      guard try Confirmation.isGiven(question, self.yes) else { return }
    }
    let client = try self.admin.client()
    var job = try await client.ask("POST", "/api/resends", document)
    guard let id = job["id"]?.integer else {
      throw ClientError("what answers is no admin server of this version")
    }
    while !self.detach, job["state"]?.string == "running" {
      try await Task.sleep(for: Self.pause)
      job = try await client.ask("GET", "/api/resends/\(id)")
    }
    if self.json { StreamReport.write(job) } else { StreamReport.write(ResendReport.lines(job)) }
    if job["state"]?.string == "failed" {
      throw ClientError("gave up: \(job["error"]?.string ?? "it was refused")")
    }
  }
}

/// `godwit stream resends`.
struct ResendsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resends",
    abstract: "List what is sent back, or was lately; show one, cancel it, or go on with it.")

  @Argument(help: "The number of one.")
  var id: UInt64?

  @Flag(help: "Cancel it.")
  var cancel = false

  @Flag(help: "Go on with it, where it was interrupted, cancelled or given up.")
  var resume = false

  @Flag(help: "As JSON.")
  var json = false

  @OptionGroup(title: "Admin server")
  var admin: AdminOptions

  func validate() throws {
    if self.cancel, self.id == nil { throw ValidationError("say the number of what to cancel") }
    if self.resume, self.id == nil { throw ValidationError("say the number of what to go on with") }
    if self.cancel, self.resume { throw ValidationError("--cancel or --resume, not both") }
  }

  func run() async throws {
    let client = try self.admin.client()
    if let id {
      let path = "/api/resends/\(id)"
      let job =
        try await self.resume
        ? client.ask("POST", path + "/resume", .object([]))
        : client.ask(self.cancel ? "DELETE" : "GET", path)
      if self.json { StreamReport.write(job) } else { StreamReport.write(ResendReport.lines(job)) }
      return
    }
    let jobs = try await client.ask("GET", "/api/resends")["resends"] ?? .array([])
    if self.json { return StreamReport.write(jobs) }
    guard let rows = jobs.elements, !rows.isEmpty else {
      return Terminal.complain("nothing was sent back lately")
    }
    StreamReport.write(ResendReport.table(of: rows))
  }
}

/// What is sent back, as text.
enum ResendReport {
  /// A table with a line for each job.
  static func table(of jobs: [JSONValue]) -> [String] {
    StreamReport.aligned(
      ["job", "stream", "state", "sent", "failed", "removed", "began"], numbers: [0, 3, 4, 5],
      jobs.map { job in
        [
          StreamReport.number(job["id"]), StreamReport.text(job["stream"]), Self.state(job),
          StreamReport.number(job["sent"]), StreamReport.number(job["failed"]),
          StreamReport.number(job["removed"]), StreamReport.time(job["started_at"]),
        ]
      })
  }

  private static func state(_ job: JSONValue) -> String {
    let state = StreamReport.text(job["state"])
    return job["dry_run"]?.bool == true ? "\(state), dry run" : state
  }

  /// All about one.
  static func lines(_ job: JSONValue) -> [String] {
    func count(_ name: String) -> Int { job[name]?.integer.map { Int(clamping: $0) } ?? 0 }
    var lines: [String] = []
    if job["dry_run"]?.bool == true {
      lines.append("would send \(Figures.counted(count("chosen"), "record"))")
      for example in job["examples"]?.elements ?? [] {
        let partition = example["partition"].flatMap { $0.integer }.map { "\($0)/" } ?? ""
        let bytes = Figures.bytes(Double(example["bytes"]?.integer ?? 0))
        lines.append(
          "  \(partition)\(StreamReport.number(example["offset"]))  "
            + "to \(StreamReport.text(example["topic"]))  \(bytes)")
      }
      let left = count("chosen") - (job["examples"]?.elements?.count ?? 0)
      if left > 0 { lines.append("  and \(Figures.grouped(left)) more") }
    } else {
      let state = StreamReport.text(job["state"])
      let head = state == "done" ? "sent" : "job \(count("id")), \(state): sent"
      lines.append("\(head) \(Figures.counted(count("sent"), "record"))")
      if count("removed") > 0 { lines.append("  \(count("removed")) removed") }
    }
    if count("failed") > 0 {
      lines.append("  \(count("failed")) failed: \(StreamReport.text(job["error"]))")
    }
    if count("unheard") > 0 { lines.append("  \(count("unheard")) that nobody took or keeps") }
    if count("without_origin") > 0 {
      lines.append("  \(count("without_origin")) do not say where they come from: use --to")
    }
    if count("unreadable") > 0 { lines.append("  \(count("unreadable")) cannot be read") }
    return lines
  }
}
