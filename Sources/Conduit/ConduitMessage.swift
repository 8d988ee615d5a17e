public import Godwit
public import NIOCore

/// A message that arrived: what it is about, who sent it, and its payload as a stream.
public struct ConduitMessage: Sendable {
  /// The event.
  public let event: String
  /// The service that sent it, as it names itself; replies go there.
  public let source: String
  /// Headers; empty from peers of the original, which has none.
  public let headers: Headers
  /// The payload's media type, when the sender told; peers of the original do not.
  public let contentType: String?
  /// The payload.
  public let body: ConduitBody
  /// Whether a reply is waited for.
  public var isRequest: Bool { !self.replyEvent.isEmpty }

  let replyEvent: String
  let exchange: Exchange

  init(_ handshake: Handshake, body: ConduitBody, exchange: Exchange) {
    self.event = handshake.event
    self.source = handshake.source
    self.headers = handshake.headers
    self.contentType = handshake.contentType
    self.replyEvent = handshake.replyEvent
    self.body = body
    self.exchange = exchange
  }

  /// The payload as a value, read to its end: text and bytes as they are, other types by the
  /// message's media type, or by the conduit's where the sender named none.
  ///
  /// - Throws: `tooLarge` beyond `ConduitSettings.payloadBytesMax`, `timeout` when it is not there
  ///   within `ConduitSettings.payloadTimeout`, `decodingFailed`, `unsupported`, and what reading
  ///   the body throws.
  public func payload<Value: Sendable>(
    as type: Value.Type = Value.self
  ) async throws(GodwitError) -> Value {
    try await self.payload(as: type, within: self.exchange.settings.payloadTimeout)
  }

  func payload<Value: Sendable>(
    as type: Value.Type, within time: Duration
  ) async throws(GodwitError) -> Value {
    let body = self.body
    let bytesMax = self.exchange.settings.payloadBytesMax
    if body.hasArrived {
      let whole = try await body.collect(upTo: bytesMax)
      return try self.exchange.decode(type, from: whole, contentType: self.contentType)
    }
    let whole = try await Deadline.run(within: time, "the payload was not there within \(time)") {
      () async throws(GodwitError) in try await body.collect(upTo: bytesMax)
    }
    return try self.exchange.decode(type, from: whole, contentType: self.contentType)
  }

  /// Replies with a value: text and bytes as they are, other types as the conduit's media type.
  /// There may be several replies; who asked takes the first.
  ///
  /// - Throws: `invalidArgument` when nobody waits for a reply, and what `ServiceClient.send`
  ///   throws.
  public func reply<Value: Sendable>(
    _ value: Value, headers: Headers = [:]
  ) async throws(GodwitError) {
    try await self.replies().send(self.replyEvent, value, headers: headers)
  }

  /// Replies with nothing but word that it was done.
  public func reply(headers: Headers = [:]) async throws(GodwitError) {
    try await self.replies().send(self.replyEvent, headers: headers)
  }

  /// Replies with a stream.
  ///
  /// - Throws: what `source` throws, which the other side is told; otherwise as `reply(_:)`.
  public func reply<Source: AsyncSequence & Sendable>(
    stream source: Source, contentType: String? = nil, headers: Headers = [:]
  ) async throws where Source.Element == ByteBuffer {
    try await self.replies().send(
      self.replyEvent, stream: source, contentType: contentType, headers: headers)
  }

  /// Tells who asked that it failed: reading the reply throws `remoteFailure` with these words,
  /// with the original as well.
  public func reply(failure reason: String) async throws(GodwitError) {
    try await self.replies().fail(self.replyEvent, reason)
  }

  private func replies() throws(GodwitError) -> ServiceClient {
    guard self.isRequest else {
      throw GodwitError(.invalidArgument, "nobody waits for a reply to this '\(self.event)'")
    }
    return ServiceClient(service: self.source, exchange: self.exchange)
  }
}
