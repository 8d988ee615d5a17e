import GodwitEngine
import GodwitPrimitives

/// One SUB of one client.
final class NATSSubscription: Subscription {
  /// The client's name for it.
  let sid: [UInt8]
  /// The queue group as the client wrote it; empty when there is none.
  let queue: [UInt8]
  /// Messages delivered so far.
  var delivered: UInt64 = 0
  /// With how many messages it ends; 0 for never.
  var deliveredMax: UInt64 = 0 { didSet { self.updateCare() } }
  /// Whether some messages it matches are denied to the client.
  var isPartlyDenied = false { didSet { self.updateCare() } }
  /// Whether a delivery needs more than counting and copying.
  private(set) var needsCare = false

  private func updateCare() {
    self.needsCare = self.deliveredMax > 0 || self.isPartlyDenied
  }

  init(
    pattern: TopicPattern, sid: [UInt8], queue: [UInt8], group: [UInt8]?, subscriber: Subscriber
  ) {
    self.sid = sid
    self.queue = queue
    super.init(pattern: pattern, group: group, subscriber: subscriber)
  }

  /// With the client's words for it.
  override var byteCount: Int { super.byteCount + 64 + self.sid.count + self.queue.count }
}
