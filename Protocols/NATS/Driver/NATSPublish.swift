import Godwit
import NIOCore

/// Messages as they go to the server, written once, by the task that publishes them.
struct NATSPublish: Sendable {
  /// PUB or HPUB of each.
  var frames = ByteBuffer()
  /// Their subjects, by which the server complains; none where nobody waits.
  var subjects: [String] = []
  /// Headers and body of the largest, in bytes.
  var sizeMax = 0
}

extension NATSPublish {
  /// The most bytes that room is made for before they are known.
  private static var guessMax: Int { 1 << 20 }

  /// - Throws: `invalidArgument` when NATS cannot carry one of them.
  init(_ messages: [Message]) throws(GodwitError) {
    self.subjects.reserveCapacity(messages.count)
    for message in messages {
      let frame = try NATSFrame(message)
      if self.subjects.isEmpty {
        // Mostly they are alike.
        self.frames.reserveCapacity(min(frame.bytes * messages.count, Self.guessMax))
      }
      frame.write(message, into: &self.frames)
      self.sizeMax = max(self.sizeMax, frame.size)
      self.subjects.append(message.topic)
    }
  }
}
