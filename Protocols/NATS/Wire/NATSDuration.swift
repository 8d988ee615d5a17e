import GodwitWire

/// Durations in the texts that nats-server and Go use.
public enum NATSDuration {
  /// Reads whole seconds (`30`) or a duration (`1h30m`, `1.5s`, `500ms`); `nil` for anything else,
  /// such as `never`.
  ///
  /// - Returns: nanoseconds.
  public static func parse(_ text: UnsafeRawBufferPointer) -> Int64? {
    guard let base = text.baseAddress else { return nil }
    if let seconds = ASCIIScan.size(base, 0, text.count) { return Int64(seconds) * 1_000_000_000 }
    var total = 0.0
    var index = 0
    while index < text.count {
      let start = index
      while index < text.count, text[index] == 0x2E || (0x30...0x39).contains(text[index]) {
        index += 1
      }
      let digits = text[start..<index]
      guard (1...18).contains(digits.count),
        let number = Double(String(decoding: digits, as: UTF8.self))
      else { return nil }
      let unitStart = index
      while index < text.count, text[index] != 0x2E, !(0x30...0x39).contains(text[index]) {
        index += 1
      }
      guard let unit = self.unit(String(decoding: text[unitStart..<index], as: UTF8.self)) else {
        return nil
      }
      total += number * unit
    }
    return total > 0 && total < 9e18 ? Int64(total) : nil
  }

  private static func unit(_ name: String) -> Double? {
    switch name {
    case "ns": 1
    case "us", "µs", "μs": 1e3
    case "ms": 1e6
    case "s": 1e9
    case "m": 60e9
    case "h": 3600e9
    default: nil
    }
  }

  /// As nats-server writes up-times: `1y2d3h4m5s`, without leading zero parts.
  public static func uptime(_ nanoseconds: Int64) -> String {
    let seconds = max(0, nanoseconds / 1_000_000_000)
    let parts: [(Int64, String)] = [
      (seconds / 31_536_000, "y"), (seconds / 86_400 % 365, "d"), (seconds / 3600 % 24, "h"),
      (seconds / 60 % 60, "m"), (seconds % 60, "s"),
    ]
    let first = parts.firstIndex { $0.0 > 0 } ?? parts.count - 1
    return parts[first...].map { "\($0.0)\($0.1)" }.joined()
  }

  /// As Go writes short durations: `436µs`, `1.25ms`, `2.5s`.
  public static func short(_ nanoseconds: Int64) -> String {
    switch max(0, nanoseconds) {
    case let value where value < 1_000_000: "\(max(1, value / 1000))µs"
    case let value where value < 1_000_000_000: "\(self.decimal(value / 1000))ms"
    case let value: "\(self.decimal(value / 1_000_000))s"
    }
  }

  /// Thousandths as a decimal number without trailing zeros.
  private static func decimal(_ thousandths: Int64) -> String {
    let rest = thousandths % 1000
    guard rest > 0 else { return "\(thousandths / 1000)" }
    var digits = String(1000 + rest).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(thousandths / 1000).\(digits)"
  }

  /// Reads a duration as Go's `time.ParseDuration` does: `300ms`, `-1.5h`, `2h45m`, `0`.
  ///
  /// - Returns: nanoseconds; `nil` for anything else.
  public static func parseGo(_ text: UnsafeRawBufferPointer) -> Int64? {
    guard let first = text.first, text.count <= 64 else { return nil }
    let isNegative = first == UInt8(ascii: "-")
    let isSigned = isNegative || first == UInt8(ascii: "+")
    let rest = UnsafeRawBufferPointer(rebasing: text[(isSigned ? 1 : 0)...])
    if rest.elementsEqual("0".utf8) { return 0 }
    // To `parse`, digits alone are seconds, and zero in any unit is no duration.
    guard rest.contains(where: { !(0x30...0x39).contains($0) }) else { return nil }
    guard let magnitude = self.parse(rest) ?? self.zero(rest) else { return nil }
    return isNegative ? -magnitude : magnitude
  }

  private static func zero(_ text: UnsafeRawBufferPointer) -> Int64? {
    let digits = text.prefix { $0 == 0x30 || $0 == 0x2E }
    let unit = String(decoding: text[digits.endIndex...], as: UTF8.self)
    return digits.contains(0x30) && self.unit(unit) != nil ? 0 : nil
  }

  /// As Go writes durations: `1h0m0s`, `2m30s`, `1.5s`, `250ms`, `3µs`, `7ns`, `0s`.
  public static func full(_ nanoseconds: Int64) -> String {
    let sign = nanoseconds < 0 ? "-" : ""
    let total = nanoseconds.magnitude
    switch total {
    case 0: return "0s"
    case ..<1000: return "\(sign)\(total)ns"
    case ..<1_000_000: return "\(sign)\(self.decimal(total, per: 1000))µs"
    case ..<1_000_000_000: return "\(sign)\(self.decimal(total, per: 1_000_000))ms"
    default: break
    }
    let minutes = total / 60_000_000_000
    let seconds = self.decimal(total % 60_000_000_000, per: 1_000_000_000)
    if minutes == 0 { return "\(sign)\(seconds)s" }
    return minutes < 60
      ? "\(sign)\(minutes)m\(seconds)s" : "\(sign)\(minutes / 60)h\(minutes % 60)m\(seconds)s"
  }

  private static func decimal(_ number: UInt64, per unit: UInt64) -> String {
    let rest = number % unit
    guard rest > 0 else { return "\(number / unit)" }
    var digits = String(unit + rest).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(number / unit).\(digits)"
  }
}
