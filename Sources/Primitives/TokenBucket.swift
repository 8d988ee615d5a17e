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
    self.fill(now: now)
    guard self.tokens >= count else { return false }
    self.tokens -= count
    return true
  }

  /// Takes `count` tokens now or in advance, so that takers stand in line.
  ///
  /// - Returns: after how many nanoseconds they will all be there; `nil`, and nothing is taken,
  ///   when that is longer than `waitMax`.
  public mutating func reserve(_ count: Double = 1, now: Int64, waitMax: Int64) -> Int64? {
    self.fill(now: now)
    let missing = count - self.tokens
    let wait = missing <= 0 ? 0 : (missing / self.perSecond * 1_000_000_000).rounded(.up)
    guard wait <= Double(waitMax) else { return nil }
    self.tokens -= count
    return Int64(exactly: wait) ?? waitMax
  }

  /// Puts back what was taken and not used.
  public mutating func putBack(_ count: Double) {
    self.tokens = min(self.burst, self.tokens + count)
  }

  private mutating func fill(now: Int64) {
    guard now > self.updated else { return }
    let elapsed = Double(now - self.updated) / 1_000_000_000
    self.tokens = min(self.burst, self.tokens + elapsed * self.perSecond)
    self.updated = now
  }
}
