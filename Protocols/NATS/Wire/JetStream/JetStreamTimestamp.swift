public import GodwitWire

/// A moment as Go writes it in JSON: RFC 3339 in UTC, up to nanoseconds.
public struct JetStreamTimestamp: Hashable, Comparable, Sendable {
  /// Seconds since 1970-01-01T00:00:00Z; negative before.
  public var seconds: Int64
  /// Nanoseconds within the second: 0 to 999,999,999.
  public var nanoseconds: Int32

  /// Makes a moment.
  public init(seconds: Int64, nanoseconds: Int32 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// Makes a moment from nanoseconds since 1970.
  public init(nanosecondsSince1970: Int64) {
    let (quotient, remainder) = nanosecondsSince1970.quotientAndRemainder(dividingBy: 1_000_000_000)
    self.seconds = remainder < 0 ? quotient - 1 : quotient
    self.nanoseconds = Int32(remainder < 0 ? remainder + 1_000_000_000 : remainder)
  }

  /// Go's zero time, which stands for none: the first second of the year 1.
  public static var zero: Self { Self(seconds: -62_135_596_800) }

  /// Whether this is Go's zero time.
  public var isZero: Bool { self == .zero }

  /// Nanoseconds since 1970; the nearest that fits when this is out of the range of 1678 to 2262.
  public var nanosecondsSince1970: Int64 {
    let (product, overflows) = self.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carries) = product.addingReportingOverflow(Int64(self.nanoseconds))
    guard !overflows, !carries else { return self.seconds < 0 ? .min : .max }
    return sum
  }

  /// Whether the first is earlier.
  public static func < (first: Self, second: Self) -> Bool {
    (first.seconds, first.nanoseconds) < (second.seconds, second.nanoseconds)
  }
}

extension JetStreamTimestamp: CustomStringConvertible {
  /// Reads `2006-01-02T15:04:05[.999999999]Z`, or with an offset such as `+01:00` in place of `Z`.
  ///
  /// - Returns: `nil` when it is not of this form or no such day exists. Digits behind the ninth
  ///   are cut off.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.count <= 64 else { return nil }
    func number(_ range: Range<Int>) -> Int64? {
      var value: Int64 = 0
      for index in range {
        guard (0x30...0x39).contains(bytes[index]) else { return nil }
        value = value * 10 + Int64(bytes[index] - 0x30)
      }
      return value
    }
    let separators: [(Int, UInt8)] = [(4, 0x2D), (7, 0x2D), (10, 0x54), (13, 0x3A), (16, 0x3A)]
    guard separators.allSatisfy({ bytes[$0.0] == $0.1 }),
      let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
      (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year),
      hour < 24, minute < 60, second < 60
    else { return nil }
    var index = 19
    var fraction: Int64 = 0
    if bytes[index] == UInt8(ascii: ".") || bytes[index] == UInt8(ascii: ",") {
      index += 1
      var digits = 0
      while index < bytes.count, (0x30...0x39).contains(bytes[index]) {
        if digits < 9 { fraction = fraction * 10 + Int64(bytes[index] - 0x30) }
        digits += 1
        index += 1
      }
      guard digits > 0 else { return nil }
      for _ in min(digits, 9)..<9 { fraction *= 10 }
    }
    var offset: Int64 = 0
    if index + 1 == bytes.count, bytes[index] == UInt8(ascii: "Z") {
      offset = 0
    } else if index + 6 == bytes.count, bytes[index + 3] == UInt8(ascii: ":"),
      bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-"),
      let hours = number(index + 1..<index + 3), let minutes = number(index + 4..<index + 6),
      hours < 24, minutes < 60
    {
      offset = (hours * 60 + minutes) * 60 * (bytes[index] == UInt8(ascii: "-") ? -1 : 1)
    } else {
      return nil
    }
    let days = Self.daysSince1970(year, month, day)
    self.seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
    self.nanoseconds = Int32(fraction)
  }

  /// As Go writes it, without trailing zeros in the fraction.
  public var description: String {
    let day = self.seconds >= 0 ? self.seconds / 86_400 : (self.seconds + 1) / 86_400 - 1
    let second = self.seconds - day * 86_400
    let (year, month, dayOfMonth) = Self.date(daysSince1970: day)
    var text = Self.padded(year, 4) + "-" + Self.padded(month, 2) + "-"
    text += Self.padded(dayOfMonth, 2) + "T" + Self.padded(second / 3600, 2) + ":"
    text += Self.padded(second / 60 % 60, 2) + ":" + Self.padded(second % 60, 2)
    if self.nanoseconds > 0 {
      var digits = Self.padded(Int64(self.nanoseconds), 9)
      while digits.last == "0" { digits.removeLast() }
      text += "." + digits
    }
    return text + "Z"
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  private static func days(in month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// The Gregorian calendar in years that begin in March, so that leap days come last.
  private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func date(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = daysSince1970 + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = (shiftedMonth + 2) % 12 + 1
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

extension JetStreamTimestamp: JetStreamValue {
  /// Reads the text form.
  public static func read(_ json: JSONValue, in context: inout JetStreamFields) -> Self? {
    guard let text = json.string else { return nil }
    guard let moment = Self(text) else {
      context.fail("parsing time \(String(reflecting: text)): not of RFC 3339's form")
      return nil
    }
    return moment
  }

  /// Writes the text form.
  public func write(to writer: inout JSONWriter) { writer.string(self.description) }

  /// False, as in Go.
  public var isEmptyField: Bool { false }
}
