import GodwitEngine
import GodwitFrontEndKit
import Logging
import MQTTWire
import NIOCore

/// What the data folder has of sessions and delayed messages.
extension MQTTServer {
  /// What the engine's schedule knows this protocol's delayed messages by.
  private static var senderNumber: UInt8 { 1 }

  /// Makes the sessions that an earlier life of the process has kept: before anybody connects.
  public func restore() {
    var made: [MQTTSession] = []
    for tenant in engine.tenants {
      guard let queues = tenant.queues else { continue }
      _ = table(of: tenant)
      for queue in queues.all {
        guard let clientID = MQTTSession.clientID(ofQueue: queue.name) else { continue }
        if let session = restore(clientID, queue, tenant) {
          made.append(session)
        } else {
          // Its user is gone, or it ended while it was written down.
          queues.delete(queue)
        }
      }
    }
    for session in made { session.goOn() }
  }

  private func restore(_ clientID: [UInt8], _ queue: Queue, _ tenant: Tenant) -> MQTTSession? {
    guard let head = queue.facts[MQTTSessionHead.key].flatMap({ MQTTSessionHead($0) }) else {
      return nil
    }
    let absentee = MQTTSender(head.sender, tenant, runID: runID)
    guard let principal = absentee.standing(context.access.authenticator) else { return nil }
    let session = MQTTSession(
      clientID: clientID, principal: principal, frontEnd: self, queue: queue)
    session.charge = tenant.memory.charge(MQTTSession.byteCount(clientID))
    table(of: tenant).add(session)
    for (request, identifier) in session.notedSubscriptions {
      restore(request, identifier, session)
    }
    session.will = session.notedWill
    session.restore(head, absentee)
    return session
  }

  private func restore(
    _ request: MQTTSubscribe.Request, _ identifier: UInt32?, _ session: MQTTSession
  ) {
    let filter = Array(request.filter.readableBytesView)
    guard let wanted = MQTTWantedFilter(filter, context.groupNames) else {
      session.forget(filter: filter)
      return
    }
    if wanted.isExclusive { _ = table(of: session.tenant).claim(filter, for: session) }
    let subscription = MQTTSubscription(
      wanted, request: request, identifier: identifier, session: session)
    do throws(EngineError) {
      try session.tenant.router.subscribe(subscription)
    } catch {
      context.logger.error(
        "a subscription of \(session.clientName) could not be made again: \(error.message)")
      session.forget(filter: filter)
      return
    }
    added(subscription, to: session)
  }

  // MARK: Delayed messages

  /// Has the schedule give this protocol's delayed messages back.
  func takeDelayed(of tenant: Tenant) {
    tenant.schedule.send(for: Self.senderNumber) { [unowned self] record, note in
      var buffer = ByteBuffer(bytes: note)
      let sender = MQTTSender.Note(&buffer).map { MQTTSender($0, tenant, runID: self.runID) }
      self.publishDelayed(record, tenant, sender)
    }
  }

  /// Has a message go out later.
  ///
  /// - Throws: `EngineError` when it cannot be kept.
  func delay(
    _ publication: inout Publication, _ tenant: Tenant, until time: Int64, _ sender: MQTTSender?
  ) throws(EngineError) {
    guard tenant.queues != nil else {
      try tenant.schedule.add(publication.record(engine), at: time) { [unowned self] record in
        self.publishDelayed(record, tenant, sender)
      }
      return
    }
    var note = ByteBuffer()
    sender?.note(runID).write(to: &note)
    try tenant.schedule.add(
      &publication, at: time, sender: Self.senderNumber, note: Array(note.readableBytesView))
  }
}
