/// The slowest deliveries: from a message's arrival to the receiver's acknowledgement.
struct MQTTSlowSubscriptions {
  /// One client and topic.
  struct Entry: Hashable {
    var clientID: String
    var topic: String
    /// The last slow delivery, in nanoseconds.
    var latency: Int64
    /// When it was, in the engine's clock.
    var at: Int64
  }

  let rule: MQTTSlowSubscriptionRule
  private var entries: [Entry] = []

  init(_ rule: MQTTSlowSubscriptionRule) { self.rule = rule }

  /// What counts as slow, in nanoseconds.
  var threshold: Int64 { Int64(rule.thresholdMilliseconds) * 1_000_000 }

  /// Notes a delivery that took at least `threshold`.
  mutating func note(_ entry: Entry) {
    expire(now: entry.at)
    entries.removeAll { $0.clientID == entry.clientID && $0.topic == entry.topic }
    let place = entries.firstIndex { $0.latency < entry.latency } ?? entries.endIndex
    guard place < rule.entriesMax else { return }
    entries.insert(entry, at: place)
    if entries.count > rule.entriesMax { entries.removeLast() }
  }

  /// The list, slowest first.
  mutating func list(now: Int64) -> [Entry] {
    expire(now: now)
    return entries
  }

  /// Empties the list.
  mutating func clear() { entries = [] }

  private mutating func expire(now: Int64) {
    let oldest = now - Int64(rule.lifetimeSeconds * 1_000_000_000)
    entries.removeAll { $0.at < oldest }
  }
}
