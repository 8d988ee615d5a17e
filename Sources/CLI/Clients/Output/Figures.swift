/// Numbers as people read them.
enum Figures {
  /// As in `1,234,567`.
  static func grouped(_ number: Int) -> String {
    let digits = Array(String(number.magnitude))
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// A number and its noun: `1 message`, `2 messages`.
  static func counted(_ number: Int, _ noun: String) -> String {
    "\(Self.grouped(number)) \(noun)\(number == 1 ? "" : "s")"
  }

  /// As in `840 ns`, `81.2 µs`, `3.04 ms`, `12.0 s`.
  static func duration(nanoseconds: UInt64) -> String {
    let value = Double(nanoseconds)
    switch nanoseconds {
    case ..<1_000: return "\(nanoseconds) ns"
    case ..<1_000_000: return "\(Self.threeDigits(value / 1e3)) µs"
    case ..<1_000_000_000: return "\(Self.threeDigits(value / 1e6)) ms"
    default: return "\(Self.threeDigits(value / 1e9)) s"
    }
  }

  /// As in `512 B`, `1.50 KiB`, `64.0 MiB`.
  static func bytes(_ count: Double) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = count
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(Int(value)) B" : "\(Self.threeDigits(value)) \(units[unit])"
  }

  /// A number with at least three significant digits: `1.23`, `12.3`, `123`, `1234`.
  static func threeDigits(_ value: Double) -> String {
    if value < 9.995 { return Self.fixed(value, 2) }
    if value < 99.95 { return Self.fixed(value, 1) }
    return Self.fixed(value, 0)
  }

  /// A number that is not negative, with so many digits behind the point.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite, value < 1e15 else { return "\(value)" }
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((value * Double(scale)).rounded())
    guard digits > 0 else { return String(scaled) }
    let fraction = String(scaled % scale)
    let zeros = String(repeating: "0", count: digits - fraction.count)
    return "\(scaled / scale).\(zeros)\(fraction)"
  }

  /// Text in a column, at its left or right edge.
  static func column(_ text: String, _ width: Int, right: Bool = false) -> String {
    let blanks = String(repeating: " ", count: max(0, width - text.count))
    return right ? blanks + text : text + blanks
  }
}
