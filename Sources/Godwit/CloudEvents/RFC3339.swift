#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Moments as text (RFC 3339): `2018-04-05T17:31:00.25Z`.
enum RFC3339 {
  /// From 1970 to where `Date` begins to count.
  private static let reference = 978_307_200
  /// How many microseconds make a second.
  private static let million = 1_000_000

  /// The text of a date in UTC, to the microsecond; `nil` before the year 0 and after 9999.
  static func format(_ date: Date) -> String? {
    let scaled = (date.timeIntervalSinceReferenceDate * 1e6).rounded()
    guard scaled.isFinite, abs(scaled) < 1e18 else { return nil }
    let micros = Int(scaled) + self.reference * self.million
    let seconds = self.floor(micros, self.million)
    let days = self.floor(seconds, 86_400)
    let (year, month, day) = self.civil(days)
    guard (0...9999).contains(year) else { return nil }
    let time = seconds - days * 86_400
    var text = "\(self.pad(year, 4))-\(self.pad(month, 2))-\(self.pad(day, 2))T"
    text += "\(self.pad(time / 3_600, 2)):\(self.pad(time / 60 % 60, 2)):\(self.pad(time % 60, 2))"
    let rest = micros - seconds * self.million
    guard rest > 0 else { return text + "Z" }
    var fraction = self.pad(rest, 6)
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return "\(text).\(fraction)Z"
  }

  /// The date of a text; `nil` when it is none. A leap second is the second after it.
  static func parse(_ text: String) -> Date? {
    var rest = Substring(text).utf8
    guard let year = self.number(&rest, 4), self.take(&rest, "-"),
      let month = self.number(&rest, 2), (1...12).contains(month), self.take(&rest, "-"),
      let day = self.number(&rest, 2), (1...self.days(of: month, year)).contains(day),
      self.take(&rest, "T") || self.take(&rest, "t") || self.take(&rest, " "),
      let hour = self.number(&rest, 2), hour < 24, self.take(&rest, ":"),
      let minute = self.number(&rest, 2), minute < 60, self.take(&rest, ":"),
      let second = self.number(&rest, 2), second <= 60,
      let fraction = self.fraction(&rest), let offset = self.offset(&rest), rest.isEmpty
    else { return nil }
    let days = self.days(year, month, day)
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
    return Date(timeIntervalSinceReferenceDate: Double(seconds - self.reference) + fraction)
  }

  private static func take(_ rest: inout Substring.UTF8View, _ byte: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: byte) else { return false }
    rest.removeFirst()
    return true
  }

  private static func number(_ rest: inout Substring.UTF8View, _ digits: Int) -> Int? {
    var number = 0
    for _ in 0..<digits {
      guard let digit = self.digit(&rest) else { return nil }
      number = number * 10 + digit
    }
    return number
  }

  private static func digit(_ rest: inout Substring.UTF8View) -> Int? {
    guard let byte = rest.first, (0x30...0x39).contains(byte) else { return nil }
    rest.removeFirst()
    return Int(byte) - 0x30
  }

  /// A fraction of a second, as long as it likes.
  private static func fraction(_ rest: inout Substring.UTF8View) -> Double? {
    guard self.take(&rest, ".") else { return 0 }
    var number = 0.0
    var scale = 1.0
    while let digit = self.digit(&rest) {
      scale *= 10
      // Beyond what a double tells apart.
      if scale <= 1e15 { number += Double(digit) / scale }
    }
    return scale > 1 ? number : nil
  }

  /// Seconds east of Greenwich.
  private static func offset(_ rest: inout Substring.UTF8View) -> Int? {
    if self.take(&rest, "Z") || self.take(&rest, "z") { return 0 }
    let isWest = self.take(&rest, "-")
    guard isWest || self.take(&rest, "+"), let hours = self.number(&rest, 2), hours < 24,
      self.take(&rest, ":"), let minutes = self.number(&rest, 2), minutes < 60
    else { return nil }
    let seconds = hours * 3_600 + minutes * 60
    return isWest ? -seconds : seconds
  }

  private static func pad(_ number: Int, _ count: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
  }

  private static func floor(_ number: Int, _ divisor: Int) -> Int {
    let (quotient, rest) = number.quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? quotient - 1 : quotient
  }

  private static func days(of month: Int, _ year: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return switch month {
    case 2: isLeap ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since 1970-01-01 in the Gregorian calendar. Years begin in March here, so that a leap day
  /// is a year's last.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return 365 * year + self.floor(year, 4) - self.floor(year, 100) + self.floor(year, 400)
      + dayOfYear - 719_468
  }

  /// The date that lies that many days after 1970-01-01.
  private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = self.floor(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}
