import Godwit
import NIOCore

/// Messages as they go to the server, written once, by the task that publishes them.
struct NATSPublish: Sendable {
  /// PUB or HPUB of each.
  private(set) var frames = ByteBuffer()
  /// Their subjects, by which the server complains.
  private(set) var subjects: [String] = []
  /// Headers and body of the largest, in bytes.
  private(set) var sizeMax = 0

  /// - Throws: `invalidArgument` when NATS cannot carry one of them.
  init(_ messages: [Message]) throws(GodwitError) {
    self.subjects.reserveCapacity(messages.count)
    for message in messages {
      self.sizeMax = max(self.sizeMax, try message.writeNATS(into: &self.frames))
      self.subjects.append(message.topic)
    }
  }
}
