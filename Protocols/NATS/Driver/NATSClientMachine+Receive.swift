import Godwit
import NATSWire
import NIOCore

/// What the server says.
extension NATSClientMachine {
  /// Takes what is whole of `input` and leaves the rest.
  ///
  /// - Throws: what ends the connection.
  mutating func receive(
    _ input: inout ByteBuffer, into out: inout ByteBuffer, events: inout [Event]
  ) throws(GodwitError) {
    let bytes = input
    var consumed = 0
    var failure: GodwitError?
    bytes.withUnsafeReadableBytes { raw in
      var operation = NATSOperation()
      do throws(GodwitError) {
        // Behind an INFO that asks for TLS the next bytes are TLS's.
        while consumed < raw.count, !self.isSecuring {
          let rest = UnsafeRawBufferPointer(rebasing: raw[consumed...])
          guard try self.parse(rest, &operation) else { return }
          consumed += operation.consumed
          try self.handle(operation, into: &out, events: &events)
        }
      } catch {
        failure = error
      }
    }
    input.moveReaderIndex(forwardBy: consumed)
    if let failure { throw failure }
    if self.isSecuring, input.readableBytes > 0 {
      // Somebody in the middle could have written them.
      throw GodwitError(.disconnected, "the server speaks on before TLS")
    }
  }

  private var isSecuring: Bool {
    if case .securing = self.phase { true } else { false }
  }

  private mutating func parse(
    _ bytes: UnsafeRawBufferPointer, _ operation: inout NATSOperation
  ) throws(GodwitError) -> Bool {
    do throws(NATSWireError) {
      return try self.parser.next(bytes, into: &operation)
    } catch {
      throw GodwitError(.disconnected, "the server does not speak NATS: \(error.message)")
    }
  }

  private mutating func handle(
    _ operation: NATSOperation, into out: inout ByteBuffer, events: inout [Event]
  ) throws(GodwitError) {
    switch operation.kind {
    case .message: self.receiveMessage(operation, events: &events)
    case .info: try self.receiveInfo(operation, into: &out, events: &events)
    case .ping: NATSEncoder.pong(into: &out)
    case .pong: self.receivePong(into: &out, events: &events)
    case .error: try self.receiveError(operation, events: &events)
    case .none, .ok, .connect, .publish, .subscribe, .unsubscribe: break
    }
  }

  // MARK: Logging in

  private mutating func receiveInfo(
    _ operation: NATSOperation, into out: inout ByteBuffer, events: inout [Event]
  ) throws(GodwitError) {
    guard let info = try? NATSServerInfo(parsing: operation.argument) else {
      throw GodwitError(.disconnected, "the server's INFO is not JSON")
    }
    self.info = info
    events.append(.learnt(tcp: info.connectURLs, webSocket: info.webSocketConnectURLs))
    guard case .awaitingInfo = self.phase else {
      if info.lameDuckMode { events.append(.lameDuck) }
      return
    }
    guard info.headers else {
      throw GodwitError(.unsupported, "the server has no headers: nats-server 2.2 or later has")
    }
    if !self.isSecure, self.wantsTLS || info.tlsRequired {
      guard info.tlsRequired || info.tlsAvailable else {
        throw GodwitError(.disconnected, "the server offers no TLS")
      }
      self.phase = .securing
      return events.append(.secure)
    }
    try self.logIn(into: &out)
  }

  mutating func logIn(into out: inout ByteBuffer) throws(GodwitError) {
    NATSEncoder.connect(
      try self.login.options(for: self.info, usesTLS: self.isSecure), into: &out)
    self.ask(.login, into: &out)
    self.phase = .loggingIn
  }

  private mutating func receivePong(into out: inout ByteBuffer, events: inout [Event]) {
    switch self.answered() {
    case .login:
      let numbers = self.interests.keys.sorted()
      guard !numbers.isEmpty else { return self.becomeConnected(into: &out, events: &events) }
      for number in numbers {
        guard let interest = self.interests[number], !interest.isPaused else { continue }
        self.writeSubscribe(number, interest, into: &out)
      }
      self.ask(.restored(numbers), into: &out)
      self.phase = .restoring
    case .restored(let numbers):
      for number in numbers { self.confirm(number, events: &events) }
      self.becomeConnected(into: &out, events: &events)
    case .publishes(let written):
      self.isPublishAsked = false
      events.append(.published(written.map(\.token)))
      self.endBurst(into: &out)
    case .subscription(let number): self.confirm(number, events: &events)
    case .unsubscription(let number):
      self.interests[number] = nil
      events.append(.unsubscribed(number))
    case .flush: events.append(.flushed)
    case .alive, nil: break
    }
  }

  private mutating func becomeConnected(into out: inout ByteBuffer, events: inout [Event]) {
    self.phase = .connected
    events.append(.connected)
    self.writeWaiting(into: &out, events: &events)
    self.endBurst(into: &out)
  }

  private mutating func confirm(_ number: UInt64, events: inout [Event]) {
    guard let interest = self.interests[number] else { return }
    self.interests[number]?.isConfirmed = true
    self.interests[number]?.isKnown = true
    if !interest.isKnown { events.append(.subscribed(number)) }
  }

  // MARK: Complaints

  private mutating func receiveError(
    _ operation: NATSOperation, events: inout [Event]
  ) throws(GodwitError) {
    let error = NATSServerError(argument: operation.argument)
    let text = error.text.headerLine
    switch error {
    case .subscriptionNotPermitted(let subject, let queue):
      self.refuse(
        Self.unquoted(subject), group: queue.map(Self.unquoted), text: text, events: &events)
    case .subscriptionHasTooManyTokens(let subject):
      self.refuse(Self.unquoted(subject), group: nil, text: text, events: &events)
    case .publishNotPermitted(let subject):
      self.failPublishes(to: Self.unquoted(subject), events: &events)
      events.append(.warned(text))
    case .authorizationViolation, .authenticationTimeout, .userAuthenticationExpired,
      .accountAuthenticationExpired:
      throw GodwitError(.notPermitted, "the server does not let us in: \(text)")
    case .maximumPayloadViolation:
      throw GodwitError(.disconnected, "the server closed the connection: \(text)")
    case _ where error.closesConnection:
      throw GodwitError(.disconnected, "the server closed the connection: \(text)")
    default: events.append(.warned(text))
    }
  }

  /// The text between Go's quotes. Subjects have none of what Go would escape, but for quotes.
  private static func unquoted(_ text: String) -> String {
    var text = text[...]
    if text.hasPrefix("\"") { text = text.dropFirst() }
    if text.hasSuffix("\"") { text = text.dropLast() }
    return String(text.replacing("\\\"", with: "\"").replacing("\\\\", with: "\\"))
  }

  /// The oldest subscription of that pattern that the server has not confirmed is the one it means.
  private mutating func refuse(
    _ pattern: String, group: String?, text: String, events: inout [Event]
  ) {
    let candidates = self.interests.filter {
      $0.value.pattern == pattern && (group == nil || $0.value.group == group)
    }.keys.sorted()
    let unconfirmed = candidates.filter { self.interests[$0]?.isConfirmed == false }
    guard let number = unconfirmed.first ?? candidates.first, let interest = self.interests[number]
    else { return events.append(.warned(text)) }
    let refusal = GodwitError(.notPermitted, "the server refuses the subscription: \(text)")
    // Its own PONG confirms nothing now.
    self.interests[number] = nil
    events.append(
      interest.isKnown
        ? .subscriptionLost(number, refusal) : .subscriptionRefused(number, refusal))
  }

  private mutating func failPublishes(to subject: String, events: inout [Event]) {
    var failed: [UInt64] = []
    func keepOthers(_ written: [Written]) -> [Written] {
      written.filter { one in
        guard one.subjects.contains(subject) else { return true }
        failed.append(one.token)
        return false
      }
    }
    for index in self.questions.indices.dropFirst(self.questionHead) {
      guard case .publishes(let written) = self.questions[index] else { continue }
      self.questions[index] = .publishes(keepOthers(written))
    }
    self.unasked = keepOthers(self.unasked)
    guard !failed.isEmpty else { return }
    events.append(
      .publishFailed(
        failed, GodwitError(.notPermitted, "the server refuses publishes to '\(subject)'")))
  }

  // MARK: Messages

  private mutating func receiveMessage(_ operation: NATSOperation, events: inout [Event]) {
    let number = operation.sid.reduce(UInt64(0)) { $0 &* 10 &+ UInt64($1 &- 0x30) }
    guard let interest = self.interests[number] else { return }
    guard let delivery = Message.read(operation, likely: interest.pattern) else {
      return events.append(.warned("a message's headers cannot be read; it was left out"))
    }
    self.deliveries &+= 1
    var incoming = IncomingMessage(message: delivery.message, token: self.deliveries)
    if let status = delivery.status {
      incoming.failure =
        status == 503
        ? GodwitError(.noResponders, "nobody answers")
        : GodwitError(.remoteFailure, "the server answers with status \(status)")
    }
    self.arrived.append(incoming)
    if case .delivered(number, let count) = events.last {
      events[events.count - 1] = .delivered(number, count: count + 1)
    } else {
      events.append(.delivered(number, count: 1))
    }
  }
}
