import NIOCore

/// What an entry of the queues' journal says of a message that came by a number: where all that
/// keep it should have it. The process may have ended when only some of them had.
struct QueueClaim {
  /// The receiver's queue, and the number.
  struct Key: Hashable {
    var queue: UInt32
    var id: UInt16
  }

  /// When it was written.
  var time: Int64
  /// Where the record is in the log of queues; `.max` where it is not in any.
  var offset: UInt64
  /// The queues that it is in.
  var items: [(queue: UInt32, sequence: UInt64)] = []
  var copies: [QueueCopy]

  /// What stands at the end of an entry.
  static func write(_ copies: [QueueCopy], _ time: Int64, to entry: inout ByteBuffer) {
    guard !copies.isEmpty else { return }
    entry.writeMultipleIntegers(time, UInt32(truncatingIfNeeded: copies.count))
    for copy in copies { copy.write(to: &entry) }
  }

  init?(_ entry: inout ByteBuffer, offset: UInt64) {
    guard let (time, count) = entry.readMultipleIntegers(as: (Int64, UInt32).self) else {
      return nil
    }
    self.time = time
    self.offset = offset
    self.copies = []
    for _ in 0..<count {
      guard let copy = QueueCopy(&entry) else { return nil }
      self.copies.append(copy)
    }
  }
}

extension Queues {
  /// Takes back what got only to some of those who were to keep it: nobody has seen it, and its
  /// sender, who was told nothing, will send it again.
  func settleClaims() {
    for (key, claim) in self.claims {
      let isOwnMissing = claim.offset != .max && claim.offset >= self.log.nextOffset
      guard isOwnMissing || claim.copies.contains(where: { $0.isMissing(self.tenant, claim.time) })
      else { continue }
      for copy in claim.copies { copy.remove(self.tenant, claim.time) }
      for (number, sequence) in claim.items { self.byNumber[number]?.finish(sequence) }
      self.byNumber[key.queue]?.release(key.id)
    }
    self.claims = [:]
  }
}
