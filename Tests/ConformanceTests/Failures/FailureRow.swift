import Godwit

/// A row of the table in `docs/framework.md` about a process that dies while it consumes.
struct FailureRow: Sendable, CustomStringConvertible {
  /// The row's name in the table.
  let name: String
  /// The worker's name of the step.
  let step: String
  /// What is published to it.
  var published = ["work"]
  /// What the next worker gets of it where the broker gives at least once, all of it by default;
  /// where it gives at most once, nothing.
  var comesBack: [String]?
  /// How many dead letters there are in the end: at most once, at least once.
  var deadLetters = (atMostOnce: 0, atLeastOnce: 0)

  var description: String { self.step }

  func comesBack(_ guarantee: Capabilities.Guarantee) -> [String] {
    guarantee == .atMostOnce ? [] : self.comesBack ?? self.published
  }

  func deadLetters(_ guarantee: Capabilities.Guarantee) -> Int {
    guarantee == .atMostOnce ? self.deadLetters.atMostOnce : self.deadLetters.atLeastOnce
  }

  static let consuming = [
    Self(name: "received, waiting for a worker", step: "received"),
    Self(name: "in a batch that is gathering", step: "gathering"),
    Self(name: "the body is decoded", step: "decoding"),
    Self(name: "in middleware", step: "middleware"),
    Self(name: "in the handler", step: "handler"),
    Self(name: "in the handler of a batch", step: "batch", published: ["one", "two"]),
    Self(name: "the handler is done, nothing is settled", step: "handled"),
    // The second is handed out when the acknowledgement of the first has reached the broker.
    Self(
      name: "settled", step: "settled", published: ["work", "next"], comesBack: ["next"]),
    Self(
      name: "rejected, the dead letter is not published", step: "dying", published: ["bad"],
      deadLetters: (0, 1)),
    Self(
      name: "the dead letter is published, nothing is settled", step: "dead", published: ["bad"],
      deadLetters: (1, 2)),
    Self(name: "waiting for its next attempt", step: "waiting", published: ["work", "last"]),
    Self(name: "draining", step: "draining", published: ["one", "two"]),
  ]

  /// The names of the other rows, which have tests of their own.
  static let others = [
    "before the message is sent", "sent, unconfirmed", "confirmed",
    "a request was sent", "a request is answered",
  ]
}
