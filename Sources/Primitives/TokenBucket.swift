/// A rate limit: tokens come in steadily, bursts may spend what has been saved.
///
/// Time is an argument, in nanoseconds of any monotonic clock.
public struct TokenBucket: Sendable {
  /// Tokens added per second.
  public let perSecond: Double
  /// How many tokens can be saved.
  public let burst: Double
  private var tokens: Double
  private var updated: Int64

  /// A full bucket.
  public init(perSecond: Double, burst: Double, now: Int64) {
    self.perSecond = perSecond
    self.burst = burst
    self.tokens = burst
    self.updated = now
  }

  /// Takes `count` tokens if they are there.
  public mutating func take(_ count: Double = 1, now: Int64) -> Bool {
    if now > self.updated {
      let elapsed = Double(now - self.updated) / 1_000_000_000
      self.tokens = min(self.burst, self.tokens + elapsed * self.perSecond)
      self.updated = now
    }
    guard self.tokens >= count else { return false }
    self.tokens -= count
    return true
  }
}
