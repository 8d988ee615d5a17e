import GodwitEngine
import KafkaWire

/// The fetch sessions of all clients. No more than `countMax`: a new one takes the place of one
/// that was not used for two minutes or, once it has stood so long, of one that reads less.
final class KafkaFetchSessions {
  /// For how long a session stands in any case, in milliseconds.
  static let standsFor: Int64 = 120_000

  /// What a Fetch is about.
  enum Context {
    /// Only what it names.
    case once
    /// What it names; a session may begin with it.
    case first
    /// What the session remembers. The epoch is that of the request after it.
    case next(KafkaFetchSession, epoch: Int32)
    /// There is no such session, or it is elsewhere.
    case refused(KafkaErrorCode)
  }

  /// How many there may be. With less than there are, all clients begin anew.
  var countMax: Int {
    didSet { if byID.count > countMax { byID = [:] } }
  }
  private(set) var evicted: UInt64 = 0
  private var byID: [Int32: KafkaFetchSession] = [:]

  init(countMax: Int) {
    self.countMax = countMax
  }

  var count: Int { byID.count }

  /// Finds out what a request is about, and takes down what it says.
  ///
  /// - Parameter usesIDs: whether its version calls topics by their identifiers.
  func context(
    of request: KafkaFetch.Request, usesIDs: Bool, tenant: Tenant, user: String, now: Int64
  ) -> Context {
    let found = byID[request.sessionID].flatMap {
      $0.tenant == ObjectIdentifier(tenant) && $0.user == user ? $0 : nil
    }
    // 0 begins a session, -1 ends one; either may name one that ends.
    if request.sessionEpoch == 0 || request.sessionEpoch == -1 {
      if let found { byID[found.id] = nil }
      return request.sessionEpoch == 0 ? .first : .once
    }
    guard let found else { return .refused(.fetchSessionIDNotFound) }
    guard request.sessionEpoch == found.epoch else {
      return .refused(.invalidFetchSessionEpoch)
    }
    guard usesIDs == found.usesIDs else { return .refused(.fetchSessionTopicIDError) }
    guard found.update(request) else {
      // The client begins anew, and is told that there is no session for it.
      byID[found.id] = nil
      return .refused(.fetchSessionIDNotFound)
    }
    guard found.count > 0 else {
      byID[found.id] = nil
      return .once
    }
    found.advance(now: now)
    return .next(found, epoch: found.epoch)
  }

  /// Whether a session is still there and its client waits for this answer.
  func isCurrent(_ session: KafkaFetchSession, epoch: Int32) -> Bool {
    byID[session.id] === session && session.epoch == epoch
  }

  /// Begins a session with what `request` names and the client is told; `nil` without room.
  func begin(
    with request: KafkaFetch.Request, told topics: [KafkaFetch.Response.Topic], usesIDs: Bool,
    tenant: Tenant, user: String, now: Int64
  ) -> KafkaFetchSession? {
    let size = request.topics.reduce(0) { $0 + $1.partitions.count }
    guard size > 0, makeRoom(for: size, now: now) else { return nil }
    var id = Int32.random(in: 1 ... .max)
    while byID[id] != nil { id = Int32.random(in: 1 ... .max) }
    let session = KafkaFetchSession(
      id: id, tenant: ObjectIdentifier(tenant), user: user, usesIDs: usesIDs,
      memory: tenant.memory, now: now)
    guard session.update(request) else { return nil }
    _ = session.news(topics)
    byID[id] = session
    return session
  }

  private func makeRoom(for size: Int, now: Int64) -> Bool {
    guard byID.count >= countMax else { return true }
    guard countMax > 0 else { return false }
    if let stalest = byID.values.min(by: { $0.usedAt < $1.usedAt }),
      now - stalest.usedAt > Self.standsFor
    {
      return evict(stalest)
    }
    let smallest = byID.values.lazy.filter { now - $0.createdAt > Self.standsFor }
      .min { $0.count < $1.count }
    guard let smallest, smallest.count < size else { return false }
    return evict(smallest)
  }

  private func evict(_ session: KafkaFetchSession) -> Bool {
    byID[session.id] = nil
    evicted &+= 1
    return byID.count < countMax
  }
}
