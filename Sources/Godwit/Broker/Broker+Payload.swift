extension Broker {
  /// The value of a message's body, read by its content type; by `contentType` when it has none.
  func payload<Payload: Sendable>(
    _ type: Payload.Type, of message: Message, unlessSaid contentType: String
  ) throws(GodwitError) -> Payload {
    try self.codecs.decode(
      type, from: message.body, contentType: message.contentType ?? contentType)
  }
}
