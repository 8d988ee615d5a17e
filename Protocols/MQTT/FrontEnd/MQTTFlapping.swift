/// Counts the connections of each client that was let in, and bans those that come too often.
///
/// A client is an identifier of one user of one tenant: nobody gets somebody else banned by using
/// their identifier.
struct MQTTFlapping {
  /// Who comes and goes.
  struct Key: Hashable {
    var tenant: String
    var user: String
    var clientID: [UInt8]
  }

  private struct Entry {
    var windowStart: Int64
    var connections: Int
    var bannedUntil: Int64
  }

  /// Client identifiers that are remembered; when there are more, those without a ban are
  /// forgotten.
  private static let entriesMax = 100_000

  let rule: MQTTFlappingRule
  private var entries: [Key: Entry] = [:]

  init(_ rule: MQTTFlappingRule) { self.rule = rule }

  /// Counts a connection.
  ///
  /// - Returns: whether the client is banned, by this connection or before.
  mutating func isBanned(_ client: Key, now: Int64) -> Bool {
    if entries.count >= Self.entriesMax { entries = entries.filter { $0.value.bannedUntil > now } }
    let window = Int64(rule.windowSeconds * 1_000_000_000)
    var entry = entries[client] ?? Entry(windowStart: now, connections: 0, bannedUntil: 0)
    if entry.bannedUntil > now { return true }
    if entry.bannedUntil > 0 || now - entry.windowStart > window {
      entry = Entry(windowStart: now, connections: 0, bannedUntil: 0)
    }
    entry.connections += 1
    if entry.connections > rule.connectionsMax {
      entry.bannedUntil = now + Int64(rule.banSeconds * 1_000_000_000)
    }
    guard entries.count < Self.entriesMax || entries[client] != nil else { return false }
    entries[client] = entry
    return entry.bannedUntil > 0
  }

  /// Clients that are banned, and until when in the engine's clock.
  func banned(now: Int64) -> [(client: Key, until: Int64)] {
    entries.filter { $0.value.bannedUntil > now }
      .map { ($0.key, $0.value.bannedUntil) }
      .sorted { $0.client.clientID.lexicographicallyPrecedes($1.client.clientID) }
  }

  /// Lets the clients of that identifier in again.
  mutating func pardon(_ clientID: [UInt8]) {
    entries = entries.filter { $0.key.clientID != clientID }
  }
}
