import NIOCore

extension Broker {
  /// Whether payloads are known to be a body and nothing else, without asking what they conform to.
  fileprivate static func isOnlyBody<Payload>(_ type: Payload.Type) -> Bool {
    type == ByteBuffer.self || type == String.self || type == [UInt8].self
  }

  /// The payload of a message, read by its content type; by `contentType` when it has none.
  func payload<Payload: Sendable>(
    _ type: Payload.Type, of message: Message, unlessSaid contentType: String
  ) throws(GodwitError) -> Payload {
    try self.codecs.payload(type, of: message, on: self.capabilities, unlessSaid: contentType)
  }

  /// Makes `payload` the payload of a message, written as `contentType`.
  @usableFromInline
  func write<Payload: Sendable>(
    _ payload: Payload, to message: inout Message, as contentType: String
  ) throws(GodwitError) {
    if let body = self.bytes(payload, as: contentType) {
      message.body = body
      message.contentType = contentType
      return
    }
    if !Self.isOnlyBody(Payload.self), let whole = payload as? any MessagePayload {
      return try whole.write(
        to: &message, codecs: self.codecs, on: self.capabilities, as: contentType)
    }
    message.body = try self.codecs.encode(payload, as: contentType)
    message.contentType = contentType
  }
}

extension CodecRegistry {
  /// The payload of a message, read by its content type; by `contentType` when it has none.
  func payload<Payload: Sendable>(
    _ type: Payload.Type, of message: Message, on capabilities: Capabilities,
    unlessSaid contentType: String
  ) throws(GodwitError) -> Payload {
    if !Broker.isOnlyBody(type), let whole = type as? any MessagePayload.Type {
      let payload = try whole.init(
        message: message, codecs: self, on: capabilities, unlessSaid: contentType)
      if let payload = payload as? Payload { return payload }
    }
    return try self.decode(
      type, from: message.body, contentType: message.contentType ?? contentType)
  }
}
