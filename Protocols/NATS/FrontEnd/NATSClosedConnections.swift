import GodwitFrontEndKit

/// The last connections that are gone, for `/connz?state=closed`. Bounded: the oldest goes first.
struct NATSClosedConnections {
  private var ring: [NATSConnectionFacts] = []
  private var next = 0
  private var countMax: Int

  init(countMax: Int) {
    self.countMax = countMax
  }

  /// Remembers so many from now on; the youngest of those that are remembered stay.
  mutating func keep(_ countMax: Int) {
    guard countMax != self.countMax else { return }
    let byAge = self.ring[self.next...] + self.ring[..<self.next]
    self.ring = Array(byAge.suffix(countMax))
    self.next = 0
    self.countMax = countMax
  }

  /// All that are remembered.
  var all: [NATSConnectionFacts] { self.ring }

  /// Remembers a session that has ended.
  mutating func append(_ session: NATSSession, _ reason: CloseReason, stoppedAt: Int64) {
    guard self.countMax > 0 else { return }
    var facts = NATSConnectionFacts(session)
    facts.pendingBytes = 0
    facts.stoppedAt = stoppedAt
    facts.reason = reason.text
    if self.ring.count < self.countMax {
      self.ring.append(facts)
    } else {
      self.ring[self.next] = facts
      self.next = (self.next + 1) % self.countMax
    }
  }
}
