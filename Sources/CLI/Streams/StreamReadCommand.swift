import ArgumentParser
import Foundation
import GodwitWire

/// What reading a stream is asked for, and how it is shown.
struct StreamReadOptions: ParsableArguments {
  @Argument(help: "The stream.")
  var name: String

  @Option(help: ArgumentHelp("Only records of these topics: levels joined by dots, * and >."))
  var topic: String?

  @Flag(help: "As JSON, one object a line, payloads up to 1 MiB.")
  var json = false

  @Flag(help: "Without topics, offsets and headers: payloads alone, a line each.")
  var raw = false

  @OptionGroup(title: "Admin server")
  var admin: AdminOptions

  private static let page = 500
  /// How long what is read from the disk is waited for, before the next look.
  private static let pause = Duration.milliseconds(20)

  func validate() throws {
    if self.json, self.raw { throw ValidationError("--json or --raw, not both") }
  }

  /// A part of the stream.
  struct Page {
    var records: [JSONValue]
    /// Where to go on.
    var next: UInt64
    /// Whether there is nothing more for now.
    var isEnd: Bool
  }

  /// Asks for what comes at `from` or later.
  func page(_ client: AdminClient, from: UInt64?, limit: Int) async throws -> Page {
    let path = self.admin.path(
      [self.name, "records"],
      [
        ("from", from.map { String($0) }), ("limit", String(min(limit, Self.page))),
        ("pattern", self.topic), ("preview", self.json || self.raw ? String(1 << 20) : nil),
      ])
    let answer = try await client.ask("GET", path)
    guard let records = answer["records"]?.elements,
      let next = answer["next"]?.integer.flatMap({ UInt64(exactly: $0) })
    else { throw ClientError("what answers is no admin server of this version") }
    return Page(records: records, next: next, isEnd: answer["complete"]?.bool ?? true)
  }

  /// Writes the records from `from` on, up to `limit`.
  ///
  /// - Returns: where to go on.
  func write(_ client: AdminClient, from: UInt64?, limit: Int) async throws -> UInt64 {
    var from = from
    var left = limit
    while true {
      let page = try await self.page(client, from: from, limit: left)
      for record in page.records { self.write(record) }
      left -= page.records.count
      if page.isEnd || left <= 0 { return page.next }
      if page.records.isEmpty, page.next == from { try await Task.sleep(for: Self.pause) }
      from = page.next
    }
  }

  func write(_ record: JSONValue) {
    if self.json { return StreamReport.write(record) }
    StreamReport.write(StreamReport.lines(ofRecord: record, isBare: self.raw))
  }

  /// Where the last `count` records begin, of any topic; a few more where some are gone.
  func start(_ client: AdminClient, last count: Int) async throws -> UInt64 {
    let facts = try await client.ask("GET", self.admin.path([self.name]))
    guard let end = facts["next_offset"]?.integer, let first = facts["first_offset"]?.integer
    else { throw ClientError("what answers is no admin server of this version") }
    return UInt64(max(0, max(first, end - Int64(count))))
  }
}

/// `godwit stream read`.
struct StreamReadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "read", abstract: "Write the records of a stream, oldest first.")

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
    _ = try await self.options.write(client, from: self.start, limit: self.count)
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
    var next = try await self.options.start(client, last: self.last)
    var left = self.count ?? .max
    while true {
      let page = try await self.options.page(client, from: next, limit: left)
      for record in page.records { self.options.write(record) }
      left -= page.records.count
      if left <= 0 { return }
      let isIdle = page.isEnd || (page.records.isEmpty && page.next == next)
      next = page.next
      if isIdle { try await Task.sleep(for: Self.pause) }
    }
  }
}
