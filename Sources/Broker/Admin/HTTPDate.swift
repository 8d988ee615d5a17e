/// Times as HTTP writes them (RFC 9110, 5.6.7).
enum HTTPDate {
  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// A time after 1970, as in `Sun, 06 Nov 1994 08:49:37 GMT`.
  static func text(nanoseconds: Int64) -> String {
    let seconds = max(0, nanoseconds / 1_000_000_000)
    let day = seconds / 86_400
    let (year, month, monthDay) = Self.civil(day)
    let clock = [seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60].map(Self.two)
    return "\(Self.days[Int(day % 7)]), \(Self.two(monthDay)) \(Self.months[Int(month) - 1]) "
      + "\(year) \(clock.joined(separator: ":")) GMT"
  }

  private static func two(_ number: Int64) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }

  /// Year, month and day of a count of days since 1970, in the Gregorian calendar.
  ///
  /// Counted in eras of 400 years that begin in March, so that the leap day is a year's last.
  private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
