import MQTTWire
import NIOCore

/// What a subscription is about.
struct MQTTInterest: Sendable {
  /// The filter, `$share/…` included.
  let filter: ByteBuffer
  /// The pattern in the framework's form.
  let pattern: String
  /// The QoS that is asked for.
  let qos: MQTTQoS
  let retainHandling: MQTTSubscribe.RetainHandling
  /// Whether messages are acknowledged when they are settled, in place of at once.
  let isSettled: Bool
  let isShared: Bool
  var isPaused = false
  /// Whether its end was asked for.
  var isEnding = false
  /// Whether the server's session has it.
  var isEstablished = false
  /// Whether whoever asked for it has been told.
  var isKnown = false

  init(
    filter: ByteBuffer, pattern: String, qos: MQTTQoS,
    retainHandling: MQTTSubscribe.RetainHandling, isSettled: Bool, isShared: Bool
  ) {
    self.filter = filter
    self.pattern = pattern
    self.qos = qos
    self.retainHandling = retainHandling
    self.isSettled = isSettled
    self.isShared = isShared
  }

  var hasWildcard: Bool {
    self.filter.readableBytesView.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
  }

  /// Whether the pattern's topics include `topic`.
  func matches(_ topic: String) -> Bool {
    if topic == self.pattern { return true }
    var levels = topic.split(separator: ".", omittingEmptySubsequences: false)[...]
    for part in self.pattern.split(separator: ".", omittingEmptySubsequences: false) {
      guard let level = levels.popFirst() else { return false }
      if part == ">" { return true }
      guard part == "*" || part == level else { return false }
    }
    return levels.isEmpty
  }
}
