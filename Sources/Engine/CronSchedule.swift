/// The moments that a cron expression of six fields names: second, minute, hour, day of the month,
/// month, day of the week. Pure.
///
/// A field is `*` or `?`, or numbers, ranges `a-b` and steps `*/n`, `a-b/n` or `a/n` with commas
/// between them; months and days of the week may be called by the first three letters of their
/// English names, and Sunday is 0. Where neither day field is `*` or `?`, a day that either names
/// is meant.
public struct CronSchedule: Hashable, Sendable {
  /// Seconds and minutes in 60 bits, hours in 24, days from bit 1, months from bit 1, days of the
  /// week in 7.
  private var seconds: UInt64
  private var minutes: UInt64
  private var hours: UInt64
  private var days: UInt64
  private var months: UInt64
  private var weekdays: UInt64
  private var isEitherDay: Bool

  private static var monthNames: [String] {
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
  }
  private static var dayNames: [String] { ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] }
  /// Some day in so many years is the 29th of February on a given day of the week.
  private static var yearsMax: Int64 { 41 }
  private static var textMax: Int { 512 }

  /// Reads an expression.
  ///
  /// - Returns: `nil` when it is none, or names no moment in 40 years.
  public init?(_ text: String) {
    guard text.utf8.count <= Self.textMax else { return nil }
    let fields = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard fields.count == 6,
      let seconds = Self.field(fields[0], 0...59),
      let minutes = Self.field(fields[1], 0...59),
      let hours = Self.field(fields[2], 0...23),
      let days = Self.field(fields[3], 1...31),
      let months = Self.field(fields[4], 1...12, Self.monthNames),
      let weekdays = Self.field(fields[5], 0...6, Self.dayNames)
    else { return nil }
    self.seconds = seconds.bits
    self.minutes = minutes.bits
    self.hours = hours.bits
    self.days = days.bits
    self.months = months.bits
    self.weekdays = weekdays.bits
    self.isEitherDay = !days.isAny && !weekdays.isAny
    guard self.next(after: 0) != nil else { return nil }
  }

  private static func field(
    _ text: Substring, _ range: ClosedRange<Int>, _ names: [String] = []
  ) -> (bits: UInt64, isAny: Bool)? {
    var bits: UInt64 = 0
    var isAny = false
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
      guard pieces.count <= 2, let first = pieces.first, !first.isEmpty else { return nil }
      var step = 1
      if pieces.count == 2 {
        guard let given = self.number(pieces[1], []), given > 0 else { return nil }
        step = given
      }
      let span: ClosedRange<Int>
      if first == "*" || first == "?" {
        span = range
        if step == 1 { isAny = true }
      } else {
        let ends = first.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2, let low = self.number(ends[0], names, from: range.lowerBound)
        else { return nil }
        var high = pieces.count == 2 ? range.upperBound : low
        if ends.count == 2 {
          guard let given = self.number(ends[1], names, from: range.lowerBound) else { return nil }
          high = given
        }
        guard range.contains(low), range.contains(high), low <= high else { return nil }
        span = low...high
      }
      for value in stride(from: span.lowerBound, through: span.upperBound, by: step) {
        bits |= 1 << UInt64(value)
      }
    }
    return (bits, isAny)
  }

  private static func number(
    _ text: Substring, _ names: [String], from lowest: Int = 0
  ) -> Int? {
    if let place = names.firstIndex(of: text.lowercased()) { return place + lowest }
    guard (1...4).contains(text.utf8.count),
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return Int(text)
  }

  /// The first moment after `time`, both in nanoseconds since 1970; `nil` when there is none in 40
  /// years.
  ///
  /// - Parameter offsetSeconds: how far the clock that the expression means is ahead of UTC.
  public func next(after time: Int64, offsetSeconds: Int64 = 0) -> Int64? {
    let local = Self.floor(time, 1_000_000_000) + offsetSeconds + 1
    var day = Self.floor(local, 86_400)
    var second = local - day * 86_400
    let end = day + Self.yearsMax * 366
    while day <= end {
      let date = Self.date(of: day)
      guard self.months & (1 << UInt64(date.month)) != 0 else {
        day = Self.day(date.month == 12 ? date.year + 1 : date.year, date.month % 12 + 1)
        second = 0
        continue
      }
      if self.isMeant(day, date.day), let found = self.second(from: second) {
        let moment = (day * 86_400 + found - offsetSeconds)
          .multipliedReportingOverflow(by: 1_000_000_000)
        return moment.overflow ? nil : moment.partialValue
      }
      day += 1
      second = 0
    }
    return nil
  }

  private func isMeant(_ day: Int64, _ dayOfMonth: Int64) -> Bool {
    // The first of January 1970 was a Thursday.
    let weekday = (day % 7 + 11) % 7
    let byDay = self.days & (1 << UInt64(dayOfMonth)) != 0
    let byWeekday = self.weekdays & (1 << UInt64(weekday)) != 0
    return self.isEitherDay ? byDay || byWeekday : byDay && byWeekday
  }

  /// The first second of a day from `second` on.
  private func second(from second: Int64) -> Int64? {
    var hour = second / 3_600
    var minute = second / 60 % 60
    var least = second % 60
    while let nextHour = Self.bit(self.hours, from: hour) {
      if nextHour > hour { (minute, least) = (0, 0) }
      hour = nextHour
      while let nextMinute = Self.bit(self.minutes, from: minute) {
        if nextMinute > minute { least = 0 }
        if let found = Self.bit(self.seconds, from: least) {
          return hour * 3_600 + nextMinute * 60 + found
        }
        minute = nextMinute + 1
        least = 0
      }
      hour += 1
      (minute, least) = (0, 0)
    }
    return nil
  }

  private static func bit(_ bits: UInt64, from place: Int64) -> Int64? {
    guard place < 64 else { return nil }
    let rest = bits >> UInt64(place)
    return rest == 0 ? nil : place + Int64(rest.trailingZeroBitCount)
  }

  // MARK: The calendar

  private static func floor(_ value: Int64, _ unit: Int64) -> Int64 {
    let quotient = value / unit
    return value % unit < 0 ? quotient - 1 : quotient
  }

  /// The date of a day since 1970 (proleptic Gregorian; years begin in March while it is computed).
  static func date(of day: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = day + 719_468
    let era = self.floor(shifted, 146_097)
    let inEra = shifted - era * 146_097
    let year = (inEra - inEra / 1_460 + inEra / 36_524 - inEra / 146_096) / 365
    let inYear = inEra - (365 * year + year / 4 - year / 100)
    let march = (5 * inYear + 2) / 153
    let month = march < 10 ? march + 3 : march - 9
    return (
      year + era * 400 + (month <= 2 ? 1 : 0), month, inYear - (153 * march + 2) / 5 + 1
    )
  }

  /// The first day of a month, in days since 1970.
  private static func day(_ year: Int64, _ month: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = self.floor(shifted, 400)
    let inEra = shifted - era * 400
    let inYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
    return era * 146_097 + inEra * 365 + inEra / 4 - inEra / 100 + inYear - 719_468
  }
}

/// When something happens again and again.
public enum Recurrence: Hashable, Sendable {
  /// So many nanoseconds apart, counted from when it last happened.
  case every(Int64)
  /// At the moments of a cron expression, on a clock so many seconds ahead of UTC.
  case cron(CronSchedule, offsetSeconds: Int64)

  /// The next time after `time`, both in nanoseconds since 1970. What was missed while nobody
  /// looked is not made up for.
  public func next(after time: Int64) -> Int64? {
    switch self {
    case .every(let interval):
      let sum = time.addingReportingOverflow(max(1, interval))
      return sum.overflow ? nil : sum.partialValue
    case .cron(let schedule, let offset): return schedule.next(after: time, offsetSeconds: offset)
    }
  }
}
