import Godwit
import MQTTWire
import NIOCore

/// What the server says.
extension MQTTClientMachine {
  /// Takes what is whole of `input` and leaves the rest.
  ///
  /// - Throws: what ends the connection; the server has been told why by then.
  mutating func receive(
    _ input: inout ByteBuffer, into out: inout ByteBuffer, events: inout [Event]
  ) throws(GodwitError) {
    var ending: GodwitError?
    do throws(MQTTWireError) {
      while ending == nil, let packet = try self.decoder.decode(&input) {
        ending = try self.handle(packet, into: &out, events: &events)
        if self.isLeaving { self.finishLeaving(into: &out, events: &events) }
        // Behind the farewell nothing is heard.
        if case .offline = self.phase { break }
      }
    } catch {
      self.complain(error.reason, into: &out)
      throw GodwitError(
        .disconnected,
        "the server breaks the protocol (\(MQTTRefusal.name(error.reason))): \(error.message)")
    }
    if let ending { throw ending }
  }

  /// - Returns: the end of the connection, when the server ends it.
  private mutating func handle(
    _ packet: MQTTPacket, into out: inout ByteBuffer, events: inout [Event]
  ) throws(MQTTWireError) -> GodwitError? {
    if case .connecting = self.phase {
      switch packet {
      case .connack(let connack): return try self.letIn(connack, into: &out, events: &events)
      case .auth(let auth): return self.authenticate(auth, into: &out)
      case .disconnect(let farewell): return Self.ending(farewell)
      default: throw MQTTWireError(.protocolError, "something before CONNACK")
      }
    }
    switch packet {
    case .publish(let publish): try self.take(publish, into: &out, events: &events)
    case .puback(let answer):
      try self.publishAnswered(answer, isReceipt: false, into: &out, events: &events)
    case .pubrec(let answer):
      try self.publishAnswered(answer, isReceipt: true, into: &out, events: &events)
    case .pubcomp(let answer):
      self.publishCompleted(answer, into: &out, events: &events)
    case .pubrel(let release): try self.complete(release, into: &out)
    case .suback(let answer): try self.subscribed(answer, into: &out, events: &events)
    case .unsuback(let answer): try self.unsubscribed(answer, into: &out, events: &events)
    case .pingresp:
      guard self.pings > 0 else { throw MQTTWireError(.protocolError, "PINGRESP unasked") }
      self.pings -= 1
      self.answers &+= 1
    case .disconnect(let farewell): return Self.ending(farewell)
    case .auth(let auth): return try self.proveAgain(auth, into: &out, events: &events)
    case .connack, .connect, .subscribe, .unsubscribe, .pingreq:
      throw MQTTWireError(.protocolError, "a packet that a server does not send then")
    }
    return nil
  }

  private static func ending(_ farewell: MQTTDisconnect) -> GodwitError {
    var error = MQTTRefusal.error(
      farewell.reason, "the server closed the connection", farewell.properties)
    if farewell.reason == .sessionTakenOver {
      error.message += ": another client has the same client id"
    }
    return error
  }

  // MARK: Being let in

  private mutating func letIn(
    _ connack: MQTTConnack, into out: inout ByteBuffer, events: inout [Event]
  ) throws(MQTTWireError) -> GodwitError? {
    guard connack.code == 0 else {
      guard self.plan.version == .v5 else { return MQTTRefusal.connectError(connack.code) }
      return MQTTRefusal.error(
        MQTTReasonCode(rawValue: connack.code), "the server does not let us in",
        connack.properties)
    }
    if self.scram != nil, let refusal = self.refusal(ofProof: connack.properties, into: &out) {
      return refusal
    }
    let terms = MQTTServerTerms(connack.properties)
    guard self.plan.publishQoS <= terms.qosMax else {
      self.complain(.qosNotSupported, into: &out)
      return GodwitError(
        .unsupported, "the server takes at most QoS \(terms.qosMax.rawValue): choose it as 'qos'")
    }
    self.terms = terms
    if connack.sessionPresent {
      self.repeatPublishes(into: &out)
    } else {
      if self.hasSession, self.plan.sessionExpiry > 0 { events.append(.sessionLost) }
      self.inbox.sessionLost()
      self.renewPublishes(events: &events)
      for number in self.interests.keys { self.interests[number]?.isEstablished = false }
    }
    self.hasSession = true
    self.phase = .restoring
    for number in self.interests.keys.sorted() {
      guard let interest = self.interests[number], !interest.isPaused, !interest.isEstablished
      else { continue }
      self.writeSubscribe(number, interest, into: &out, events: &events)
    }
    self.becomeConnectedIfRestored(into: &out, events: &events)
    return nil
  }

  mutating func becomeConnectedIfRestored(
    into out: inout ByteBuffer, events: inout [Event]
  ) {
    guard case .restoring = self.phase, self.questions.isEmpty else { return }
    self.phase = .connected
    events.append(.connected)
    if self.isLeaving { self.ping(into: &out) }
    self.pump(into: &out, events: &events)
  }

  // MARK: Messages

  private mutating func take(
    _ publish: MQTTPublish, into out: inout ByteBuffer, events: inout [Event]
  ) throws(MQTTWireError) {
    let topic = try self.topic(of: publish)
    // What comes now stays with the server.
    guard !self.isLeaving else { return }
    let only = self.plan.isDedicated ? self.interests.first : nil
    let isKept = publish.qos != .atMostOnce && only?.value.isSettled ?? false
    let token: UInt64
    if publish.qos == .atMostOnce {
      token = self.inbox.nextToken()
    } else {
      let arrival = self.inbox.arrive(
        publish.packetID, publish.qos, isRepeated: publish.duplicate,
        bytes: publish.payload.readableBytes)
      switch arrival {
      case .inUse: throw MQTTWireError(.protocolError, "an identifier that is in use")
      case .known: return self.acknowledge(into: &out)
      case .new(let new): token = new
      }
      guard self.isBearable(&events) else {
        // It comes again, and is new then.
        self.inbox.forget(token)
        throw MQTTWireError(.receiveMaximumExceeded, "more messages than were asked for")
      }
      if !isKept {
        self.inbox.settle(token, isDone: true)
        self.acknowledge(into: &out)
      }
    }
    // All that MQTT tells of earlier times is that there may have been one.
    let incoming = IncomingMessage(
      message: self.message(publish, topic), attempt: isKept && publish.duplicate ? 2 : 1,
      token: token)
    if let only { return events.append(.delivered(only.key, incoming, isKept: isKept)) }
    for (number, interest) in self.interests where !interest.isPaused && interest.matches(topic) {
      events.append(.delivered(number, incoming, isKept: false))
    }
  }

  /// Whether no more is held than can be.
  ///
  /// Mosquitto before 2.0.13 goes beyond the Receive Maximum. That is borne within a bound on bytes,
  /// as it is on MQTT 3.1.1, where there is no such maximum: what is beyond the prefetch waits.
  private mutating func isBearable(_ events: inout [Event]) -> Bool {
    if self.plan.version == .v5 {
      guard self.inbox.countHere > Int(self.plan.receiveMaximum) else { return true }
      if !self.isCrowded {
        self.isCrowded = true
        events.append(.warned("the server sends more messages than the Receive Maximum allows"))
      }
    }
    return self.inbox.bytes <= self.plan.heldBytesMax
  }

  /// The topic in the framework's form, by its alias where it has one.
  private mutating func topic(of publish: MQTTPublish) throws(MQTTWireError) -> String {
    let alias =
      self.plan.version == .v5
      ? publish.properties.number(.topicAlias).map { UInt16(truncatingIfNeeded: $0) } : nil
    if let alias, alias > self.plan.aliasesIn {
      throw MQTTWireError(.topicAliasInvalid, "an alias above the maximum")
    }
    guard publish.topic.readableBytes > 0 else {
      guard let alias, let topic = self.aliasesIn[alias] else {
        throw MQTTWireError(.protocolError, "an alias that was not given")
      }
      return topic
    }
    let topic = self.topic(named: publish.topic)
    if let alias { self.aliasesIn[alias] = topic }
    return topic
  }

  private mutating func topic(named name: ByteBuffer) -> String {
    if let lastTopic, lastTopic.name == name { return lastTopic.topic }
    let topic = MQTTNames.topic(name)
    // A copy, since what came is a part of what was read.
    self.lastTopic = (ByteBuffer(bytes: name.readableBytesView), topic)
    return topic
  }

  private func message(_ publish: MQTTPublish, _ topic: String) -> Message {
    guard self.plan.version != .v5 else {
      return Message(
        topic: topic, properties: publish.properties, payload: publish.payload,
        isRetained: publish.retain, isAged: true)
    }
    let (properties, payload) =
      self.plan.isEnveloped
      ? MQTTDriverEnvelope.open(publish.payload) : (MQTTProperties(), publish.payload)
    return Message(
      topic: topic, properties: properties, payload: payload, isRetained: publish.retain,
      isAged: false)
  }

  /// Says that a message is done with, or that it goes back.
  mutating func settle(_ token: UInt64, isDone: Bool, into out: inout ByteBuffer) {
    self.inbox.settle(token, isDone: isDone)
    self.acknowledge(into: &out)
  }

  private mutating func acknowledge(into out: inout ByteBuffer) {
    switch self.phase {
    case .offline, .connecting: return
    case .restoring, .connected: break
    }
    while let (id, qos) = self.inbox.nextAcknowledged() {
      let answer = MQTTAcknowledgement(packetID: id)
      MQTTEncoder.encode(
        qos == .exactlyOnce ? .pubrec(answer) : .puback(answer), self.plan.version, into: &out)
    }
  }

  private mutating func complete(
    _ release: MQTTAcknowledgement, into out: inout ByteBuffer
  ) throws(MQTTWireError) {
    guard let isKnown = self.inbox.release(release.packetID) else {
      throw MQTTWireError(.protocolError, "PUBREL before PUBREC")
    }
    let reason: MQTTReasonCode = isKnown ? .success : .packetIdentifierNotFound
    MQTTEncoder.encode(
      .pubcomp(MQTTAcknowledgement(packetID: release.packetID, reason: reason)),
      self.plan.version, into: &out)
  }
}
