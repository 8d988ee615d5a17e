import GodwitEngine

/// Which replies a client may send although it may otherwise not publish there: those to requests
/// it was given (nats-server's `allow_responses`).
struct NATSReplyPermits {
  private struct Permit {
    var count: Int
    var since: Int64
  }

  /// Replies remembered before those that are used up or too old are looked for.
  private static let pruneAt = 4096
  /// Bytes of replies remembered at most. Past it all are forgotten: only a client that is sent
  /// many more requests than it answers gets there.
  private static let bytesMax = 4 << 20

  private let rule: Permissions.Responses
  private var permits: [[UInt8]: Permit] = [:]
  private var byteCount = 0
  private var sincePrune = 0

  /// How many replies are remembered.
  var count: Int { self.permits.count }

  init(_ rule: Permissions.Responses) {
    self.rule = rule
  }

  /// A request with this reply subject was delivered.
  mutating func note(_ reply: UnsafeRawBufferPointer, now: Int64) {
    self.sincePrune += 1
    if self.sincePrune > Self.pruneAt { self.prune(now) }
    if self.byteCount > Self.bytesMax {
      self.permits = [:]
      self.byteCount = 0
    }
    if self.permits.updateValue(Permit(count: 0, since: now), forKey: Array(reply)) == nil {
      self.byteCount += Self.cost(reply.count)
    }
  }

  /// Whether a message to `subject` answers a request; counts it.
  mutating func take(_ subject: UnsafeRawBufferPointer, now: Int64) -> Bool {
    guard !self.permits.isEmpty else { return false }
    let key = Array(subject)
    guard var permit = self.permits[key] else { return false }
    permit.count += 1
    if self.isSpent(permit.count - 1, permit.since, now) {
      self.permits[key] = nil
      self.byteCount -= Self.cost(key.count)
      return false
    }
    self.permits[key] = permit
    return true
  }

  /// What one remembered reply holds, roughly.
  private static func cost(_ count: Int) -> Int { count + 64 }

  private func isSpent(_ count: Int, _ since: Int64, _ now: Int64) -> Bool {
    (self.rule.messagesMax > 0 && count >= self.rule.messagesMax)
      || (self.rule.lifetime > 0 && now - since > self.rule.lifetime)
  }

  private mutating func prune(_ now: Int64) {
    self.sincePrune = 0
    self.permits = self.permits.filter { !self.isSpent($0.value.count, $0.value.since, now) }
    self.byteCount = self.permits.keys.reduce(0) { $0 + Self.cost($1.count) }
  }
}
