import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import NATSWire
import NIOCore

extension NATSSession {
  /// PUB and HPUB: the hot path. What is unusual leaves it for `publishWithCare`.
  @inline(__always)
  func publish(_ operation: inout NATSOperation) {
    self.messagesIn &+= 1
    self.bytesIn &+= UInt64(truncatingIfNeeded: operation.message.count)
    if !self.subject.isEqual(to: operation.subject) {
      if self.acknowledges(operation) { return }
      self.judge(operation.subject)
    }
    guard self.verdict.isEmpty, operation.isTailCanonical, !self.options.verbose,
      !Self.mayBeReserved(operation.reply)
    else {
      self.publishWithCare(&operation)
      return
    }
    self.route(operation, tail: operation.tail, expiresAt: self.expiry(operation))
  }

  /// Takes the acknowledgement of a message that a consumer got. Each has a subject of its own, of
  /// which there is nothing to judge where the client may publish everything.
  ///
  /// - Returns: whether it was one.
  @inline(__always)
  private func acknowledges(_ operation: borrowing NATSOperation) -> Bool {
    guard operation.subject.count > 8,
      operation.subject.loadUnaligned(as: UInt64.self) == Self.acknowledgementStart
    else { return false }
    return self.takesAcknowledgement(operation)
  }

  /// `$JS.ACK.`
  private static var acknowledgementStart: UInt64 { UInt64(bigEndian: 0x244A_532E_4143_4B2E) }

  @inline(never)
  private func takesAcknowledgement(_ operation: borrowing NATSOperation) -> Bool {
    guard self.mayPublishAll, let jetStream = self.jetStream, !self.options.verbose,
      !self.options.pedantic, !Self.mayBeReserved(operation.reply)
    else { return false }
    return jetStream.takeAck(operation)
  }

  /// When a message ends its life; only one with headers can say so.
  @inline(__always)
  private func expiry(_ operation: borrowing NATSOperation) -> Int64 {
    operation.headerBytes == 0 ? 0 : NATSEnvelope.expiry(operation.headers, now: self.engine.now)
  }

  /// Hands a message to the engine.
  ///
  /// - Parameter tail: the message in canonical form, behind its subject.
  @inline(__always)
  private func route(
    _ operation: borrowing NATSOperation, tail: UnsafeRawBufferPointer, expiresAt: Int64
  ) {
    guard let tenant = self.hotTenant else { return }
    var publication = Publication(
      topic: operation.subject, payload: operation.payload,
      origin: self.origin, native: tail, quality: .atMostOnce)
    publication.nativeForm =
      operation.headerBytes > 0 ? NATSReceiver.Form.headers : NATSReceiver.Form.plain
    publication.frame = operation.message
    publication.expiresAt = expiresAt
    publication.publisherID = self.receiverID
    let taken = tenant._withUnsafeGuaranteedRef {
      $0.publish(&publication, memo: &self.memo)
    }
    guard operation.reply.count > 0 else { return }
    if taken == 0 {
      self.noteUnanswered(operation.subject, reply: operation.reply)
    } else if let (stream, offset) = publication.onlyKept {
      self.jetStream?.acknowledge(offset, of: stream, reply: operation.reply)
    } else if publication.isCaptured {
      self.acknowledge(publication.captures, operation)
    }
  }

  /// Streams have taken the message, or refused it, and the client wants to know.
  @inline(never)
  private func acknowledge(_ captures: Captures, _ operation: borrowing NATSOperation) {
    self.jetStream?.acknowledge(
      captures, subject: operation.subject, headers: operation.headers,
      payloadBytes: operation.payload.count, reply: operation.reply)
  }

  /// Judges a subject and remembers the verdict for as long as the client stays with it.
  @inline(never)
  private func judge(_ subject: UnsafeRawBufferPointer) {
    var verdict: Verdict = []
    if !self.engine.limits.allows(topic: subject) {
      verdict = [.undeliverable, .overLimit]
    } else if !NATSSubject.hasOnlyFullTokens(subject) {
      verdict = [.undeliverable, .notLiteral]
    } else if NATSSubject.hasWildcard(subject) {
      verdict.insert(.notLiteral)
    }
    if Self.isReserved(subject) { verdict.insert(.denied) }
    if Self.isJetStream(subject) { verdict.insert(.jetStream) }
    if subject.starts(with: Self.userInfoSubject) {
      verdict.insert(.service)
    } else if subject.isSystemTopic {
      // What the server says about itself is the server's alone: as on nats-server, where `$SYS` is
      // another account, a client's words there reach nobody.
      verdict.insert(.undeliverable)
    }
    if let permissions = self.receiver?.permissions, !permissions.publish.permits(subject) {
      verdict.insert(.denied)
    }
    self.subject.remember(subject)
    self.verdict = verdict
  }

  private static func isJetStream(_ subject: UnsafeRawBufferPointer) -> Bool {
    subject.count > 7 && subject.starts(with: "$JS.".utf8)
      && (subject.starts(with: "$JS.API.".utf8) || subject.starts(with: "$JS.ACK.".utf8)
        || subject.starts(with: "$JS.FC.".utf8))
  }

  private static var userInfoSubject: String.UTF8View { "$SYS.REQ.USER.INFO".utf8 }

  /// Subjects by which nat-servers talk to each other.
  private static func isReserved(_ subject: UnsafeRawBufferPointer) -> Bool {
    guard subject.count > 4, subject[0] == UInt8(ascii: "$") || subject[0] == UInt8(ascii: "_")
    else { return false }
    return subject.starts(with: "$NRG.".utf8) || subject.starts(with: "_GR_.".utf8)
  }

  /// A quick look at a reply subject: `_R_.`, `_GR_.` and `$JS.ACK.` are reserved, `_INBOX.` is
  /// not.
  @inline(__always)
  private static func mayBeReserved(_ reply: UnsafeRawBufferPointer) -> Bool {
    guard reply.count > 4 else { return false }
    let first = reply[0]
    if first == UInt8(ascii: "_") { return reply[1] != UInt8(ascii: "I") }
    return first == UInt8(ascii: "$")
  }

  private static func isReserved(reply: UnsafeRawBufferPointer) -> Bool {
    reply.starts(with: "_R_.".utf8) || reply.starts(with: "$JS.ACK.".utf8)
      || reply.starts(with: "_GR_.".utf8)
  }

  /// The way of everything that is not a plain, canonical, silent, permitted PUB.
  @inline(never)
  private func publishWithCare(_ operation: inout NATSOperation) {
    if self.options.pedantic, self.verdict.contains(.notLiteral) {
      self.send(.invalidPublishSubject)
    }
    if self.verdict.contains(.overLimit) {
      self.send(.invalidPublishSubject)
      return
    }
    if self.verdict.contains(.denied), !self.mayAnswer(operation.subject) {
      self.frontEnd.statistics.permissionViolations &+= 1
      self.send(.publishNotPermitted(subject: natsQuoted(operation.subject)))
      return
    }
    if Self.mayBeReserved(operation.reply), Self.isReserved(reply: operation.reply) {
      self.frontEnd.statistics.permissionViolations &+= 1
      self.send(.replyNotPermitted(subject: natsQuoted(operation.reply)))
      return
    }
    if self.options.verbose { self.sendOK() }
    guard !self.verdict.contains(.undeliverable) else {
      if operation.reply.count > 0 {
        self.noteUnanswered(operation.subject, reply: operation.reply)
      }
      return
    }
    if self.verdict.contains(.jetStream), let jetStream = self.jetStream {
      if !jetStream.take(operation), operation.reply.count > 0 {
        self.noteUnanswered(operation.subject, reply: operation.reply)
      }
      return
    }
    let expiresAt = self.expiry(operation)
    if operation.isTailCanonical {
      self.route(operation, tail: operation.tail, expiresAt: expiresAt)
    } else {
      let tail = Self.canonicalTail(operation)
      tail.withUnsafeReadableBytes { self.route(operation, tail: $0, expiresAt: expiresAt) }
    }
    if self.verdict.contains(.service), operation.reply.count > 0,
      operation.subject.elementsEqual(Self.userInfoSubject)
    {
      self.answerUserInfo(operation.reply)
    }
  }

  /// Whether a client that may not publish here was asked and may answer.
  private func mayAnswer(_ subject: UnsafeRawBufferPointer) -> Bool {
    !Self.isReserved(subject) && self.receiver?.mayAnswer(subject) == true
  }

  /// Writes a message's tail with single spaces and CRLF.
  private static func canonicalTail(_ operation: NATSOperation) -> ByteBuffer {
    var tail = ByteBuffer()
    tail.reserveCapacity(operation.message.count + operation.reply.count + 32)
    if operation.reply.count > 0 {
      tail.writeBytes(operation.reply)
      tail.writeStaticString(" ")
    }
    if operation.headerBytes > 0 {
      tail.writeString(String(operation.headerBytes))
      tail.writeStaticString(" ")
    }
    tail.writeString(String(operation.message.count))
    tail.writeStaticString("\r\n")
    tail.writeBytes(operation.message)
    tail.writeStaticString("\r\n")
    return tail
  }

  /// A request had no receiver: a client that asked to be told gets status 503 on its own
  /// subscription to the reply subject.
  @inline(never)
  private func noteUnanswered(_ subject: UnsafeRawBufferPointer, reply: UnsafeRawBufferPointer) {
    guard self.options.noResponders, !self.verdict.contains(.service),
      let receiver = self.receiver
    else { return }
    let own = receiver.tenant.router.subscriptions(matching: reply).first {
      $0.subscriber === receiver && $0.group == nil
    }
    guard let own = own as? NATSSubscription else { return }
    self.send { buffer in
      let size = String(32 + subject.count)
      buffer.writeStaticString("HMSG ")
      buffer.writeBytes(reply)
      buffer.writeStaticString(" ")
      buffer.writeBytes(own.sid)
      buffer.writeString(" \(size) \(size)\r\nNATS/1.0 503\r\nNats-Subject: ")
      buffer.writeBytes(subject)
      buffer.writeStaticString("\r\n\r\n\r\n")
    }
  }

  /// Answers `$SYS.REQ.USER.INFO`: who the client is and what it may do.
  ///
  /// The answer is the server's own word, so that what the client may publish is not asked, as in
  /// nats-server; but no client makes the server speak under `$SYS`.
  private func answerUserInfo(_ reply: UnsafeRawBufferPointer) {
    guard let principal = self.principal, NATSSubject.isLiteral(reply), !reply.isSystemTopic else {
      return
    }
    let json = self.frontEnd.userInfo(principal, permissions: self.receiver?.permissions)
    principal.tenant.publish(topic: Array(reply), payload: json)
  }
}
