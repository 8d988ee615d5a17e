public import NIOCore

extension Broker {
  /// Publishes a value and waits for the broker's confirmation.
  ///
  /// - Parameters:
  ///   - key: what messages that must stay in order have in common.
  ///   - timeToLive: how long the message is of use; `nil` for ever.
  /// - Returns: what the broker said.
  /// - Throws: `encodingFailed`, `invalidArgument`, `tooLarge`, `overloaded`, `disconnected`, …
  @inlinable @discardableResult
  public func publish<Payload: Sendable>(
    _ payload: Payload, to topic: Topic<Payload>, key: String? = nil, headers: Headers = [:],
    timeToLive: Duration? = nil
  ) async throws(GodwitError) -> PublishReceipt {
    try await self.publish(
      self.message(payload, to: topic, key: key, headers: headers, timeToLive: timeToLive))
  }

  /// Publishes values of one topic in order and waits for the confirmation of all.
  ///
  /// - Throws: the first failure; values before it may have been published.
  @inlinable @discardableResult
  public func publish<Payload: Sendable>(
    contentsOf payloads: some Sequence<Payload>, to topic: Topic<Payload>, headers: Headers = [:]
  ) async throws(GodwitError) -> [PublishReceipt] {
    var messages: [Message] = []
    messages.reserveCapacity(payloads.underestimatedCount)
    for payload in payloads {
      messages.append(try self.message(payload, to: topic, headers: headers))
    }
    return try await self.publish(messages)
  }

  /// Publishes a message as it is and waits for the broker's confirmation.
  @discardableResult
  public func publish(_ message: Message) async throws(GodwitError) -> PublishReceipt {
    let receipts = try await self.publish([message])
    return receipts.first ?? PublishReceipt(id: message.id)
  }

  /// Publishes messages in order and waits for the confirmation of all.
  ///
  /// - Returns: their receipts, in their order.
  /// - Throws: the first failure; messages before it may have been published.
  @discardableResult
  public func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    guard !messages.isEmpty else { return [] }
    if self.middleware.isEmpty {
      for message in messages { try self.check(message) }
      return try await self.driver.publish(messages)
    }
    return try await self.calling(.publish, messages) { call in
      for message in call.messages { try self.check(message) }
      return try await self.driver.publish(call.messages)
    }
  }

  /// Hands a value to the broker and does not wait: it may be lost without anybody being told.
  ///
  /// - Throws: what is known at once, such as `encodingFailed`, `tooLarge` and `overloaded`.
  @inlinable
  public func send<Payload: Sendable>(
    _ payload: Payload, to topic: Topic<Payload>, key: String? = nil, headers: Headers = [:],
    timeToLive: Duration? = nil
  ) async throws(GodwitError) {
    try await self.send(
      self.message(payload, to: topic, key: key, headers: headers, timeToLive: timeToLive))
  }

  /// Hands a message to the broker and does not wait: it may be lost without anybody being told.
  public func send(_ message: Message) async throws(GodwitError) {
    if self.middleware.isEmpty {
      try self.check(message)
      return try self.driver.send(message)
    }
    try await self.calling(.publish, [message]) { call in
      for message in call.messages {
        try self.check(message)
        try self.driver.send(message)
      }
    }
  }

  /// The message that a value becomes.
  @inlinable
  func message<Payload: Sendable>(
    _ payload: Payload, to topic: Topic<Payload>, key: String? = nil, headers: Headers = [:],
    timeToLive: Duration? = nil
  ) throws(GodwitError) -> Message {
    if let body = self.bytes(payload, as: topic.contentType) {
      return Message(
        topic: topic.name, body: body, contentType: topic.contentType, headers: headers, key: key,
        timeToLive: timeToLive)
    }
    var message = Message(
      topic: topic.name, body: ByteBuffer(), headers: headers, key: key, timeToLive: timeToLive)
    try self.write(payload, to: &message, as: topic.contentType)
    return message
  }

  /// A payload that is its own body. Where the type is known this costs nothing, and looking for
  /// its codec would cost as much as all the rest.
  @inlinable
  func bytes<Payload>(_ payload: Payload, as contentType: String) -> ByteBuffer? {
    guard Payload.self == ByteBuffer.self, self.codecs.keepsBytes(as: contentType) else {
      return nil
    }
    return payload as? ByteBuffer
  }

  /// Runs an operation inside the middleware.
  func calling<Result: Sendable>(
    _ kind: Call.Kind, _ messages: [Message],
    body: @Sendable (Call) async throws -> Result
  ) async throws(GodwitError) -> Result {
    let call = Call(kind: kind, system: self.driver.system, messages: messages, broker: self)
    do {
      return try await self.middleware.run(call, body: body)
    } catch let error as GodwitError {
      throw error
    } catch is CancellationError {
      throw GodwitError(.cancelled, "the task was cancelled")
    } catch {
      throw GodwitError(
        GodwitError.Code(rawValue: "middleware"), "\(kind.rawValue) failed", cause: error)
    }
  }

  func check(_ message: Message) throws(GodwitError) {
    try TopicName.validate(message.topic, wildcards: false)
    if let max = self.capabilities.bodyBytesMax, message.body.readableBytes > max {
      throw GodwitError(
        .tooLarge, "a body of \(message.body.readableBytes) bytes; the broker takes \(max)")
    }
  }
}
