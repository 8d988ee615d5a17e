import Synchronization

/// Tells how brokers and subscriptions are, from what they are doing: for health endpoints.
public final class HealthMonitor: Sendable {
  private struct Sight {
    var done: UInt64
    var since: Duration
  }

  private let brokers: [Broker]
  private let subscriptions: [Subscription]
  private let stalledAfter: Duration?
  private let time: Timekeeper
  private let seen: Mutex<[Sight?]>

  /// A monitor.
  ///
  /// - Parameters:
  ///   - stalledAfter: how long a subscription may have handlers at work without any of them coming
  ///     to an end, before it counts as stalled; longer than the slowest handler. Progress is seen
  ///     when `report` is called. `nil`, the default: never.
  ///   - clock: tells the time.
  public init(
    brokers: [Broker], subscriptions: [Subscription] = [], stalledAfter: Duration? = nil,
    clock: some Clock<Duration> = ContinuousClock()
  ) {
    self.brokers = brokers
    self.subscriptions = subscriptions
    self.stalledAfter = stalledAfter
    self.time = Timekeeper(clock)
    self.seen = Mutex(Array(repeating: nil, count: subscriptions.count))
  }

  /// How everything is now.
  public func report() -> HealthReport {
    let now = self.time.now()
    return HealthReport(
      brokers: self.brokers.map { broker in
        let state = broker.state
        return .init(
          system: broker.driver.system, state: state.word, isConnected: state.isConnected)
      },
      subscriptions: self.subscriptions.enumerated().map { index, subscription in
        let progress = subscription.progress
        return .init(
          id: subscription.id, pattern: subscription.pattern, group: subscription.group,
          isSubscribed: subscription.isSubscribed,
          isStalled: self.isStalled(index, progress, now: now), settled: progress.settled,
          retried: progress.retried, dead: progress.dead, active: progress.active)
      })
  }

  private func isStalled(
    _ index: Int, _ progress: Subscription.Progress, now: Duration
  ) -> Bool {
    let done = progress.settled &+ progress.retried
    return self.seen.withLock { seen in
      guard progress.active > 0 else {
        seen[index] = nil
        return false
      }
      guard let sight = seen[index], sight.done == done else {
        seen[index] = Sight(done: done, since: now)
        return false
      }
      return self.stalledAfter.map { now - sight.since >= $0 } ?? false
    }
  }
}

extension Subscription {
  /// Whether it has subscribed, and was not asked to stop.
  public var isSubscribed: Bool {
    self.driverSubscription != nil && !self.drainRequested.isRaised
  }
}

extension ConnectionState {
  /// The state without its reason.
  fileprivate var word: String {
    switch self {
    case .idle: "idle"
    case .connected: "connected"
    case .reconnecting: "reconnecting"
    case .failed: "failed"
    case .closed: "closed"
    }
  }
}
