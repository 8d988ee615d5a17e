import Glibc

/// The system's clock.
public enum TimeOfDay {
  /// Nanoseconds since 1970. Goes back when somebody sets the clock back.
  public static func nanoseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
  }
}
