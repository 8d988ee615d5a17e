import GodwitFrontEndKit

/// Writes figures in Prometheus' text format, version 0.0.4.
///
/// Figures of one name from several sources become one family, as the format demands.
struct PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private struct Family {
    var help: String
    var kind: Metric.Kind
    var lines: [String] = []
    var seen: Set<String> = []
  }

  private var families: [String: Family] = [:]
  private var order: [String] = []

  /// Adds a figure. What the format cannot say is left out: a name with foreign characters, a
  /// family with two kinds, a sample that is there already.
  mutating func add(_ metric: Metric) {
    guard Self.isName(metric.name, colons: true), !metric.samples.isEmpty else { return }
    if self.families[metric.name] == nil {
      self.order.append(metric.name)
      self.families[metric.name] = Family(help: metric.help, kind: metric.kind)
    }
    guard self.families[metric.name]?.kind == metric.kind else { return }
    for (labels, value) in metric.samples {
      guard let text = Self.labels(labels) else { continue }
      let isNew = self.families[metric.name]?.seen.insert(text).inserted ?? false
      guard isNew else { continue }
      self.families[metric.name]?.lines.append("\(metric.name)\(text) \(Self.number(value))")
    }
  }

  /// The document.
  var text: String {
    var text = ""
    for name in self.order {
      guard let family = self.families[name], !family.lines.isEmpty else { continue }
      text += "# HELP \(name) \(Self.escaped(family.help, quotes: false))\n"
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for line in family.lines { text += line + "\n" }
    }
    return text
  }

  private static func labels(_ labels: [(String, String)]) -> String? {
    guard !labels.isEmpty else { return "" }
    var names: Set<String> = []
    var parts: [String] = []
    for (name, value) in labels {
      guard Self.isName(name, colons: false), names.insert(name).inserted else { return nil }
      parts.append("\(name)=\"\(Self.escaped(value, quotes: true))\"")
    }
    return "{" + parts.joined(separator: ",") + "}"
  }

  static func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    escaped.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value) { return String(whole) }
    return value.description
  }

  /// Letters, digits and underscores, no digit first; colons in metric names.
  private static func isName(_ text: String, colons: Bool) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      case UInt8(ascii: ":"): colons
      default: false
      }
    }
  }
}
