/// A payload that is more than a body: it makes the rest of its message, too.
protocol MessagePayload: Sendable {
  /// What it is written as unless the topic says otherwise.
  static var usualContentType: String { get }

  /// Reads a message.
  ///
  /// - Parameter contentType: what the body is when the message does not say it.
  init(
    message: Message, codecs: CodecRegistry, on capabilities: Capabilities,
    unlessSaid contentType: String
  ) throws(GodwitError)

  /// Writes itself: the body, its content type, and headers.
  func write(
    to message: inout Message, codecs: CodecRegistry, on capabilities: Capabilities,
    as contentType: String
  ) throws(GodwitError)
}
