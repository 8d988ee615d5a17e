import Foundation
import GodwitWire

/// Streams and groups as text.
enum StreamReport {
  /// Writes JSON and a line end.
  static func write(_ json: JSONValue) {
    var writer = JSONWriter()
    writer.value(json)
    Terminal.write(writer.bytes + [UInt8(ascii: "\n")])
  }

  /// Writes lines.
  static func write(_ lines: [String]) {
    Terminal.write(Array(lines.map { $0 + "\n" }.joined().utf8))
  }

  /// A table with a line for each stream.
  static func table(of streams: [JSONValue]) -> [String] {
    self.aligned(
      ["stream", "records", "size", "offsets", "groups", "kept", "topics"], numbers: [1, 2, 3, 4],
      streams.map { stream in
        [
          self.text(stream["name"]), self.number(stream["records"]), self.size(stream["bytes"]),
          self.offsets(stream, "-"),
          self.number(stream["groups"]), self.text(stream["storage"]), self.topics(stream),
        ]
      })
  }

  /// All about one stream.
  static func lines(about stream: JSONValue) -> [String] {
    var facts = [
      ("topics", self.topics(stream)),
      ("records", "\(self.number(stream["records"])), \(self.size(stream["bytes"]))"),
      ("offsets", self.offsets(stream, " to ")),
      ("topics kept", self.number(stream["topics_kept"])),
      ("kept", "\(self.text(stream["storage"])), \(self.text(stream["retention"]))"),
      ("made", self.time(stream["created_at"])), ("last", self.time(stream["last_at"])),
    ]
    if let most = stream["records_max"]?.integer, most > 0 {
      facts.append(("most records", self.number(stream["records_max"])))
    }
    if let most = stream["bytes_max"]?.integer, most > 0 {
      facts.append(("most bytes", self.size(stream["bytes_max"])))
    }
    let width = facts.map(\.0.count).max() ?? 0
    var lines = [self.text(stream["name"])]
    lines += facts.map {
      "  \($0.0.padding(toLength: width, withPad: " ", startingAt: 0))  \($0.1)"
    }
    if let partitions = stream["partitions"]?.elements, partitions.count > 1 {
      lines += [""]
      lines += self.aligned(
        ["partition", "records", "size", "offsets"], numbers: [0, 1, 2, 3],
        partitions.map { part in
          [
            self.number(part["partition"]), self.number(part["records"]), self.size(part["bytes"]),
            self.offsets(part, "-"),
          ]
        })
    }
    let groups = stream["groups"]?.elements ?? []
    guard !groups.isEmpty else { return lines + ["", "no groups"] }
    if stream["kind"]?.string == "topic" {
      return lines + [""]
        + self.aligned(
          ["group", "kind", "lag", "oldest", "members", "state"], numbers: [2, 4],
          groups.map { group in
            [
              self.text(group["name"]), self.text(group["kind"]), self.number(group["lag"]),
              self.time(group["oldest_at"]), self.number(group["members"]),
              self.text(group["state"]),
            ]
          })
    }
    return lines + [""]
      + self.aligned(
        ["group", "lag", "in flight", "again", "done before", "oldest", "topics"],
        numbers: [1, 2, 3, 4],
        groups.map { group in
          [
            self.text(group["name"]), self.number(group["lag"]), self.number(group["in_flight"]),
            self.number(group["redelivered"]), self.number(group["done_before"]),
            self.time(group["oldest_at"]), self.topics(group, none: "all"),
          ]
        })
  }

  /// From where to where a log reaches; how many there are, where there are several.
  private static func offsets(_ log: JSONValue, _ separator: String) -> String {
    if let partitions = log["partitions"]?.elements, partitions.count != 1 {
      return "\(partitions.count) partitions"
    }
    return self.number(log["first_offset"]) + separator + self.number(log["next_offset"])
  }

  /// One record: a line about it, its headers, and its payload.
  static func lines(ofRecord record: JSONValue, isBare: Bool) -> [String] {
    let payload = self.text(record["payload"], keeping: "\n\t")
    if isBare { return [payload] }
    let partition = record["partition"].map { self.number($0) + "/" } ?? ""
    var facts = [
      partition + self.number(record["offset"]), self.time(record["received_at"]),
      self.text(record["topic"]),
    ]
    if let count = record["bytes"]?.integer { facts.append(Figures.bytes(Double(count))) }
    if let origin = record["origin"] { facts.append(self.text(origin)) }
    var lines = [facts.joined(separator: "  ")]
    for name in ["key", "message_id", "content_type", "reply", "correlation"] {
      if let value = record[name] { lines.append("  \(name): \(self.text(value))") }
    }
    for header in record["headers"]?.elements ?? [] {
      lines.append("  \(self.text(header[0])): \(self.text(header[1]))")
    }
    guard record["bytes"]?.integer != 0 else { return lines }
    let isText = record["encoding"]?.string == "text"
    let rest = record["truncated"]?.bool == true ? "…" : ""
    lines.append("  " + (isText ? payload : "0x" + payload) + rest)
    return lines
  }

  static func aligned(
    _ head: [String], numbers: Set<Int>, _ rows: [[String]]
  ) -> [String] {
    let all = [head] + rows
    let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        if numbers.contains(column) { return padding + row[column] }
        return column == row.count - 1 ? row[column] : row[column] + padding
      }.joined(separator: "  ")
    }
  }

  /// What came from elsewhere, without control characters.
  static func text(_ value: JSONValue?, keeping kept: String = "") -> String {
    let text = value?.string ?? "-"
    return String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          let isControl = scalar.properties.generalCategory == .control
          return isControl && !kept.unicodeScalars.contains(scalar) ? "?" : scalar
        }))
  }

  static func topics(_ value: JSONValue, none: String = "-") -> String {
    let topics = value["topics"]?.elements ?? []
    return topics.isEmpty ? none : topics.map { self.text($0) }.joined(separator: ", ")
  }

  static func number(_ value: JSONValue?) -> String {
    value?.integer.map { Figures.grouped(Int($0)) } ?? "-"
  }

  static func size(_ value: JSONValue?) -> String {
    value?.integer.map { Figures.bytes(Double($0)) } ?? "-"
  }

  static func time(_ value: JSONValue?) -> String {
    let seconds: Double
    switch value {
    case .double(let number): seconds = number
    case .integer(let number): seconds = Double(number)
    default: return "-"
    }
    let style = Date.ISO8601FormatStyle(timeZone: .gmt)
    return Date(timeIntervalSince1970: seconds).formatted(style)
  }
}
