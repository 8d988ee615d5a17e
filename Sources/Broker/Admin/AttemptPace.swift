/// Spaces attempts to prove who one is: a second's worth of them at once, then one after the other,
/// each address in a line of its own, so that who guesses keeps only its neighbours waiting.
struct AttemptPace {
  /// Addresses that have a line of their own; further ones share one.
  static let addressesMax = 1_024
  /// How long an attempt may wait for its turn: 3 s.
  static let waitMax: Int64 = 3_000_000_000
  /// How many times as often as one address all of them together may attempt it.
  static let addressesAtOnce: Int64 = 10
  private static let second: Int64 = 1_000_000_000

  /// When the last attempt of an address has its turn.
  private var turns: [String: Int64] = [:]
  private var turnOfAll: Int64 = .min / 2

  /// How many addresses are remembered.
  var addressCount: Int { self.turns.count }

  /// Takes a turn.
  ///
  /// - Returns: in how many nanoseconds it comes; `nil` when too many wait already.
  mutating func take(_ address: String, perSecond: Double, now: Int64) -> Int64? {
    let rate = perSecond > 0.001 ? min(perSecond, 1_000_000) : 0.001
    let interval = Int64(Double(Self.second) / rate)
    let key = self.key(address, now)
    let turn = max(self.turns[key] ?? .min / 2, now - Self.second) + interval
    let turnOfAll = max(self.turnOfAll, now - Self.second) + interval / Self.addressesAtOnce
    let wait = max(turn, turnOfAll) - now
    guard wait <= Self.waitMax else { return nil }
    self.turns[key] = turn
    self.turnOfAll = turnOfAll
    return max(0, wait)
  }

  private mutating func key(_ address: String, _ now: Int64) -> String {
    if self.turns[address] != nil { return address }
    if self.turns.count >= Self.addressesMax {
      self.turns = self.turns.filter { $0.value > now - Self.second }
    }
    return self.turns.count < Self.addressesMax ? address : ""
  }
}
