public import Godwit
public import NIOCore

/// A service that messages are sent to, by its name. Making one costs nothing.
///
/// Text and bytes go out as they are; other values in the conduit's media type. What is sent goes
/// to every instance of the service that is bound to the event, and to one of those that share it
/// as a queue.
public struct ServiceClient: Sendable {
  /// The service's name.
  public let service: String
  let exchange: Exchange

  // MARK: Send

  /// Sends an event without a payload.
  public func send(_ event: String, headers: Headers = [:]) async throws(GodwitError) {
    try await self.send(payload: ByteBuffer(), contentType: nil, event, headers)
  }

  /// Sends a value. Returns when somebody has taken it and the broker has confirmed it, or when
  /// nobody is bound to the event; instances that answer a moment later get it, too.
  ///
  /// - Throws: `noResponders` when there is no such service, `timeout` when none of it answers
  ///   within `ConduitSettings.acknowledgeTimeout`, `overloaded` when too many messages wait there,
  ///   `encodingFailed`, `tooLarge`, and what publishing throws.
  public func send<Value: Sendable>(
    _ event: String, _ value: Value, headers: Headers = [:]
  ) async throws(GodwitError) {
    let (payload, contentType) = try self.exchange.encode(value)
    try await self.send(payload: payload, contentType: contentType, event, headers)
  }

  /// Sends a stream of any size, at the pace of its readers where they know flow control. Of
  /// `source` nothing is held but the part that is being sent. Returns when all of it was sent.
  ///
  /// - Parameter contentType: what the stream's bytes stand for, where there is more to say.
  /// - Throws: what `source` throws, which its readers are told as `remoteFailure`;
  ///   `streamAbandoned` when nobody reads on; `timeout` when a reader takes nothing for
  ///   `ConduitSettings.idleTimeout`; otherwise as `send(_:_:)`.
  public func send<Source: AsyncSequence & Sendable>(
    _ event: String, stream source: Source, contentType: String? = nil, headers: Headers = [:]
  ) async throws where Source.Element == ByteBuffer {
    let handshake = try await self.handshake(event, contentType, headers)
    try await self.exchange.send(stream: source, to: self.service, handshake, isRequest: false)
  }

  // MARK: Request

  /// Sends a value as a request and waits for the reply's.
  ///
  /// - Parameter timeout: for all of it: sending, waiting, and reading the reply. Default 30 s.
  /// - Throws: `timeout`; `noResponders` when there is no such service, or nobody is bound to the
  ///   event; `remoteFailure` with the words of who failed; otherwise as `send(_:_:)`.
  public func request<Value: Sendable, Answer: Sendable>(
    _ event: String, _ value: Value, expecting type: Answer.Type = Answer.self,
    headers: Headers = [:], timeout: Duration = .seconds(30)
  ) async throws(GodwitError) -> Answer {
    let end = ContinuousClock.now + timeout
    let reply = try await self.requestMessage(event, value, headers: headers, timeout: timeout)
    return try await reply.payload(as: type, within: max(.zero, end - .now))
  }

  /// Sends a value as a request and waits for the reply, whose body is a stream.
  public func requestMessage<Value: Sendable>(
    _ event: String, _ value: Value, headers: Headers = [:], timeout: Duration = .seconds(30)
  ) async throws(GodwitError) -> ConduitMessage {
    let (payload, contentType) = try self.exchange.encode(value)
    let isLong = payload.readableBytes > Exchange.atHandBytesMax
    return try await self.ask(event, contentType, headers, timeout, isLong: isLong) {
      (handshake) async throws(GodwitError) in
      try await self.exchange.send(payload, to: self.service, handshake, isRequest: true)
    }
  }

  /// Sends a request without a payload and waits for the reply, whose body is a stream.
  public func requestMessage(
    _ event: String, headers: Headers = [:], timeout: Duration = .seconds(30)
  ) async throws(GodwitError) -> ConduitMessage {
    try await self.ask(event, nil, headers, timeout) { (handshake) async throws(GodwitError) in
      try await self.exchange.send(ByteBuffer(), to: self.service, handshake, isRequest: true)
    }
  }

  /// Sends a stream as a request and waits for the reply, whose body is a stream. The reply may be
  /// there before all of `source` was sent, which then goes on: reading and sending take turns.
  public func requestMessage<Source: AsyncSequence & Sendable>(
    _ event: String, stream source: Source, contentType: String? = nil, headers: Headers = [:],
    timeout: Duration = .seconds(30)
  ) async throws -> ConduitMessage where Source.Element == ByteBuffer {
    try await self.ask(event, contentType, headers, timeout, isLong: true) {
      (handshake) async throws(GodwitError) in
      do {
        try await self.exchange.send(
          stream: source, to: self.service, handshake, isRequest: true)
      } catch let error as GodwitError {
        throw error
      } catch {
        throw GodwitError(.encodingFailed, "the request's stream failed", cause: error)
      }
    }
  }

  // MARK: Below

  private func handshake(
    _ event: String, _ contentType: String?, _ headers: Headers, replyEvent: String = ""
  ) async throws(GodwitError) -> Handshake {
    try ConduitSubjects.validate(self.service)
    try await self.exchange.start()
    // Replies are to come to this instance, and not to any other of the service.
    return Handshake(
      source: self.exchange.ownName, replyEvent: replyEvent, event: event,
      contentType: contentType, headers: headers)
  }

  private func send(
    payload: ByteBuffer, contentType: String?, _ event: String, _ headers: Headers
  ) async throws(GodwitError) {
    let handshake = try await self.handshake(event, contentType, headers)
    try await self.exchange.send(payload, to: self.service, handshake, isRequest: false)
  }

  func fail(_ event: String, _ reason: String) async throws(GodwitError) {
    let handshake = try await self.handshake(event, nil, [:])
    try await self.exchange.send(failure: reason, to: self.service, handshake)
  }

  private func ask(
    _ event: String, _ contentType: String?, _ headers: Headers, _ timeout: Duration,
    isLong: Bool = false, send: @escaping @Sendable (Handshake) async throws(GodwitError) -> Void
  ) async throws(GodwitError) -> ConduitMessage {
    let replies = BindingQueue(
      event: ReplyToken.make(), kind: .broadcast, isOnce: true, messagesMax: 1)
    let handshake = try await self.handshake(
      event, contentType, headers, replyEvent: replies.event)
    // Before the request goes out: a fast reply must find who waits.
    try self.exchange.expect(replies)
    defer { self.exchange.forget(replies) }
    return try await Deadline.run(within: timeout, "no reply within \(timeout)") {
      () async throws(GodwitError) in
      guard isLong else {
        try await send(handshake)
        return try await Self.first(of: replies)
      }
      return try await Self.first(
        of: replies,
        whileSending: { () async throws(GodwitError) in
          try await send(handshake)
        })
    }
  }

  private static func first(
    of replies: BindingQueue
  ) async throws(GodwitError) -> ConduitMessage {
    if let reply = await replies.next() { return reply }
    throw Task.isCancelled ? GodwitError(.cancelled, "the task was cancelled") : Exchange.closed
  }

  /// A reply may have to be read for the request to be sent to its end, so sending it goes on
  /// behind the reply. It ends with its source, when its reader leaves, and with the conduit.
  private static func first(
    of replies: BindingQueue,
    whileSending send: @escaping @Sendable () async throws(GodwitError) -> Void
  ) async throws(GodwitError) -> ConduitMessage {
    let sending = Exchange.background { () async -> GodwitError? in
      do throws(GodwitError) {
        try await send()
        return nil
      } catch {
        replies.end()
        return error
      }
    }
    if let reply = await replies.next() { return reply }
    if Task.isCancelled { sending.cancel() }
    throw await sending.value ?? Exchange.closed
  }
}

/// The event that replies to one request are sent as: 32 random signs, as the original has them.
enum ReplyToken {
  private static let signs = Array(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_".utf8)

  static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    var token: [UInt8] = []
    for _ in 0..<4 {
      var bits = generator.next()
      for _ in 0..<8 {
        token.append(Self.signs[Int(truncatingIfNeeded: bits & 63)])
        bits >>= 6
      }
    }
    return String(decoding: token, as: UTF8.self)
  }
}
