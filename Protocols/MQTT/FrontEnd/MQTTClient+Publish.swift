import GodwitEngine
import GodwitFrontEndKit
import MQTTWire
import NIOCore

extension MQTTClient {
  /// What the properties of a PUBLISH say that matters here.
  private struct Facts {
    var alias: UInt16 = 0
    var expirySeconds: UInt32?
    var isText = false
  }

  /// PUBLISH (MQTT 5.0, 3.3) where it stands in the read buffer. The hot path of what comes in.
  func publish(
    _ packet: UnsafeRawBufferPointer, _ header: MQTTFixedHeader
  ) throws(MQTTWireError) {
    let view = try MQTTPublishView(packet, header: header, version: version)
    guard view.qos <= limits.qosMax else {
      throw MQTTWireError(.qosNotSupported, "QoS above the server's maximum")
    }
    guard !view.retain || limits.isRetainAvailable else {
      throw MQTTWireError(.retainNotSupported, "retained messages are not available")
    }
    counters.pointee.publishesReceived &+= 1
    counters.pointee.payloadBytesReceived &+= UInt64(truncatingIfNeeded: view.payload.count)
    link._withUnsafeGuaranteedRef { $0.counters.messagesIn &+= 1 }
    let topic = UnsafeRawBufferPointer(rebasing: packet[view.topic])
    if view.properties.isEmpty {
      guard !topic.isEmpty else {
        throw MQTTWireError(.protocolError, "neither topic nor topic alias")
      }
      try publish(packet, view, topic, Facts())
    } else {
      let properties = UnsafeRawBufferPointer(rebasing: packet[view.properties])
      let facts = try examine(properties)
      if facts.alias != 0 { try learn(topic, facts.alias) }
      if facts.isText, frontEnd.settings.checksPayloadFormat,
        !MQTTText.isValidPayload(UnsafeRawBufferPointer(rebasing: packet[view.payload]))
      {
        refusePayload(view)
        return
      }
      guard facts.alias != 0 else {
        guard !topic.isEmpty else {
          throw MQTTWireError(.protocolError, "neither topic nor topic alias")
        }
        try publish(packet, view, topic, facts)
        return
      }
      try publishAliased(packet, view, facts)
    }
  }

  private func examine(_ properties: UnsafeRawBufferPointer) throws(MQTTWireError) -> Facts {
    try MQTTPropertyReader.validate(properties, in: .publish)
    var facts = Facts()
    var reader = MQTTPropertyReader(properties)
    while let property = try reader.next() {
      switch property.id {
      case .topicAlias: facts.alias = UInt16(truncatingIfNeeded: property.number)
      case .messageExpiryInterval: facts.expirySeconds = property.number
      case .payloadFormatIndicator: facts.isText = property.number == 1
      case .subscriptionIdentifier:
        throw MQTTWireError(.protocolError, "a client sends no subscription identifiers")
      default: break
      }
    }
    return facts
  }

  /// A topic gets a number, whatever becomes of the message that gave it (MQTT 5.0, 3.3.2.3.4).
  private func learn(
    _ topic: UnsafeRawBufferPointer, _ alias: UInt16
  ) throws(MQTTWireError) {
    guard alias <= frontEnd.settings.topicAliasMaximum else {
      throw MQTTWireError(.topicAliasInvalid, "topic alias above the maximum")
    }
    guard !topic.isEmpty else { return }
    guard MQTTTopicName.isValid(topic) else {
      throw MQTTWireError(.malformedPacket, "topic is ill-formed or has a wildcard")
    }
    let known = aliases[alias]?.withUnsafeBytes { $0.elementsEqual(topic) }
    if known != true { aliases[alias] = Array(topic) }
  }

  /// A message whose topic has a number.
  private func publishAliased(
    _ packet: UnsafeRawBufferPointer, _ view: MQTTPublishView, _ facts: Facts
  ) throws(MQTTWireError) {
    guard let name = aliases[facts.alias] else {
      throw MQTTWireError(.protocolError, "topic alias was never given")
    }
    let failure: MQTTWireError? = name.withUnsafeBytes { name in
      do throws(MQTTWireError) {
        try publish(packet, view, name, facts)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  private func publish(
    _ packet: UnsafeRawBufferPointer, _ view: MQTTPublishView, _ topic: UnsafeRawBufferPointer,
    _ facts: Facts
  ) throws(MQTTWireError) {
    guard let session else { return }
    let memo: MQTTTopicMemo
    if let known = self.memo, known.holds(topic) {
      memo = known
    } else {
      guard let principal else { return }
      memo = self.memo ?? MQTTTopicMemo()
      self.memo = memo
      memo.remember(topic, try frontEnd.resolve(topic, principal))
    }
    if view.qos == .exactlyOnce {
      guard try isNew(view.packetID, session) else {
        answerAgain(view, session)
        return
      }
    }
    if let refusal = memo.resolved.refusal {
      if view.qos == .exactlyOnce { session.forget(view.packetID) }
      deny(view, refusal)
      return
    }
    // A will or a delayed message that has filled a queue is no matter of whoever comes next.
    if view.qos != .atMostOnce { frontEnd.crowded = nil }
    let taken: Int
    do throws(EngineError) {
      if memo.resolved.isRenamed || facts.alias != 0 {
        taken = try handOnRebuilt(packet, view, memo, facts, session)
      } else {
        taken = try handOn(packet, view, memo, facts, session)
      }
    } catch {
      if view.qos == .exactlyOnce { session.forget(view.packetID) }
      frontEnd.dropped()
      refuse(view, error)
      return
    }
    if view.qos != .atMostOnce {
      let reason: MQTTReasonCode = taken > 0 || version != .v5 ? .success : .noMatchingSubscribers
      if let kept {
        self.kept = nil
        answer(view, reason, kept: kept, session)
      } else {
        answer(view, reason)
      }
      holdIfCrowded()
    }
  }

  /// A message that the server cannot keep. An older client, which cannot be told, must not take it
  /// for kept when it is the disk that refuses.
  private func refuse(_ view: MQTTPublishView, _ error: EngineError) {
    if error.code == .storageFailed, view.qos != .atMostOnce, version != .v5 {
      disconnect(.quotaExceeded, .protocolError, "\(Self.notKept)")
    } else {
      answer(view, .quotaExceeded, "the server keeps too much already")
    }
  }

  /// Whether a QoS 2 message was not seen before; it is held until its PUBREL then.
  private func isNew(
    _ packetID: UInt16, _ session: MQTTSession
  ) throws(MQTTWireError) -> Bool {
    guard !session.holds(packetID) else { return false }
    guard session.heldCount < frontEnd.settings.receiveMaximum || version != .v5 else {
      throw MQTTWireError(.receiveMaximumExceeded, "more messages than the receive maximum")
    }
    // What outlives the process is written together with the message.
    if session.queue == nil { session.hold(packetID) }
    return true
  }

  /// Publishes the packet as it stands.
  @inline(__always)
  private func handOn(
    _ packet: UnsafeRawBufferPointer, _ view: MQTTPublishView, _ memo: MQTTTopicMemo,
    _ facts: Facts, _ session: MQTTSession
  ) throws(EngineError) -> Int {
    let payload = UnsafeRawBufferPointer(rebasing: packet[view.payload])
    var publication = Publication(
      topic: memo.canonical, payload: payload, origin: origin, native: packet,
      quality: Publication.Quality(rawValue: view.qos.rawValue) ?? .atMostOnce)
    publication.nativeForm = version == .v5 ? MQTTFrame.form5 : MQTTFrame.form3
    publication.isRetained = view.retain
    publication.publisherID = session.id
    if let seconds = facts.expirySeconds {
      publication.expiresAt = frontEnd.engine.now + Int64(seconds) * 1_000_000_000
    }
    if view.qos == .atMostOnce, !view.retain, !view.duplicate {
      publication.frame = packet
      publication.frameKind = version == .v5 ? MQTTFrame.kind5 : MQTTFrame.kind3
    }
    let taken: Int
    if view.qos == .exactlyOnce, let queue = session.queue {
      taken = try handOn(&publication, memo, session, queue, view.packetID)
    } else if view.retain || memo.resolved.delay != nil {
      taken = try handOnLasting(&publication, memo, session)
    } else {
      taken = session.tenant.publish(&publication, memo: &memo.route)
    }
    if view.qos != .atMostOnce, publication.isKept { kept = publication.kept }
    return taken
  }

  /// Publishes a message that is retained, or sent later.
  private func handOnLasting(
    _ publication: inout Publication, _ memo: MQTTTopicMemo, _ session: MQTTSession
  ) throws(EngineError) -> Int {
    try frontEnd.publish(
      &publication, session.tenant, delay: memo.resolved.delay,
      sender: MQTTSender(session.principal, peerIdentity), memo: &memo.route)
  }

  /// Publishes a QoS 2 message, and notes together with it that it was received.
  private func handOn(
    _ publication: inout Publication, _ memo: MQTTTopicMemo, _ session: MQTTSession,
    _ queue: Queue, _ packetID: UInt16
  ) throws(EngineError) -> Int {
    queue.receive(packetID, with: &publication)
    do throws(EngineError) {
      let taken = try handOnLasting(&publication, memo, session)
      publication.seal()
      return taken
    } catch {
      queue.release(packetID, with: &publication)
      throw error
    }
  }

  /// Publishes under the full or other name that the packet does not hold.
  private func handOnRebuilt(
    _ packet: UnsafeRawBufferPointer, _ view: MQTTPublishView, _ memo: MQTTTopicMemo,
    _ facts: Facts, _ session: MQTTSession
  ) throws(EngineError) -> Int {
    let properties = UnsafeRawBufferPointer(rebasing: packet[view.properties])
    let payload = UnsafeRawBufferPointer(rebasing: packet[view.payload])
    let rebuilt = MQTTFrame.rebuild(
      name: memo.resolved.name, properties: properties, payload: payload, version: version)
    var failure: EngineError?
    let taken = rebuilt.withUnsafeReadableBytes { bytes in
      guard let frame = MQTTFrame(bytes, form: version == .v5 ? MQTTFrame.form5 : MQTTFrame.form3),
        let base = bytes.baseAddress
      else { return 0 }
      var inner = view
      inner.topic = Self.range(frame.topic, base)
      inner.properties = Self.range(frame.properties, base)
      inner.payload = Self.range(frame.payload, base)
      do throws(EngineError) {
        return try handOn(bytes, inner, memo, facts, session)
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    return taken
  }

  private static func range(
    _ part: UnsafeRawBufferPointer, _ base: UnsafeRawPointer
  ) -> Range<Int> {
    guard let start = part.baseAddress else { return 0..<0 }
    return start - base..<start - base + part.count
  }

  // MARK: Answers

  private func deny(_ view: MQTTPublishView, _ refusal: MQTTResolvedTopic.Refusal) {
    // An older client cannot be told: the message is acknowledged and goes nowhere (3.1.1, 3.3.5).
    switch refusal {
    case .notPermitted:
      answer(view, version == .v5 ? .notAuthorized : .success, "publishing there is not permitted")
    case .needsEscape:
      answer(view, version == .v5 ? .topicNameInvalid : .success, MQTTServer.strictNameMessage)
      if version != .v5 || view.qos == .atMostOnce { frontEnd.dropped() }
    }
  }

  private func refusePayload(_ view: MQTTPublishView) {
    answer(view, .payloadFormatInvalid, "the payload is not the text that it says it is")
    if view.qos == .atMostOnce { frontEnd.dropped() }
  }

  func answer(
    _ view: MQTTPublishView, _ reason: MQTTReasonCode, _ message: StaticString = ""
  ) {
    if let answers, !answers.isEmpty, view.qos != .atMostOnce {
      _ = answers.append(view.packetID, view.qos, reason, message)
      return
    }
    switch view.qos {
    case .atMostOnce: break
    case .atLeastOnce: acknowledge(.puback, view.packetID, reason, message)
    case .exactlyOnce: acknowledge(.pubrec, view.packetID, reason, message)
    }
  }
}
