import GodwitEngine
import KafkaWire

/// The fetch sessions of all clients. No more than `countMax`: a new one takes the place of one
/// that was not used for two minutes or, once it has stood so long, of one that reads less. Nor do
/// they take more than their part of a tenant's memory, and they end with their connections.
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
    didSet {
      guard byID.count > countMax else { return }
      byID = [:]
      byConnection = [:]
    }
  }
  private(set) var evicted: UInt64 = 0
  private var byID: [Int32: KafkaFetchSession] = [:]
  private var byConnection: [UInt64: Set<Int32>] = [:]
  private var memories: [ObjectIdentifier: KafkaFetchSession.Memory] = [:]

  init(countMax: Int) {
    self.countMax = countMax
  }

  var count: Int { byID.count }

  /// Finds out what a request is about, and takes down what it says.
  ///
  /// - Parameter usesIDs: whether its version calls topics by their identifiers.
  func context(
    of request: KafkaFetch.Request, usesIDs: Bool, tenant: Tenant, user: String,
    connection: UInt64, now: Int64
  ) -> Context {
    let found = byID[request.sessionID].flatMap {
      $0.tenant == ObjectIdentifier(tenant) && $0.user == user ? $0 : nil
    }
    // 0 begins a session, -1 ends one; either may name one that ends.
    if request.sessionEpoch == 0 || request.sessionEpoch == -1 {
      if let found { remove(found) }
      return request.sessionEpoch == 0 ? .first : .once
    }
    guard let found else { return .refused(.fetchSessionIDNotFound) }
    guard request.sessionEpoch == found.epoch else {
      return .refused(.invalidFetchSessionEpoch)
    }
    guard usesIDs == found.usesIDs else { return .refused(.fetchSessionTopicIDError) }
    guard found.update(request) else {
      // The client begins anew, and is told that there is no session for it.
      remove(found)
      return .refused(.fetchSessionIDNotFound)
    }
    guard found.count > 0 else {
      remove(found)
      return .once
    }
    found.advance(now: now)
    if found.connection != connection { move(found, to: connection) }
    return .next(found, epoch: found.epoch)
  }

  /// Whether a session is still there and its client waits for this answer.
  func isCurrent(_ session: KafkaFetchSession, epoch: Int32) -> Bool {
    byID[session.id] === session && session.epoch == epoch
  }

  /// Begins a session with what `request` names and the client is told; `nil` without room.
  func begin(
    with request: KafkaFetch.Request, told topics: [KafkaFetch.Response.Topic], usesIDs: Bool,
    tenant: Tenant, user: String, connection: UInt64, now: Int64
  ) -> KafkaFetchSession? {
    let size = request.topics.reduce(0) { $0 + $1.partitions.count }
    guard size > 0, makeRoom(for: size, now: now) else { return nil }
    var id = Int32.random(in: 1 ... .max)
    while byID[id] != nil { id = Int32.random(in: 1 ... .max) }
    let session = KafkaFetchSession(
      id: id, tenant: ObjectIdentifier(tenant), user: user, usesIDs: usesIDs,
      connection: connection, memory: memory(of: tenant), now: now)
    while !session.update(request) {
      // Those that nobody uses give way.
      let stalest = byID.values.lazy.filter { $0.tenant == session.tenant }
        .min { $0.usedAt < $1.usedAt }
      guard let stalest, now - stalest.usedAt > Self.standsFor else { return nil }
      _ = evict(stalest)
    }
    _ = session.news(topics)
    byID[id] = session
    byConnection[connection, default: []].insert(id)
    return session
  }

  private func memory(of tenant: Tenant) -> KafkaFetchSession.Memory {
    if let known = memories[ObjectIdentifier(tenant)] { return known }
    let made = KafkaFetchSession.Memory(tenant.memory)
    memories[ObjectIdentifier(tenant)] = made
    return made
  }

  /// A connection is gone. Its client begins anew when it comes again.
  func disconnected(_ connection: UInt64) {
    for id in byConnection.removeValue(forKey: connection) ?? [] { byID[id] = nil }
  }

  private func remove(_ session: KafkaFetchSession) {
    byID[session.id] = nil
    byConnection[session.connection]?.remove(session.id)
    if byConnection[session.connection]?.isEmpty == true { byConnection[session.connection] = nil }
  }

  private func move(_ session: KafkaFetchSession, to connection: UInt64) {
    remove(session)
    session.connection = connection
    byID[session.id] = session
    byConnection[connection, default: []].insert(session.id)
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
    remove(session)
    evicted &+= 1
    return byID.count < countMax
  }
}
