import NATSWire

/// Times of day in RFC 3339, as nats-server's monitoring writes them.
enum NATSTimestamp {
  /// `2026-11-21T02:23:40.5Z`, in UTC with as many decimals as needed.
  ///
  /// - Parameter nanoseconds: since 1970; not negative.
  static func text(_ nanoseconds: Int64) -> String {
    JetStreamTimestamp(nanosecondsSince1970: nanoseconds).description
  }
}
