/// Why a client gives up, in one sentence for people.
struct ClientError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The sentence. Never holds a password or a token.
  var description: String

  init(_ description: String) {
    self.description = description
  }
}
