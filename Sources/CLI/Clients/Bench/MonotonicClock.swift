import NIOCore

/// The time between events of this machine.
enum MonotonicClock {
  /// Nanoseconds since some point in the past.
  static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }
}
