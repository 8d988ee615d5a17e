/// A clock without its type: what middleware needs of one.
struct Timekeeper: Sendable {
  /// The time since some moment in the past.
  let now: @Sendable () -> Duration
  /// Sleeps; throws when the task is cancelled.
  let sleep: @Sendable (Duration) async throws -> Void

  init(_ clock: some Clock<Duration>) {
    let start = clock.now
    self.now = { start.duration(to: clock.now) }
    self.sleep = { try await clock.sleep(for: $0.sleepable) }
  }

  /// Sleeps until the time is over, the task is cancelled or the signal is raised.
  func sleep(for duration: Duration, orUntil signal: Signal?) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await self.sleep(duration) }
      if let signal { group.addTask { await signal.wait() } }
      await group.next()
      group.cancelAll()
    }
  }
}

extension Duration {
  /// The duration, or 136 years: clocks trap on times that are too far away.
  package var sleepable: Self { Swift.min(self, .seconds(1 << 32)) }

  /// The duration in nanoseconds, clamped to what fits twice.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = self.components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min / 2 : .max / 2 }
    return Swift.min(Swift.max(scaled, .min / 4), .max / 4) + attoseconds / 1_000_000_000
  }
}
