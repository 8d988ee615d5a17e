import KafkaWire
import NIOCore

/// One member of a group of the consumer protocol (KIP-848).
final class KafkaConsumerMember {
  /// How far a member is on the way to what it is to read.
  enum State: Int8 {
    /// It has what it is to have.
    case stable = 0
    /// It has yet to give up partitions.
    case revoking = 1
    /// It waits for partitions that others have yet to give up.
    case waiting = 2
  }

  /// How a member speaks that came by the classic protocol, to a group that was carried over.
  struct Classic {
    /// How long it may be silent, in milliseconds.
    var sessionTimeout: Int
    /// What it said when it joined. The first of its protocols is the one that it is answered by.
    var protocols: [KafkaJoinGroup.Request.GroupProtocol]

    /// What it takes of memory, about.
    var byteCount: Int {
      protocols.reduce(64) { $0 + 96 + $1.name.utf8.count + $1.metadata.readableBytes }
    }
  }

  /// The epoch of a static member that will come back.
  static let away: Int32 = -2

  let id: String
  /// The name under which a static member comes back (KIP-345).
  var instanceID: String?
  var rackID: String?
  var clientID = ""
  var clientHost = ""
  /// How it speaks by the classic protocol; `nil` for one that speaks the consumer protocol.
  var classic: Classic?
  /// The topics that it names.
  var topics: Set<String> = []
  /// The names that it wants beside them.
  var expression: String?
  /// Says of a topic whether the member may know of it; `nil` while nobody can tell.
  var sees: ((String) -> Bool?)?
  /// Who that was asked for.
  var principal = ""
  /// All that it reads: what it names, and what the expression finds.
  var subscription: Set<String> = []
  var assignor: String?
  var rebalanceTimeout = 300_000
  var epoch: Int32 = 0
  var previousEpoch: Int32 = -1
  var state = State.stable
  /// What it may read now.
  var assigned = KafkaPlaces()
  /// What it has to give up.
  var revoked = KafkaPlaces()
  /// What it is to read in the end.
  var target = KafkaPlaces()

  /// What it takes of memory, beside its partitions.
  var charge: AnyObject?
  /// Ends its membership, unless it is heard.
  var session: (any KafkaAlarm)?
  /// Ends its membership, unless it gives up what it has to; one that speaks the classic protocol,
  /// unless it joins again, or asks for its assignment.
  var revocation: (any KafkaAlarm)?

  init(id: String) { self.id = id }

  /// What it takes of memory with these names, about, beside its partitions.
  func byteCount(_ topics: Set<String>, _ expression: String, _ rackID: String?) -> Int {
    let names = [id, instanceID ?? "", expression, rackID ?? ""]
    return names.reduce(1_024 + (classic?.byteCount ?? 0)) { $0 + 2 * $1.utf8.count }
      + topics.reduce(0) { $0 + 64 + $1.utf8.count }
  }

  /// What nobody else may have.
  var held: KafkaPlaces { assigned.union(revoked) }

  /// One step towards `target`.
  ///
  /// - Parameters:
  ///   - targetEpoch: the epoch of `target`.
  ///   - owned: what the member says it has; `nil` where it says nothing new.
  ///   - taken: what somebody has.
  func advance(to targetEpoch: Int32, owned: Set<KafkaPlace>?, taken: KafkaPlaces) {
    switch state {
    case .stable: guard epoch != targetEpoch else { return }
    case .waiting: break
    case .revoking:
      guard let owned, !owned.contains(where: revoked.contains) else { return }
    }
    let kept = assigned.intersection(target)
    let given = assigned.subtracting(target)
    if !given.isEmpty, owned.map({ $0.contains(where: given.contains) }) ?? true {
      assigned = kept
      revoked = given
      state = .revoking
      return
    }
    let wanted = target.subtracting(kept)
    // What it has given up itself just now is free for it.
    let free = wanted.subtracting(taken).union(wanted.intersection(revoked.union(given)))
    assigned = kept.union(free)
    revoked = []
    state = free == wanted ? .stable : .waiting
    if epoch != targetEpoch {
      previousEpoch = epoch
      epoch = targetEpoch
    }
  }
}
