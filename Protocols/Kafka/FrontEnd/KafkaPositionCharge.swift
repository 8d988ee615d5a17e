import GodwitEngine

/// What a group's positions take of memory in a transaction: what they took at most, until it ends.
struct KafkaPositionCharge {
  private var charges: [MemoryCharge] = []
  private var charged = 0
  /// What they take now.
  private var bytes: Int

  /// - Parameter bytes: what they take already, and nothing was charged for.
  init(bytes: Int) {
    self.bytes = bytes
  }

  /// Has them take so much more, or less.
  ///
  /// - Returns: whether that is left.
  mutating func add(_ difference: Int, of memory: MemoryBudget) -> Bool {
    let more = bytes + difference - charged
    if more > 0 {
      guard let charge = memory.charge(more) else { return false }
      charges.append(charge)
      charged += more
    }
    bytes += difference
    return true
  }

  /// What was added is gone again; what was charged for it serves what comes.
  mutating func takeBack(_ difference: Int) { bytes -= difference }
}
