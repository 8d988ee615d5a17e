import GodwitEngine

/// Tells a socket that takes bytes slowly from one that takes none. Apart from its connection,
/// since most have nothing to watch.
final class WriteWatch {
  /// How far sending has come.
  struct Position: Hashable {
    /// Bytes that the socket has taken. Framing below the connection (TLS, WebSocket) adds bytes
    /// of its own to those that wait, so that this may fall a little, but never rises by itself.
    var taken: Int64
    /// Bytes that wait.
    var waiting: Int
  }

  /// When the next look is.
  var timer: Timers.Token?
  private var last: Position
  private var since: Int64

  /// Begins at `position`.
  init(_ position: Position, now: Int64) {
    self.last = position
    self.since = now
  }

  /// Looks again.
  ///
  /// - Returns: for how many nanoseconds, as far as was seen, the socket has taken nothing of what
  ///   waits; `nil` when nothing waits.
  func idle(at position: Position, now: Int64) -> Int64? {
    guard position.waiting > 0 else { return nil }
    if position.taken > self.last.taken || position.waiting < self.last.waiting {
      self.since = now
      self.last = position
    }
    return now - self.since
  }
}
