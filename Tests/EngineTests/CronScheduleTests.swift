import Testing

@testable import GodwitEngine

@Suite struct CronScheduleTests {
  private static let second: Int64 = 1_000_000_000
  /// 2026-02-27 22:58:30 UTC, a Friday.
  private static let start: Int64 = 1_772_233_110 * second

  /// The next `count` moments as days, hours, minutes and seconds since 2026-02-27 00:00 UTC.
  private static func moments(_ text: String, _ count: Int = 3, offset: Int64 = 0) -> [String] {
    guard let schedule = CronSchedule(text) else { return ["none"] }
    var moments: [String] = []
    var time = self.start
    for _ in 0..<count {
      guard let next = schedule.next(after: time, offsetSeconds: offset) else { return moments }
      time = next
      let seconds = next / self.second - 1_772_150_400
      moments.append(
        "\(seconds / 86_400)+\(seconds / 3_600 % 24):\(seconds / 60 % 60):\(seconds % 60)")
    }
    return moments
  }

  @Test(arguments: [
    ("* * * * * *", ["0+22:58:31", "0+22:58:32", "0+22:58:33"]),
    ("30 58 22 * * *", ["1+22:58:30", "2+22:58:30", "3+22:58:30"]),
    ("0 */15 * * * *", ["0+23:0:0", "0+23:15:0", "0+23:30:0"]),
    ("5,10 0 0 * * *", ["1+0:0:5", "1+0:0:10", "2+0:0:5"]),
    ("0 0 9-17/4 * * *", ["1+9:0:0", "1+13:0:0", "1+17:0:0"]),
    ("0 30/20 * * * ?", ["0+23:30:0", "0+23:50:0", "1+0:30:0"]),
    ("0 0 0 1 * *", ["2+0:0:0", "33+0:0:0", "63+0:0:0"]),
    ("0 0 0 * * MON", ["3+0:0:0", "10+0:0:0", "17+0:0:0"]),
    ("0 0 0 * * 0", ["2+0:0:0", "9+0:0:0", "16+0:0:0"]),
    ("0 0 0 1 jan *", ["308+0:0:0", "673+0:0:0", "1039+0:0:0"]),
    // The 29th of February of 2028, 2032 and 2036.
    ("0 0 0 29 2 *", ["732+0:0:0", "2193+0:0:0", "3654+0:0:0"]),
    // Either day, where both are named: Saturday the 28th, then the 1st, then the next Saturday.
    ("0 0 0 1 * sat", ["1+0:0:0", "2+0:0:0", "8+0:0:0"]),
    ("59 59 23 31 12 *", ["307+23:59:59", "672+23:59:59", "1038+23:59:59"]),
  ])
  func momentsFollow(_ text: String, _ expected: [String]) {
    #expect(Self.moments(text) == expected)
  }

  @Test func aClockMayBeAheadOfUTC() {
    #expect(Self.moments("0 0 0 * * *", 2, offset: 7_200) == ["1+22:0:0", "2+22:0:0"])
    #expect(Self.moments("0 0 0 * * *", 2, offset: -3_600) == ["1+1:0:0", "2+1:0:0"])
  }

  @Test(arguments: [
    "", "* * * * *", "* * * * * * *", "60 * * * * *", "* 60 * * * *", "* * 24 * * *",
    "* * * 0 * *", "* * * 32 * *", "* * * * 0 *", "* * * * 13 *", "* * * * * 7", "*/0 * * * * *",
    "5-1 * * * * *", "1- * * * * *", "-1 * * * * *", "a * * * * *", "* * * * mon *",
    "1,,2 * * * * *",
    "1/2/3 * * * * *", "99999999999999999999 * * * * *", "* * * * * 1-", "+1 * * * * *",
    "0 0 0 30 2 *", "0 0 0 31 feb,apr,jun *",
  ])
  func whatIsNoExpressionIsRefused(_ text: String) {
    #expect(CronSchedule(text) == nil)
  }

  @Test func isWhatLookingAtEverySecondFinds() throws {
    var random = Random(seed: 7)
    for _ in 0..<60 {
      let second = Int.random(in: 0...59, using: &random)
      let minutes = Int.random(in: 1...30, using: &random)
      let hour = Int.random(in: 0...23, using: &random)
      let text = "\(second) */\(minutes) \(hour) * * *"
      let schedule = try #require(CronSchedule(text))
      let start = Self.start / Self.second + Int64.random(in: 0...200_000, using: &random)
      var moment = start + 1
      while !(moment % 60 == second && Int(moment / 60 % 60) % minutes == 0
        && moment / 3_600 % 24 == hour)
      {
        moment += 1
      }
      #expect(schedule.next(after: start * Self.second) == moment * Self.second, "\(text)")
      // Within a second counts as before the next.
      #expect(schedule.next(after: start * Self.second + 1) == moment * Self.second)
    }
  }

  @Test func nothingOverflows() {
    let schedule = CronSchedule("0 0 0 * * *")
    #expect(schedule?.next(after: .max) == nil)
    #expect(schedule?.next(after: .min) != nil)
    #expect(Recurrence.every(5).next(after: .max) == nil)
    #expect(Recurrence.every(5).next(after: 10) == 15)
    #expect(
      schedule.flatMap { Recurrence.cron($0, offsetSeconds: 0).next(after: 0) }
        == 86_400 * Self.second)
  }
}
