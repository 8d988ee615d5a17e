public import GodwitEngine
public import GodwitFrontEndKit

extension MQTTServer {
  /// Sessions that outlive their connections, each with what waits for its client: a group of one.
  public func groups(of tenant: Tenant) -> [ReaderGroup] {
    sessions(of: tenant).filter { $0.expirySeconds > 0 || $0.queue != nil }.map { session in
      ReaderGroup(name: session.clientName, kind: "session") { session.groupFacts }
    }
  }
}

extension MQTTSession {
  fileprivate var groupFacts: ReaderGroup.Facts {
    var facts = ReaderGroup.Facts(state: isOnline ? "connected" : "away")
    var position = ReaderGroup.Position()
    position.lag = outbox?.waitingCount ?? queue?.count ?? 0
    position.inFlight = outbox?.inFlight.count ?? 0
    position.redelivered = outbox?.inFlight.values.count { $0.awaitsResend } ?? 0
    position.oldestAt = outbox?.oldestAt ?? queue?.oldestAt
    facts.positions = [position]
    if let client {
      facts.members = [
        ReaderGroup.Member(
          id: clientName, client: clientName, address: "\(client.connection.peer.address)")
      ]
    }
    return facts
  }
}
