/// Times of day in RFC 3339, as nats-server's monitoring writes them.
enum NATSTimestamp {
  /// `2026-11-21T02:23:40.5Z`, in UTC with as many decimals as needed.
  ///
  /// - Parameter nanoseconds: since 1970; not negative.
  static func text(_ nanoseconds: Int64) -> String {
    let seconds = nanoseconds / 1_000_000_000
    let (year, month, day) = self.date(seconds / 86_400)
    let clock = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map { self.two($0) }
    var text = "\(year)-\(self.two(month))-\(self.two(day))T" + clock.joined(separator: ":")
    let fraction = nanoseconds % 1_000_000_000
    if fraction > 0 {
      var digits = String(1_000_000_000 + fraction).dropFirst()
      while digits.last == "0" { digits.removeLast() }
      text += ".\(digits)"
    }
    return text + "Z"
  }

  private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// The Gregorian date of a day since 1970. Counts in eras of 400 years that begin on 1 March, so
  /// that the leap day is the last of its year.
  private static func date(_ day: Int64) -> (Int64, Int64, Int64) {
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }
}
