/// Topics that one client knows by number, in the direction to the client (MQTT 5.0, 3.3.2.3.4).
///
/// The first topics that come get the numbers and keep them; there are few, so they are searched in
/// order.
final class MQTTAliases {
  private let maximum: Int
  private var topics: [[UInt8]] = []

  init(maximum: Int) { self.maximum = maximum }

  /// The number of a topic, and whether the client knows it already; `nil` when none is left.
  func alias(of topic: UnsafeRawBufferPointer) -> (number: UInt16, isKnown: Bool)? {
    for index in topics.indices {
      let isSame = topics[index].withUnsafeBytes { known in
        known.count == topic.count && known.elementsEqual(topic)
      }
      if isSame { return (UInt16(truncatingIfNeeded: index &+ 1), true) }
    }
    guard topics.count < maximum else { return nil }
    return (UInt16(truncatingIfNeeded: topics.count &+ 1), false)
  }

  /// The client was told the number that `alias(of:)` offered.
  func learned(_ topic: UnsafeRawBufferPointer) { topics.append(Array(topic)) }
}
