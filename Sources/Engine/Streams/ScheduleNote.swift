/// When a stream sends a message on that it keeps.
public enum SendingTime: Hashable, Sendable {
  /// Once, at that time in the engine's clock; at once where that is over.
  case once(Int64)
  /// Again and again.
  case again(Recurrence)

  /// The first time, for a message that came in at `time`.
  func first(after time: Int64) -> Int64? {
    switch self {
    case .once(let at): at
    case .again: self.next(after: time)
    }
  }

  /// The time after `time`; `nil` for never.
  func next(after time: Int64) -> Int64? {
    switch self {
    case .once: nil
    case .again(.every(let interval)):
      // Intervals are counted from whole seconds, as cron's moments are.
      Recurrence.every(interval).next(after: Self.rounded(time))
    case .again(let recurrence): recurrence.next(after: time)
    }
  }

  private static func rounded(_ time: Int64) -> Int64 {
    let second: Int64 = 1_000_000_000
    let (sum, overflows) = time.addingReportingOverflow(second / 2)
    return overflows ? time : sum - sum % second
  }
}

/// What a message has to do with schedules, in a stream that sends messages on.
public indirect enum ScheduleNote: Hashable, Sendable {
  /// The message is to be sent on at some time (`begins`); or it was sent on from the record of a
  /// topic (`from`), which is due again at `next`; where that is `nil`, its records go.
  case note(begins: SendingTime?, from: [UInt8]?, next: Int64?)

  var begins: SendingTime? {
    switch self {
    case .note(let begins, _, _): begins
    }
  }

  var from: [UInt8]? {
    switch self {
    case .note(_, let from, _): from
    }
  }

  var next: Int64? {
    switch self {
    case .note(_, _, let next): next
    }
  }
}

/// A record whose time has come, for its protocol to send on.
public struct DueRecord {
  /// The record.
  public let record: Record
  /// The record's offset.
  public let offset: UInt64
  /// When it is due again; `nil` for never.
  public let next: Int64?
}
