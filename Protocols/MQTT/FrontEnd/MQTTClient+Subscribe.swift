import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import MQTTWire
import NIOCore

extension MQTTClient {
  /// A subscription that was made, and what must happen once SUBACK is sent.
  private struct Made {
    var reason: MQTTReasonCode
    /// The refusal in words.
    var message: StaticString = ""
    /// Whose retained messages are to be sent.
    var subscription: MQTTSubscription?
    /// What there was not before.
    var added: MQTTSubscription?
  }

  /// SUBSCRIBE (MQTT 5.0, 3.8).
  func subscribe(_ packet: MQTTPacket) throws(MQTTWireError) {
    guard case .subscribe(let subscribe) = packet, let session else { return }
    let identifier = subscribe.properties.number(.subscriptionIdentifier)
    let made = subscribe.requests.map { self.subscribe($0, identifier, session) }
    whenDefined(session) { error in
      self.answer(subscribe, error == nil ? made : self.takeBack(made, session), session)
    }
  }

  private func answer(_ subscribe: MQTTSubscribe, _ made: [Made], _ session: MQTTSession) {
    let refusal = made.first { $0.reason.isError }?.message
    send(
      .suback(
        MQTTSuback(
          packetID: subscribe.packetID, reasons: made.map(\.reason),
          properties: reasonString(refusal, answers: made.count))))
    for entry in made {
      if let subscription = entry.subscription { frontEnd.retained.begin(subscription, session) }
    }
    frontEnd.retained.run()
  }

  /// Calls `body` when what was said of the session is known after a restart, where anything is; or
  /// with why it never will be. At once where nothing outlives the process.
  private func whenDefined(_ session: MQTTSession, _ body: @escaping (EngineError?) -> Void) {
    guard session.queue != nil, let queues = session.tenant.queues else { return body(nil) }
    queues.whenDefined { error in
      guard self.phase == .connected, self.session === session else { return }
      body(error)
    }
  }

  /// Ends subscriptions that cannot be kept.
  private func takeBack(_ made: [Made], _ session: MQTTSession) -> [Made] {
    made.map { entry in
      if let added = entry.added, session.subscriptions[added.filter] === added {
        session.subscriptions[added.filter] = nil
        frontEnd.removed(added, of: session)
      }
      return entry.reason.isError
        ? entry : Made(reason: .quotaExceeded, message: "the subscription could not be kept")
    }
  }

  /// UNSUBSCRIBE (MQTT 5.0, 3.10).
  func unsubscribe(_ packet: MQTTPacket) throws(MQTTWireError) {
    guard case .unsubscribe(let unsubscribe) = packet, let session else { return }
    let reasons = unsubscribe.filters.map { filter -> MQTTReasonCode in
      guard let key = translate(filter, session)?.filter,
        let subscription = session.subscriptions.removeValue(forKey: key)
      else { return .noSubscriptionExisted }
      frontEnd.removed(subscription, of: session)
      return .success
    }
    whenDefined(session) { error in
      guard error == nil else {
        self.disconnect(.quotaExceeded, .protocolError, "that could not be written down")
        return
      }
      let isAnyUnknown = reasons.contains(.noSubscriptionExisted)
      self.send(
        .unsuback(
          MQTTSuback(
            packetID: unsubscribe.packetID, reasons: reasons,
            properties: self.reasonString(
              isAnyUnknown ? "there was no subscription to one of the filters" : nil,
              answers: reasons.count))))
    }
  }

  /// Words for SUBACK and UNSUBACK, when the client wants them and has room for them (MQTT 5.0,
  /// 3.9.2.1.2 and 3.11.2.1.2).
  private func reasonString(_ message: StaticString?, answers: Int) -> MQTTProperties {
    var properties = MQTTProperties()
    guard let message, version == .v5, wantsProblemInformation,
      message.utf8CodeUnitCount + answers + 16 <= session?.packetSizeMax ?? .max
    else { return properties }
    properties.append(.reasonString, message.description)
    return properties
  }

  /// Makes the subscriptions that the settings give to everyone.
  func subscribeAutomatically(_ connect: MQTTConnect, isNew: Bool) {
    guard let session, !frontEnd.settings.automaticSubscriptions.isEmpty else { return }
    let userName = connect.userName.map { String(buffer: $0) }
    for automatic in frontEnd.settings.automaticSubscriptions {
      guard
        let filter = automatic.filter(clientID: connection.clientName, userName: userName)
      else { continue }
      var request = automatic.request
      request.filter = ByteBuffer(string: filter)
      let made = subscribe(request, nil, session)
      if let subscription = made.subscription { frontEnd.retained.begin(subscription, session) }
    }
    frontEnd.retained.run()
  }

  private func subscribe(
    _ request: MQTTSubscribe.Request, _ identifier: UInt32?, _ session: MQTTSession
  ) -> Made {
    guard let wanted = translate(request.filter, session) else {
      return Made(reason: .topicFilterInvalid, message: "a filter is ill-formed")
    }
    guard !frontEnd.settings.hasStrictNames || !wanted.needsEscape else {
      return Made(reason: .topicFilterInvalid, message: MQTTServer.strictNameMessage)
    }
    if let permissions = session.principal.permissions,
      !permissions.maySubscribe(wanted.pattern, group: wanted.share)
    {
      return Made(reason: .notAuthorized, message: "subscribing there is not permitted")
    }
    let old = session.subscriptions[wanted.filter]
    if old == nil, session.subscriptions.count >= subscriptionsMax(session) {
      return Made(reason: .quotaExceeded, message: "too many subscriptions")
    }
    let table = frontEnd.table(of: session.tenant)
    if wanted.isExclusive, !table.claim(wanted.filter, for: session) {
      return Made(reason: .quotaExceeded, message: "another client has the topic for itself")
    }
    let subscription = MQTTSubscription(
      wanted, request: request, identifier: identifier, session: session)
    do throws(EngineError) {
      try session.note(wanted.filter, request, identifier)
      try session.tenant.router.subscribe(subscription)
    } catch {
      if old == nil { session.forget(filter: wanted.filter) }
      if wanted.isExclusive, old == nil { table.release(wanted.filter, of: session) }
      return error.code == .quotaExceeded
        ? Made(reason: .quotaExceeded, message: "the server keeps too much already")
        : Made(reason: .topicFilterInvalid, message: "a filter has too many levels")
    }
    if let old {
      session.tenant.router.unsubscribe(old)
      session.subscriptions[wanted.filter] = subscription
    } else {
      frontEnd.added(subscription, to: session)
    }
    let granted = MQTTReasonCode(rawValue: min(request.qos, frontEnd.settings.qosMax).rawValue)
    let sendsRetained =
      wanted.group == nil && frontEnd.settings.isRetainAvailable
      && (request.retainHandling == .send || (request.retainHandling == .sendIfNew && old == nil))
    return Made(
      reason: granted, subscription: sendsRetained ? subscription : nil,
      added: old == nil ? subscription : nil)
  }

  private func subscriptionsMax(_ session: MQTTSession) -> Int {
    let own = session.principal.subscriptionsMax
    return own > 0 ? own : frontEnd.settings.subscriptionsMax
  }

  // MARK: Filters

  private func translate(_ said: ByteBuffer, _ session: MQTTSession) -> MQTTWantedFilter? {
    var bytes = Array(said.readableBytesView)
    if !frontEnd.settings.rewriteRules.isEmpty {
      guard let other = try? rewritten(bytes, session.tenant.name) else { return nil }
      bytes = other
    }
    return MQTTWantedFilter(bytes, frontEnd.context.groupNames)
  }

  /// A filter after the rules; those of a shared subscription see what is shared.
  private func rewritten(
    _ bytes: [UInt8], _ tenant: String
  ) throws(MQTTWireError) -> [UInt8] {
    let start = bytes.withUnsafeBytes { MQTTTopicFilter($0)?.filter.lowerBound ?? 0 }
    let text = String(decoding: bytes[start...], as: UTF8.self)
    let other = Array(try frontEnd.rewrite(filter: text, tenant: tenant).utf8)
    return Array(bytes[..<start]) + other
  }
}
