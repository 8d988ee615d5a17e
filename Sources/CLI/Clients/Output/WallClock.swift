import Foundation
import GodwitBroker

/// The time of day, for people and for machines.
struct WallClock: Hashable, Sendable {
  /// Seconds since 1970.
  var seconds: Int
  /// Thousandths of the second.
  var milliseconds: Int

  /// A point in time.
  init(seconds: Int, milliseconds: Int) {
    self.seconds = seconds
    self.milliseconds = milliseconds
  }

  /// Now.
  static var now: WallClock {
    let (seconds, rest) = TimeOfDay.nanoseconds().quotientAndRemainder(dividingBy: 1_000_000_000)
    return WallClock(seconds: Int(seconds), milliseconds: Int(rest / 1_000_000))
  }

  /// As in `14:03:07.042`, where the user lives.
  var timeOfDay: String {
    var time = self.seconds
    var fields = tm()
    localtime_r(&time, &fields)
    return Self.clock(fields) + "." + Self.padded(self.milliseconds, 3)
  }

  /// As in `2026-11-21T02:33:07.042Z` (RFC 3339).
  var timestamp: String {
    var time = self.seconds
    var fields = tm()
    gmtime_r(&time, &fields)
    let date = [
      Self.padded(Int(fields.tm_year) + 1900, 4), Self.padded(Int(fields.tm_mon) + 1, 2),
      Self.padded(Int(fields.tm_mday), 2),
    ]
    let clock = Self.clock(fields)
    return "\(date.joined(separator: "-"))T\(clock).\(Self.padded(self.milliseconds, 3))Z"
  }

  private static func clock(_ fields: tm) -> String {
    [fields.tm_hour, fields.tm_min, fields.tm_sec].map { Self.padded(Int($0), 2) }
      .joined(separator: ":")
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
