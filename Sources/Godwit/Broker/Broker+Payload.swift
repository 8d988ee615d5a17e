extension Broker {
  /// The payload of a message, read by its content type; by `contentType` when it has none.
  func payload<Payload: Sendable>(
    _ type: Payload.Type, of message: Message, unlessSaid contentType: String
  ) throws(GodwitError) -> Payload {
    if let whole = type as? any MessagePayload.Type {
      let payload = try whole.init(
        message: message, codecs: self.codecs, on: self.capabilities, unlessSaid: contentType)
      if let payload = payload as? Payload { return payload }
    }
    return try self.codecs.decode(
      type, from: message.body, contentType: message.contentType ?? contentType)
  }

  /// Makes `payload` the payload of a message, written as `contentType`.
  func write<Payload: Sendable>(
    _ payload: Payload, to message: inout Message, as contentType: String
  ) throws(GodwitError) {
    if let whole = payload as? any MessagePayload {
      return try whole.write(
        to: &message, codecs: self.codecs, on: self.capabilities, as: contentType)
    }
    message.body = try self.codecs.encode(payload, as: contentType)
    message.contentType = contentType
  }
}
