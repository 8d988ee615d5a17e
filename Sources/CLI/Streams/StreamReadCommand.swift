import ArgumentParser
import Foundation
import GodwitWire

/// What reading a stream is asked for, and how it is shown.
struct StreamReadOptions: ParsableArguments {
  @Argument(help: "The stream.")
  var name: String

  @Option(help: ArgumentHelp("Only records of these topics: levels joined by dots, * and >."))
  var topic: String?

  @Option(
    help: ArgumentHelp(
      "Only records with this header: a name, or name=text for a value that has the text in it."))
  var header: String?

  @Option(help: ArgumentHelp("Only records whose payload has this text in it, in any case."))
  var text: String?

  @Option(help: ArgumentHelp("Only this partition of a topic.", valueName: "n"))
  var partition: Int?

  @Flag(help: "As JSON, one object a line, payloads up to 1 MiB.")
  var json = false

  @Flag(help: "Without topics, offsets and headers: payloads alone, a line each.")
  var raw = false

  @OptionGroup(title: "Admin server")
  var admin: AdminOptions

  private static let page = 500

  func validate() throws {
    if self.json, self.raw { throw ValidationError("--json or --raw, not both") }
  }

  /// A part of the stream.
  struct Page {
    var records: [JSONValue]
    /// Where to go on.
    var token: String
    /// Whether there is nothing more for now.
    var isEnd: Bool
  }

  /// Asks for what comes at `token`, or `from`, or later.
  func page(
    _ client: AdminClient, token: String? = nil, from: UInt64? = nil, partition: Int? = nil,
    limit: Int
  ) async throws -> Page {
    let only = partition ?? self.partition
    let path = self.admin.path(
      [self.name, "records"],
      [
        ("from", from.map { String($0) }), ("token", token),
        ("limit", String(min(limit, Self.page))), ("pattern", self.topic),
        ("header", self.header), ("text", self.text), ("partition", only.map { String($0) }),
        ("preview", self.json || self.raw ? String(1 << 20) : nil),
      ])
    let answer = try await client.ask("GET", path)
    guard let records = answer["records"]?.elements, let token = answer["token"]?.string
    else { throw ClientError("what answers is no admin server of this version") }
    return Page(records: records, token: token, isEnd: answer["complete"]?.bool ?? true)
  }

  /// Writes the records from `from` on, up to `limit`.
  func write(_ client: AdminClient, from: UInt64?, limit: Int) async throws {
    var token: String?
    var left = limit
    while left > 0 {
      let page = try await self.page(
        client, token: token, from: token == nil ? from : nil, limit: left)
      for record in page.records { self.write(record) }
      left -= page.records.count
      if page.isEnd { return }
      token = page.token
    }
  }

  func write(_ record: JSONValue) {
    if self.json { return StreamReport.write(record) }
    StreamReport.write(StreamReport.lines(ofRecord: record, isBare: self.raw))
  }

  /// Where the last `count` records of each log begin; a few more where some are gone.
  func starts(
    _ client: AdminClient, last count: Int
  ) async throws -> [(partition: Int?, offset: UInt64)] {
    let facts = try await client.ask("GET", self.admin.path([self.name]))
    let logs = facts["partitions"]?.elements ?? [facts]
    return try logs.compactMap { log in
      guard let end = log["next_offset"]?.integer, let first = log["first_offset"]?.integer
      else { throw ClientError("what answers is no admin server of this version") }
      let partition = log["partition"]?.integer.map { Int($0) }
      if let only = self.partition, let partition, only != partition { return nil }
      return (partition, UInt64(max(0, max(first, end - Int64(count)))))
    }
  }
}

/// `godwit stream read`.
struct StreamReadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "read",
    abstract: "Write the records of a stream, oldest first; of a topic, partition by partition.")

  @OptionGroup var options: StreamReadOptions

  @Option(
    name: .customLong("from"),
    help: ArgumentHelp("From this offset on. Default: the oldest record.", valueName: "offset"))
  var start: UInt64?

  @Option(name: [.short, .long], help: ArgumentHelp("At most so many.", valueName: "n"))
  var count = 100

  func validate() throws {
    if self.count < 1 { throw ValidationError("--count is at least 1") }
  }

  func run() async throws {
    let client = try self.options.admin.client()
    try await self.options.write(client, from: self.start, limit: self.count)
  }
}

/// `godwit stream tail`.
struct StreamTailCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail", abstract: "Write the last records of a stream, and those that come.")

  @OptionGroup var options: StreamReadOptions

  @Option(
    name: [.customShort("n"), .long], help: ArgumentHelp("So many that are there.", valueName: "n"))
  var last = 10

  @Option(name: [.short, .long], help: ArgumentHelp("End after so many.", valueName: "n"))
  var count: Int?

  /// How often it is asked whether there are more.
  private static let pause = Duration.milliseconds(250)

  func validate() throws {
    if self.last < 0 { throw ValidationError("--last is at least 0") }
    if let count, count < 1 { throw ValidationError("--count is at least 1") }
  }

  func run() async throws {
    let client = try self.options.admin.client()
    var places = try await self.options.starts(client, last: self.last)
      .map { (partition: $0.partition, token: "\($0.partition ?? 0):\($0.offset)") }
    var left = self.count ?? .max
    while true {
      var isIdle = true
      for place in places.indices {
        let page = try await self.options.page(
          client, token: places[place].token, partition: places[place].partition, limit: left)
        for record in page.records { self.options.write(record) }
        left -= page.records.count
        if left <= 0 { return }
        places[place].token = page.token
        if !page.isEnd { isIdle = false }
      }
      if isIdle { try await Task.sleep(for: Self.pause) }
    }
  }
}
