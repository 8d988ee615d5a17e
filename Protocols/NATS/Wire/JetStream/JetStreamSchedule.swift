/// When a scheduled message is due (`Nats-Schedule`, ADR-51).
public enum JetStreamSchedule: Hashable, Sendable {
  /// Once.
  case at(JetStreamTimestamp)
  /// Again and again, so many nanoseconds apart; at least a second.
  case every(Int64)
  /// By a cron expression of six fields, seconds first.
  case cron(String)

  /// Reads `@at <time>`, `@every <duration>`, `@hourly` and its kin, or six fields.
  ///
  /// - Returns: `nil` when it is none of these. Whether the six fields name times, the schedule
  ///   that is made of them says.
  public init?(_ text: String) {
    if text.hasPrefix("@at ") {
      guard let moment = JetStreamTimestamp(String(text.dropFirst(4))) else { return nil }
      self = .at(moment)
    } else if text.hasPrefix("@every ") {
      var rest = String(text.dropFirst(7))
      guard let interval = rest.withUTF8({ NATSDuration.parseGo(UnsafeRawBufferPointer($0)) }),
        interval >= 1_000_000_000
      else { return nil }
      self = .every(interval)
    } else if text.hasPrefix("@") {
      guard let expression = Self.named[text] else { return nil }
      self = .cron(expression)
    } else {
      guard text.split(separator: " ").count == 6 else { return nil }
      self = .cron(text)
    }
  }

  private static let named = [
    "@yearly": "0 0 0 1 1 *", "@annually": "0 0 0 1 1 *", "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0", "@daily": "0 0 0 * * *", "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
  ]
}
