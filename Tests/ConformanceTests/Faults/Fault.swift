import GodwitWireTesting

/// What befalls a connection, and when: once, after so many bytes.
struct Fault: Sendable {
  /// What happens to it.
  enum Kind: CaseIterable {
    /// It breaks, and both ends learn of it.
    case broken
    /// It breaks, and the server is not told: it thinks that the client is there.
    case lostByClient
    /// It breaks, and the client is not told: it has to find out.
    case lostByServer
    /// Nothing passes any more; after a while it breaks for the client.
    case silent
    /// Nothing passes for a while, and then everything goes on.
    case stalled
  }

  let kind: Kind
  /// Whether the bytes that are counted are those of the client.
  let isOfClient: Bool
  /// How many pass before.
  let bytes: Int
  /// How long silence or a stall lasts.
  let milliseconds: Int

  init(using random: inout SplitMix64) {
    // Who has to find out by himself takes his time: seldom, so that there can be many seeds.
    let kinds: [Kind] = [
      .broken, .broken, .broken, .lostByClient, .lostByClient, .silent, .stalled,
    ]
    self.kind =
      Int.random(in: 0..<16, using: &random) == 0
      ? .lostByServer : kinds.randomElement(using: &random) ?? .broken
    self.isOfClient = Bool.random(using: &random)
    // Within the login as well, and within a message.
    self.bytes =
      Int.random(in: 0..<4, using: &random) == 0
      ? Int.random(in: 0..<60, using: &random) : Int.random(in: 0..<1_500, using: &random)
    self.milliseconds = Int.random(in: 1..<60, using: &random)
  }
}
