import GodwitWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A moment to the nanosecond, as MessagePack's timestamp extension carries it; `Date` is coarser.
///
/// In other formats it is an object with `seconds` and `nanoseconds`.
public struct MessagePackTime: Hashable, Sendable, Codable {
  /// Whole seconds since 1970, negative before.
  public var seconds: Int64
  /// The rest: 0 to 999,999,999, forward in time also before 1970.
  public var nanoseconds: UInt32

  /// A moment. More than 999,999,999 nanoseconds cannot be written.
  public init(seconds: Int64, nanoseconds: UInt32 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }
}

extension MessagePackTimestamp {
  /// Seconds from 1970 to 2001, where `Date` begins to count: there it is most exact.
  private static let reference: Int64 = 978_307_200

  /// The moment of a date; `nil` for one that is not a number or beyond all calendars.
  init?(_ date: Date) {
    let interval = date.timeIntervalSinceReferenceDate
    let whole = interval.rounded(.down)
    guard let seconds = Int64(exactly: whole) else { return nil }
    let rest = UInt32(((interval - whole) * 1e9).rounded())
    let (carry, nanoseconds) = rest.quotientAndRemainder(dividingBy: 1_000_000_000)
    let (sum, overflow) = seconds.addingReportingOverflow(Self.reference + Int64(carry))
    guard !overflow else { return nil }
    self.init(seconds: sum, nanoseconds: nanoseconds)
  }

  /// The date of the moment.
  var date: Date {
    let (seconds, overflow) = self.seconds.subtractingReportingOverflow(Self.reference)
    let whole = overflow ? Double(self.seconds) : Double(seconds)
    return Date(timeIntervalSinceReferenceDate: whole + Double(self.nanoseconds) / 1e9)
  }
}
