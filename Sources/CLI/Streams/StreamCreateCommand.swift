import ArgumentParser
import Foundation
import GodwitWire

/// `godwit stream create`.
struct StreamCreateCommand: AsyncParsableCommand {
  /// When records may go.
  enum Retention: String, ExpressibleByArgument, CaseIterable {
    case limits
    case interest
    case workQueue = "work-queue"
  }

  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a stream.",
    discussion: """
      Whoever publishes to its topics, by whatever protocol, adds a record. Without limits nothing
      ever goes.
      """)

  @Argument(help: "The stream's name.")
  var name: String

  @Argument(help: "The topics that it keeps: levels joined by dots, * and >.")
  var topics: [String]

  @Option(
    help: ArgumentHelp(
      """
      limits: records go when a limit says so. interest: and when every group is done with them. \
      work-queue: and when one is.
      """,
      valueName: "when"))
  var retention = Retention.limits

  @Flag(help: "Keep records in memory, not in the broker's data folder.")
  var memory = false

  @Option(help: ArgumentHelp("The most records.", valueName: "n"))
  var maxRecords: Int?

  @Option(help: ArgumentHelp("The most bytes: 500, 64KiB, 2GiB.", valueName: "size"))
  var maxBytes: ByteSize?

  @Option(help: ArgumentHelp("How long a record stays: 90s, 15m, 12h, 7d.", valueName: "time"))
  var maxAge: Span?

  @Option(help: ArgumentHelp("The most records of one topic.", valueName: "n"))
  var maxPerTopic: Int?

  @Flag(help: "Refuse what is one too many; by default the oldest records go.")
  var refuseWhenFull = false

  @Option(
    help: ArgumentHelp(
      """
      How long a message id is remembered, so that a second sending is not kept. Default: 2m; 0s \
      for never.
      """,
      valueName: "time"))
  var duplicates: Span?

  @OptionGroup(title: "Admin server")
  var admin: AdminOptions

  func validate() throws {
    for (count, option) in [
      (self.maxRecords, "--max-records"), (self.maxPerTopic, "--max-per-topic"),
    ] {
      if let count, count < 1 { throw ValidationError("\(option) is at least 1") }
    }
  }

  /// What is asked of the admin server.
  var document: JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(self.name)),
      .init("topics", .array(self.topics.map { .string($0) })),
      .init(
        "retention", .string(self.retention == .workQueue ? "work queue" : self.retention.rawValue)
      ),
      .init("storage", .string(self.memory ? "memory" : "file")),
      .init("full", .string(self.refuseWhenFull ? "refuse" : "drop oldest")),
    ]
    if let maxRecords { members.append(.init("records_max", .integer(Int64(maxRecords)))) }
    if let maxBytes { members.append(.init("bytes_max", .integer(maxBytes.bytes))) }
    if let maxAge { members.append(.init("age_max_seconds", .double(maxAge.seconds))) }
    if let maxPerTopic {
      members.append(.init("records_per_topic_max", .integer(Int64(maxPerTopic))))
    }
    if let duplicates {
      members.append(.init("duplicate_window_seconds", .double(duplicates.seconds)))
    }
    return .object(members)
  }

  func run() async throws {
    _ = try await self.admin.client().ask("POST", self.admin.path([]), self.document)
    Terminal.write(Array("created \(self.name)\n".utf8))
  }
}

/// A span of time, as people write it.
struct Span: ExpressibleByArgument, Hashable {
  var seconds: Double

  init?(argument: String) {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
    guard let last = argument.last, let unit = units[last],
      let number = Double(argument.dropLast()), number >= 0, number * unit <= 9e9
    else { return nil }
    self.seconds = number * unit
  }
}

/// A number of bytes, as people write it.
struct ByteSize: ExpressibleByArgument, Hashable {
  var bytes: Int64

  init?(argument: String) {
    let units = ["KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40]
    let unit = units.first { argument.hasSuffix($0.key) }
    let digits = unit.map { argument.dropLast($0.key.count) } ?? argument[...]
    guard let number = Int64(digits), number > 0 else { return nil }
    let product = number.multipliedReportingOverflow(by: Int64(unit?.value ?? 1))
    if product.overflow { return nil }
    self.bytes = product.partialValue
  }
}
