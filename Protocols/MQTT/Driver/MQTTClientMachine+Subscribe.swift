import Godwit
import MQTTWire
import NIOCore

/// What the service subscribes to.
extension MQTTClientMachine {
  /// The most SUBSCRIBEs and UNSUBSCRIBEs without an answer: identifiers are left.
  static let questionsMax = 4_096

  /// Subscribes, now or when there is a connection.
  mutating func subscribe(
    _ number: UInt64, _ interest: MQTTInterest, into out: inout ByteBuffer, events: inout [Event]
  ) {
    self.interests[number] = interest
    switch self.phase {
    // Those that are there at the login are made then.
    case .offline, .connecting: return
    case .restoring, .connected:
      self.writeSubscribe(number, interest, into: &out, events: &events)
    }
  }

  mutating func writeSubscribe(
    _ number: UInt64, _ interest: MQTTInterest, into out: inout ByteBuffer, events: inout [Event]
  ) {
    if let refusal = self.refusal(interest) {
      return self.refuse(number, refusal, events: &events)
    }
    let id = self.nextID()
    self.questions[id] = .subscription(number)
    let request = MQTTSubscribe.Request(
      filter: interest.filter, qos: interest.qos, retainHandling: interest.retainHandling)
    MQTTEncoder.encode(
      .subscribe(MQTTSubscribe(packetID: id, requests: [request])), self.plan.version, into: &out)
  }

  private func refusal(_ interest: MQTTInterest) -> GodwitError? {
    if interest.isShared, !self.terms.hasSharedSubscriptions {
      return GodwitError(.unsupported, "the server has no shared subscriptions, so no groups")
    }
    if interest.hasWildcard, !self.terms.hasWildcards {
      return GodwitError(.unsupported, "the server has no wildcards: '\(interest.pattern)'")
    }
    guard self.questions.count < Self.questionsMax else {
      return GodwitError(.overloaded, "too many subscriptions wait for their confirmation")
    }
    return nil
  }

  private mutating func refuse(
    _ number: UInt64, _ error: GodwitError, events: inout [Event]
  ) {
    guard let interest = self.interests.removeValue(forKey: number) else { return }
    events.append(
      interest.isKnown ? .subscriptionLost(number, error) : .subscriptionRefused(number, error))
  }

  mutating func subscribed(
    _ answer: MQTTSuback, into out: inout ByteBuffer, events: inout [Event]
  ) throws(MQTTWireError) {
    guard case .subscription(let number) = self.questions.removeValue(forKey: answer.packetID),
      answer.reasons.count == 1, let reason = answer.reasons.first
    else { throw MQTTWireError(.protocolError, "SUBACK of nothing") }
    self.answers &+= 1
    self.confirm(number, reason, answer.properties, into: &out, events: &events)
    self.becomeConnectedIfRestored(into: &out, events: &events)
  }

  private mutating func confirm(
    _ number: UInt64, _ reason: MQTTReasonCode, _ properties: MQTTProperties,
    into out: inout ByteBuffer, events: inout [Event]
  ) {
    guard let interest = self.interests[number] else { return }
    if reason.isError {
      let refusal = MQTTRefusal.error(
        reason, "the server refuses the subscription to '\(interest.pattern)'", properties)
      return self.refuse(number, refusal, events: &events)
    }
    if reason.rawValue < interest.qos.rawValue {
      guard reason.rawValue > 0 || !interest.isSettled else {
        let refusal = GodwitError(
          .unsupported, "the server grants '\(interest.pattern)' QoS 0 only: choose it as 'qos'")
        return self.refuse(number, refusal, events: &events)
      }
      events.append(
        .warned("the server grants '\(interest.pattern)' QoS \(reason.rawValue) only"))
    }
    self.interests[number]?.isEstablished = true
    self.interests[number]?.isKnown = true
    // Also told when it is resumed: who asked for that waits.
    events.append(.subscribed(number))
  }

  /// Ends a subscription: `unsubscribed` tells when nothing more will come of it.
  mutating func unsubscribe(
    _ number: UInt64, into out: inout ByteBuffer, events: inout [Event]
  ) {
    guard let interest = self.interests[number] else {
      return events.append(.unsubscribed(number))
    }
    self.interests[number]?.isEnding = true
    switch self.phase {
    case .restoring where !self.isShared(interest), .connected where !self.isShared(interest):
      self.writeUnsubscribe(interest, .unsubscription(number), into: &out)
    case .restoring, .connected:
      self.interests[number] = nil
      events.append(.unsubscribed(number))
    case .offline, .connecting:
      self.interests[number] = nil
      events.append(.unsubscribed(number))
    }
  }

  /// Whether others still want what the server sends because of the filter: to it they are one.
  private func isShared(_ interest: MQTTInterest) -> Bool {
    !self.plan.isDedicated
      && self.interests.values.contains {
        !$0.isPaused && !$0.isEnding && $0.filter == interest.filter
      }
  }

  private mutating func writeUnsubscribe(
    _ interest: MQTTInterest, _ question: Question, into out: inout ByteBuffer
  ) {
    let id = self.nextID()
    self.questions[id] = question
    MQTTEncoder.encode(
      .unsubscribe(MQTTUnsubscribe(packetID: id, filters: [interest.filter])), self.plan.version,
      into: &out)
  }

  /// Takes no part, or takes part again. `unsubscribed` or `subscribed` tells when that is so.
  mutating func setPaused(
    _ isPaused: Bool, _ number: UInt64, into out: inout ByteBuffer, events: inout [Event]
  ) {
    guard let interest = self.interests[number] else {
      return events.append(.unsubscribed(number))
    }
    let isNew = interest.isPaused != isPaused
    self.interests[number]?.isPaused = isPaused
    let isOnline =
      switch self.phase {
      case .offline, .connecting: false
      case .restoring, .connected: true
      }
    guard isNew, isOnline else {
      return events.append(isPaused ? .unsubscribed(number) : .subscribed(number))
    }
    if isPaused {
      self.interests[number]?.isEstablished = false
      if self.isShared(interest) { return events.append(.unsubscribed(number)) }
      self.writeUnsubscribe(interest, .pause(number), into: &out)
    } else {
      self.writeSubscribe(number, interest, into: &out, events: &events)
    }
  }

  mutating func unsubscribed(
    _ answer: MQTTSuback, into out: inout ByteBuffer, events: inout [Event]
  ) throws(MQTTWireError) {
    switch self.questions.removeValue(forKey: answer.packetID) {
    case .unsubscription(let number):
      self.interests[number] = nil
      events.append(.unsubscribed(number))
    case .pause(let number): events.append(.unsubscribed(number))
    case .subscription, nil: throw MQTTWireError(.protocolError, "UNSUBACK of nothing")
    }
    self.answers &+= 1
    self.becomeConnectedIfRestored(into: &out, events: &events)
  }
}
