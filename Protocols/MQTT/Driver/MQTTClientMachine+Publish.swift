import Godwit
import MQTTWire
import NIOCore

/// What the service publishes.
extension MQTTClientMachine {
  /// The most publishes on their way at once, whatever the server allows: identifiers are left.
  static let inflightMax = 60_000

  /// Publishes, now or when there is a connection and room.
  ///
  /// - Parameter token: names the call in events; `nil` for one that nobody waits for.
  mutating func publish(
    _ messages: [MQTTOutgoing], token: UInt64?, into out: inout ByteBuffer, events: inout [Event]
  ) {
    if let token {
      self.batches[token] = MQTTBatch(
        left: messages.count, receivers: Array(repeating: nil, count: messages.count))
    }
    for (place, outgoing) in messages.enumerated() {
      self.publishCount &+= 1
      var pending = MQTTPending(
        outgoing: outgoing, waiter: token.map { .call($0, place) } ?? .nobody)
      pending.number = self.publishCount
      self.pendingBytes += outgoing.packetBytesMax
      self.waiting.append(pending)
    }
    self.pump(into: &out, events: &events)
  }

  /// Writes what waits, as far as the server has room.
  mutating func pump(into out: inout ByteBuffer, events: inout [Event]) {
    guard self.isConnected else { return }
    let room = min(self.terms.receiveMaximum, Self.inflightMax)
    while self.waitingHead < self.waiting.count {
      let pending = self.waiting[self.waitingHead]
      let isConfirmed = pending.outgoing.qos != .atMostOnce
      if isConfirmed, self.inflight.count >= room { break }
      self.waitingHead += 1
      if let refusal = self.refusal(pending.outgoing) {
        self.pendingBytes -= pending.outgoing.packetBytesMax
        self.fail(pending, refusal, &events)
        continue
      }
      guard isConfirmed else {
        self.write(pending.outgoing, id: 0, isRepeated: false, into: &out)
        self.pendingBytes -= pending.outgoing.packetBytesMax
        self.confirm(pending, receivers: nil, &events)
        continue
      }
      let id = self.nextID()
      self.inflight[id] = pending
      self.write(pending.outgoing, id: id, isRepeated: false, into: &out)
    }
    if self.waitingHead == self.waiting.count {
      self.waiting.removeAll(keepingCapacity: self.waitingHead <= 1_024)
      self.waitingHead = 0
    } else if self.waitingHead > 1_024 {
      self.waiting.removeFirst(self.waitingHead)
      self.waitingHead = 0
    }
  }

  private func refusal(_ outgoing: MQTTOutgoing) -> GodwitError? {
    if outgoing.retain, !self.terms.isRetainAvailable {
      return GodwitError(.unsupported, "the server retains no messages")
    }
    guard outgoing.packetBytesMax > self.terms.packetBytesMax else { return nil }
    return GodwitError(
      .tooLarge,
      "a packet of \(outgoing.packetBytesMax) bytes; the server takes \(self.terms.packetBytesMax)")
  }

  private mutating func write(
    _ outgoing: MQTTOutgoing, id: UInt16, isRepeated: Bool, into out: inout ByteBuffer
  ) {
    var publish = MQTTPublish(
      topic: outgoing.topic, payload: outgoing.payload, qos: outgoing.qos, packetID: id,
      retain: outgoing.retain, duplicate: isRepeated, properties: outgoing.properties)
    let (alias, isKnown) = self.alias(of: outgoing.topic)
    if isKnown { publish.topic = ByteBuffer() }
    MQTTEncoder.encode(publish, self.plan.version, alias: alias, into: &out)
  }

  /// The topic's alias on this connection, and whether the server knows it.
  private mutating func alias(of topic: ByteBuffer) -> (UInt16?, isKnown: Bool) {
    // Most often it is the topic of the message before.
    if let lastAlias, lastAlias.topic == topic { return (lastAlias.alias, true) }
    let isKnown: Bool
    let alias: UInt16
    if let known = self.aliases[topic] {
      (alias, isKnown) = (known, true)
    } else {
      // Those who come first keep theirs: a client has few topics, or too many to be worth it.
      guard self.aliases.count < min(self.terms.aliasMaximum, self.plan.aliasesOutMax) else {
        return (nil, false)
      }
      (alias, isKnown) = (UInt16(truncatingIfNeeded: self.aliases.count + 1), false)
      self.aliases[topic] = alias
    }
    self.lastAlias = (topic, alias)
    return (alias, isKnown)
  }

  /// Takes a call back whose time is over.
  ///
  /// - Returns: whether nothing of it was written.
  mutating func withdraw(_ token: UInt64) -> Bool {
    self.batches[token] = nil
    func isOf(_ pending: MQTTPending) -> Bool {
      if case .call(token, _) = pending.waiter { true } else { false }
    }
    let before = self.waiting.count - self.waitingHead
    var kept: [MQTTPending] = []
    var wasWritten = false
    for pending in self.waiting[self.waitingHead...] {
      if isOf(pending) {
        self.pendingBytes -= pending.outgoing.packetBytesMax
        wasWritten = wasWritten || pending.wasWritten
      } else {
        kept.append(pending)
      }
    }
    self.waiting = kept
    self.waitingHead = 0
    var isWritten = wasWritten || kept.count == before
    for (id, pending) in self.inflight where isOf(pending) {
      self.inflight[id]?.waiter = .gone
      isWritten = true
    }
    return !isWritten
  }

  // MARK: Answers

  /// PUBACK, or PUBREC with a failure or of a message at QoS 2.
  mutating func publishAnswered(
    _ answer: MQTTAcknowledgement, isReceipt: Bool, into out: inout ByteBuffer,
    events: inout [Event]
  ) throws(MQTTWireError) {
    guard var pending = self.inflight[answer.packetID], case .published = pending.stage else {
      // Said twice, or of an earlier life.
      guard isReceipt else { return }
      let isKnown = self.inflight[answer.packetID] != nil
      MQTTEncoder.encode(
        .pubrel(
          MQTTAcknowledgement(
            packetID: answer.packetID, reason: isKnown ? .success : .packetIdentifierNotFound)),
        self.plan.version, into: &out)
      return
    }
    guard (pending.outgoing.qos == .exactlyOnce) == isReceipt else {
      throw MQTTWireError(.protocolError, "an acknowledgement of another QoS")
    }
    self.answers &+= 1
    if answer.reason.isError {
      self.finish(answer.packetID)
      let error = MQTTRefusal.error(
        answer.reason, "the server refuses the message", answer.properties)
      self.fail(pending, error, &events)
      return self.pump(into: &out, events: &events)
    }
    let receivers: Int? = answer.reason == .noMatchingSubscribers ? 0 : nil
    guard isReceipt else {
      self.finish(answer.packetID)
      self.confirm(pending, receivers: receivers, &events)
      return self.pump(into: &out, events: &events)
    }
    pending.stage = .released
    if receivers == 0, case .call(let token, let place) = pending.waiter {
      self.batches[token]?.receivers[place] = 0
    }
    self.inflight[answer.packetID] = pending
    MQTTEncoder.encode(
      .pubrel(MQTTAcknowledgement(packetID: answer.packetID)), self.plan.version, into: &out)
  }

  mutating func publishCompleted(
    _ answer: MQTTAcknowledgement, into out: inout ByteBuffer, events: inout [Event]
  ) {
    guard let pending = self.inflight[answer.packetID], case .released = pending.stage else {
      // Of an earlier life, whose PUBREC was answered.
      return
    }
    self.answers &+= 1
    self.finish(answer.packetID)
    self.confirm(pending, receivers: nil, &events)
    self.pump(into: &out, events: &events)
  }

  private mutating func finish(_ id: UInt16) {
    guard let pending = self.inflight.removeValue(forKey: id) else { return }
    self.pendingBytes -= pending.outgoing.packetBytesMax
  }

  private mutating func confirm(
    _ pending: MQTTPending, receivers: Int?, _ events: inout [Event]
  ) {
    guard case .call(let token, let place) = pending.waiter,
      let batch = self.batches.index(forKey: token)
    else { return }
    self.batches.values[batch].left -= 1
    if let receivers { self.batches.values[batch].receivers[place] = receivers }
    guard self.batches.values[batch].left == 0 else { return }
    events.append(.published(token, self.batches.remove(at: batch).value.receivers))
  }

  mutating func fail(_ pending: MQTTPending, _ error: GodwitError, _ events: inout [Event]) {
    guard case .call(let token, _) = pending.waiter else {
      if case .nobody = pending.waiter {
        events.append(.warned("a message that was sent is not published: \(error)"))
      }
      return
    }
    guard self.batches.removeValue(forKey: token) != nil else { return }
    events.append(.publishFailed(token, error))
  }

  // MARK: Again

  /// Repeats what was not acknowledged, in its order: the server has the session.
  mutating func repeatPublishes(into out: inout ByteBuffer) {
    for (id, pending) in self.inflight.sorted(by: { $0.value.number < $1.value.number }) {
      switch pending.stage {
      case .published: self.write(pending.outgoing, id: id, isRepeated: true, into: &out)
      case .released:
        MQTTEncoder.encode(
          .pubrel(MQTTAcknowledgement(packetID: id)), self.plan.version, into: &out)
      }
    }
  }

  /// Publishes as new what was not acknowledged: the server has no session. At QoS 2 that could
  /// make two of one, so it fails there.
  mutating func renewPublishes(events: inout [Event]) {
    guard !self.inflight.isEmpty else { return }
    let lost = GodwitError(
      .unconfirmed, "the server has lost the session: the message may have been published, or not")
    var again: [MQTTPending] = []
    for var pending in self.inflight.values.sorted(by: { $0.number < $1.number }) {
      if pending.outgoing.qos == .exactlyOnce || pending.waiter == .gone {
        self.pendingBytes -= pending.outgoing.packetBytesMax
        self.fail(pending, lost, &events)
      } else {
        pending.wasWritten = true
        again.append(pending)
      }
    }
    self.inflight = [:]
    self.waiting = again + self.waiting[self.waitingHead...]
    self.waitingHead = 0
  }
}
