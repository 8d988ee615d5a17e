/// Counts connections per client identifier and bans those that come too often.
struct MQTTFlapping {
  private struct Entry {
    var windowStart: Int64
    var connections: Int
    var bannedUntil: Int64
  }

  /// Client identifiers that are remembered; when there are more, those without a ban are
  /// forgotten.
  private static let entriesMax = 100_000

  let rule: MQTTFlappingRule
  private var entries: [[UInt8]: Entry] = [:]

  init(_ rule: MQTTFlappingRule) { self.rule = rule }

  /// Counts a connection.
  ///
  /// - Returns: whether the client is banned, by this connection or before.
  mutating func isBanned(_ clientID: [UInt8], now: Int64) -> Bool {
    if entries.count >= Self.entriesMax { entries = entries.filter { $0.value.bannedUntil > now } }
    let window = Int64(rule.windowSeconds * 1_000_000_000)
    var entry = entries[clientID] ?? Entry(windowStart: now, connections: 0, bannedUntil: 0)
    if entry.bannedUntil > now { return true }
    if entry.bannedUntil > 0 || now - entry.windowStart > window {
      entry = Entry(windowStart: now, connections: 0, bannedUntil: 0)
    }
    entry.connections += 1
    if entry.connections > rule.connectionsMax {
      entry.bannedUntil = now + Int64(rule.banSeconds * 1_000_000_000)
    }
    guard entries.count < Self.entriesMax || entries[clientID] != nil else { return false }
    entries[clientID] = entry
    return entry.bannedUntil > 0
  }

  /// Client identifiers that are banned, and until when in the engine's clock.
  func banned(now: Int64) -> [(clientID: String, until: Int64)] {
    entries.filter { $0.value.bannedUntil > now }
      .map { (String(decoding: $0.key, as: UTF8.self), $0.value.bannedUntil) }
      .sorted { $0.clientID < $1.clientID }
  }

  /// Lets a client in again.
  mutating func pardon(_ clientID: [UInt8]) { entries[clientID] = nil }
}
