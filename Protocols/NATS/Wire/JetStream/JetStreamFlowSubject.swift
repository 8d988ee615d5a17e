/// The subjects of flow control: `$JS.FC.<stream>.<consumer>.<token>`.
public enum JetStreamFlowSubject {
  /// The pattern of all answers for a consumer.
  public static func pattern(stream: String, consumer: String) -> String {
    "$JS.FC.\(stream).\(consumer).*"
  }

  /// The subject that the receiver answers on to let delivery go on.
  ///
  /// - Parameter token: what tells this request from others; no dots, not empty.
  public static func reply(stream: String, consumer: String, token: String) -> String {
    "$JS.FC.\(stream).\(consumer).\(token)"
  }

  /// Reads such a subject.
  public static func parse(
    _ subject: UnsafeRawBufferPointer
  ) -> (stream: String, consumer: String, token: String)? {
    let tokens = String(decoding: subject, as: UTF8.self).split(
      separator: ".", maxSplits: 5, omittingEmptySubsequences: false)
    guard tokens.count == 5, tokens[0] == "$JS", tokens[1] == "FC",
      !tokens[2].isEmpty, !tokens[3].isEmpty, !tokens[4].isEmpty
    else { return nil }
    return (String(tokens[2]), String(tokens[3]), String(tokens[4]))
  }
}
