import GodwitEngine
import GodwitFrontEndKit
import MQTTWire

extension MQTTSession {
  /// Takes a message; see `Subscriber.deliver`. The front end's hottest function.
  func take(
    _ publication: inout Publication, _ subscription: MQTTSubscription,
    _ prefix: UnsafeRawBufferPointer
  ) -> Bool {
    let isOwn = publication.publisherID == self.id
    let most: UInt8
    let keepsRetain: Bool
    let identifiers: UnsafeRawBufferPointer
    if prefix.isEmpty {
      if subscription.noLocal, isOwn { return false }
      most = subscription.qos.rawValue
      keepsRetain = subscription.retainAsPublished
      identifiers = UnsafeRawBufferPointer(start: nil, count: 0)
    } else {
      guard let plan = MQTTDeliveryPlan(prefix, isOwn: isOwn) else { return false }
      most = plan.qos
      keepsRetain = plan.retainAsPublished
      identifiers = plan.identifiers
    }
    if checksDelivery,
      principal.permissions?.mayReceive(publication.topic, group: subscription.share) == false
    {
      return false
    }
    let retain = keepsRetain && publication.isRetained
    let qos = min(publication.quality.rawValue, most)
    guard qos == 0 else {
      return accept(
        &publication, MQTTQoS(rawValue: qos) ?? .atLeastOnce, retain: retain, identifiers,
        subscription)
    }
    guard let link else { return false }
    return link._withUnsafeGuaranteedRef { connection in
      guard connection.pendingBytes <= pendingBytesMax else {
        connection.counters.dropped &+= 1
        frontEnd.dropped()
        return false
      }
      if publication.frameKind == frameKind, frameKind != 0, !retain, identifiers.isEmpty,
        publication.frame.count <= packetSizeMax
      {
        connection.append(publication.frame)
        connection.counters.messagesOut &+= 1
        counters.pointee.sent(publication.frame.count, payload: publication.payload.count)
        return true
      }
      return write(
        &publication,
        MQTTWrite(
          qos: .atMostOnce, retain: retain, duplicate: false, packetID: 0,
          identifiers: identifiers), connection)
    }
  }

  /// Takes a QoS 1 or 2 message: sends it, or keeps it until it can be sent.
  private func accept(
    _ publication: inout Publication, _ qos: MQTTQoS, retain: Bool,
    _ identifiers: UnsafeRawBufferPointer, _ subscription: MQTTSubscription
  ) -> Bool {
    let outbox = outbox ?? makeOutbox()
    if let link, expirySeconds == 0, outbox.queue == nil, outbox.isClear,
      outbox.outstanding < window,
      frontEnd.slow == nil, subscription.share == nil
    {
      // The session ends with its connection: nothing is ever sent again, so nothing is kept.
      let facts = MQTTOutbox.Facts(qos: qos, retain: retain, identifiers: [])
      guard let packetID = outbox.begin(facts) else { return false }
      let isSent = link._withUnsafeGuaranteedRef { connection in
        write(
          &publication,
          MQTTWrite(
            qos: qos, retain: retain, duplicate: false, packetID: packetID,
            identifiers: identifiers), connection)
      }
      if !isSent { outbox.finish(packetID) }
      return isSent
    }
    guard outbox.waitingCount < frontEnd.settings.queuedMax || (isOnline && canSend(outbox)) else {
      frontEnd.dropped()
      return false
    }
    let facts = MQTTOutbox.Facts(
      qos: qos, retain: retain, identifiers: Array(identifiers), share: subscription.share,
      group: subscription.group)
    guard outbox.append(&publication, facts, frontEnd.engine) else {
      frontEnd.dropped()
      return false
    }
    pump()
    if isOnline, !outbox.isSlow, outbox.waitingCount > frontEnd.settings.queuedMax / 2 {
      frontEnd.crowded = self
    }
    return true
  }

  /// What a shared subscription has given to a session that is at its end goes to other members.
  func handBack(_ orphans: [(record: Record, group: [UInt8])]) {
    // A group that cannot take one message takes none of the others either.
    var full: Set<[UInt8]> = []
    for (record, group) in orphans {
      if !full.contains(group), tenant.publish(record, toGroup: group) { continue }
      if record.expiresAt == 0 || record.expiresAt > frontEnd.engine.now { full.insert(group) }
      frontEnd.dropped()
    }
  }

  /// Takes a retained message for a new subscription.
  func take(retained record: Record, _ subscription: MQTTSubscription) {
    if checksDelivery, let permissions = principal.permissions,
      !record.topic.withUnsafeBytes({ permissions.mayReceive($0, group: subscription.share) })
    {
      return
    }
    if subscription.noLocal, record.publisherID == self.id { return }
    let asked = MQTTQoS(rawValue: record.quality.rawValue) ?? .exactlyOnce
    accept(
      record, min(asked, subscription.qos), retain: true, identifier: subscription.identifier)
  }

  /// Keeps a message that is not published now: a retained one for a new subscription.
  func accept(_ record: Record, _ qos: MQTTQoS, retain: Bool, identifier: [UInt8]) {
    guard qos != .atMostOnce else {
      guard let link else { return }
      record.withPublication { publication in
        identifier.withUnsafeBytes { identifiers in
          _ = link._withUnsafeGuaranteedRef { connection in
            guard connection.pendingBytes <= 2 * pendingBytesMax else {
              frontEnd.dropped()
              return false
            }
            return write(
              &publication,
              MQTTWrite(
                qos: qos, retain: retain, duplicate: false, packetID: 0,
                identifiers: identifiers), connection)
          }
        }
      }
      return
    }
    let outbox = outbox ?? makeOutbox()
    let facts = MQTTOutbox.Facts(qos: qos, retain: retain, identifiers: identifier)
    let isKept = record.withPublication { publication in
      outbox.append(&publication, facts, frontEnd.engine)
    }
    if !isKept { frontEnd.dropped() }
    pump()
  }

  func makeOutbox() -> MQTTOutbox {
    let made = MQTTOutbox(
      name: clientName, engine: frontEnd.engine, memory: tenant.memory,
      bytesMax: frontEnd.settings.queuedBytesMax, queue: queue)
    outbox = made
    return made
  }

  /// Publishers go on once three quarters of the queue are free.
  private func letPublishersGo(_ outbox: MQTTOutbox) {
    guard outbox.waitingCount <= frontEnd.settings.queuedMax / 4 else { return }
    outbox.isSlow = false
    outbox.endHolds()
  }

  private func canSend(_ outbox: MQTTOutbox) -> Bool { outbox.outstanding < window }

  /// Sends what waits, as far as the window and the connection allow.
  func pump() {
    guard let outbox else { return }
    defer {
      isReady = isOnline && outbox.isClear
      if outbox.isSlow || !outbox.holds.isEmpty { letPublishersGo(outbox) }
    }
    guard let link else { return }
    link._withUnsafeGuaranteedRef { connection in
      while canSend(outbox), connection.isOpen,
        connection.pendingBytes <= pendingBytesMax
      {
        if let (packetID, message) = outbox.nextResend() {
          resend(packetID, message, connection)
        } else if let next = outbox.next() {
          sendFirst(next, connection)
        } else {
          return
        }
      }
    }
  }

  /// Whether the client may still see a message: the rules can have changed since it was queued.
  private func mayStillSee(_ record: Record, _ facts: MQTTOutbox.Facts) -> Bool {
    guard let permissions = principal.permissions else { return true }
    return record.topic.withUnsafeBytes { permissions.mayStillReceive($0, group: facts.share) }
  }

  private func sendFirst(_ next: MQTTOutbox.Next, _ connection: Connection) {
    guard mayStillSee(next.record, next.facts) else {
      outbox?.finish(next.packetID)
      frontEnd.dropped()
      return
    }
    guard next.record.expiresAt == 0 || next.record.expiresAt > frontEnd.engine.now else {
      outbox?.finish(next.packetID)
      frontEnd.engine.counters.expired &+= 1
      return
    }
    let isSent = next.record.withPublication { publication in
      next.facts.identifiers.withUnsafeBytes { identifiers in
        write(
          &publication,
          MQTTWrite(
            qos: next.facts.qos, retain: next.facts.retain, duplicate: false,
            packetID: next.packetID, identifiers: identifiers), connection)
      }
    }
    if !isSent { outbox?.finish(next.packetID) }
  }

  private func resend(
    _ packetID: UInt16, _ message: MQTTOutbox.InFlight, _ connection: Connection
  ) {
    if message.awaited == .pubcomp {
      client?.acknowledge(.pubrel, packetID, .success)
      return
    }
    // One that the client may no longer see is done with, as those that still waited are.
    guard let record = message.record, mayStillSee(record, message.facts) else {
      outbox?.finish(packetID)
      return
    }
    let isSent = record.withPublication { publication in
      message.facts.identifiers.withUnsafeBytes { identifiers in
        write(
          &publication,
          MQTTWrite(
            qos: message.facts.qos, retain: message.facts.retain, duplicate: true,
            packetID: packetID, identifiers: identifiers), connection)
      }
    }
    if !isSent { outbox?.finish(packetID) }
  }
}
