import Godwit
import NATSWire
import NIOCore

/// What the service asks for.
extension NATSClientMachine {
  /// Whether a publish of messages up to that size goes out now, as it is.
  func takes(size: Int) -> Bool {
    self.isConnected && !self.isHeld && size <= self.info.maxPayload
  }

  /// A publish has gone out that somebody waits for.
  mutating func await(_ written: Written) {
    self.unasked.append(written)
  }

  /// Publishes, now or when there is a connection.
  ///
  /// - Parameter token: names the publish in events; `nil` for one that nobody waits for.
  /// - Throws: `tooLarge`.
  mutating func publish(
    _ publish: NATSPublish, token: UInt64?, into out: inout ByteBuffer
  ) throws(GodwitError) {
    guard self.isConnected, !self.isHeld else {
      self.waitingBytes += publish.frames.readableBytes
      self.waiting.append(Waiting(publish: publish, token: token))
      return
    }
    if let refusal = self.refusal(ofSize: publish.sizeMax) { throw refusal }
    self.write(publish, token: token, into: &out)
  }

  private mutating func write(
    _ publish: NATSPublish, token: UInt64?, into out: inout ByteBuffer
  ) {
    out.writeImmutableBuffer(publish.frames)
    if let token { self.unasked.append(Written(token: token, subjects: publish.subjects)) }
  }

  private func refusal(ofSize size: Int) -> GodwitError? {
    guard size > self.info.maxPayload else { return nil }
    return GodwitError(
      .tooLarge, "\(size) bytes with headers; the server takes \(self.info.maxPayload)")
  }

  mutating func writeWaiting(into out: inout ByteBuffer, events: inout [Event]) {
    for one in self.waiting.takeAll() {
      if let refusal = self.refusal(ofSize: one.publish.sizeMax) {
        if let token = one.token { events.append(.publishFailed([token], refusal)) }
      } else {
        self.write(one.publish, token: one.token, into: &out)
      }
    }
    self.waitingBytes = 0
  }

  /// Takes a publish back whose time is over.
  ///
  /// - Returns: whether it was still unwritten.
  mutating func withdraw(_ token: UInt64) -> Bool {
    guard let one = self.waiting.withdraw(token) else { return false }
    self.waitingBytes -= one.publish.frames.readableBytes
    return true
  }

  /// Ends a burst of calls: asks for the confirmation of what was published in it.
  mutating func endBurst(into out: inout ByteBuffer) {
    guard self.isConnected, !self.isPublishAsked, !self.unasked.isEmpty else { return }
    self.isPublishAsked = true
    self.ask(.publishes(self.unasked), into: &out)
    self.unasked = []
  }

  /// Subscribes, now or when there is a connection. Pattern and group have been checked.
  mutating func subscribe(
    _ number: UInt64, to pattern: String, group: String?, into out: inout ByteBuffer
  ) {
    let interest = Interest(pattern: pattern, group: group)
    self.interests[number] = interest
    switch self.phase {
    // Those that are there at the login are made then.
    case .offline, .awaitingInfo, .securing, .loggingIn: return
    case .restoring, .connected:
      self.writeSubscribe(number, interest, into: &out)
      self.ask(.subscription(number), into: &out)
    }
  }

  /// Ends a subscription: `unsubscribed` tells when nothing more will come of it.
  mutating func unsubscribe(
    _ number: UInt64, into out: inout ByteBuffer, events: inout [Event]
  ) {
    guard let interest = self.interests[number] else {
      return events.append(.unsubscribed(number))
    }
    switch self.phase {
    case .restoring, .connected:
      if !interest.isPaused { NATSEncoder.unsubscribe(sid: String(number).utf8, into: &out) }
      // What the server had sent before it read this is still taken.
      self.interests[number]?.isPaused = true
      self.interests[number]?.isEnding = true
      self.ask(.unsubscription(number), into: &out)
    case .offline, .awaitingInfo, .securing, .loggingIn:
      self.interests[number] = nil
      events.append(.unsubscribed(number))
    }
  }

  /// Takes no part, or takes part again. What is published meanwhile goes to other members, or is
  /// missed.
  mutating func setPaused(_ isPaused: Bool, _ number: UInt64, into out: inout ByteBuffer) {
    guard let interest = self.interests[number], interest.isPaused != isPaused,
      !interest.isEnding
    else { return }
    self.interests[number]?.isPaused = isPaused
    switch self.phase {
    case .offline, .awaitingInfo, .securing, .loggingIn: return
    case .restoring, .connected:
      if isPaused {
        NATSEncoder.unsubscribe(sid: String(number).utf8, into: &out)
      } else {
        self.writeSubscribe(number, interest, into: &out)
      }
    }
  }

  /// Asks whether the server is alive.
  mutating func ping(into out: inout ByteBuffer) {
    if self.isConnected { self.ask(.alive, into: &out) }
  }

  /// Asks when everything before has been read, publishes first.
  mutating func flush(into out: inout ByteBuffer) {
    guard self.isConnected else { return }
    if !self.unasked.isEmpty { self.ask(.publishes(self.unasked), into: &out) }
    self.unasked = []
    self.ask(.flush, into: &out)
  }

  func writeSubscribe(_ number: UInt64, _ interest: Interest, into out: inout ByteBuffer) {
    NATSEncoder.subscribe(
      interest.pattern.utf8, queue: interest.group?.utf8, sid: String(number).utf8, into: &out)
  }
}
