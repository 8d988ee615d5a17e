import GodwitFrontEndKit
import GodwitPrimitives
import MQTTWire

/// A filter of a subscription, taken apart and translated.
struct MQTTWantedFilter {
  private static let exclusivePrefix = "$exclusive/"

  /// The key of the subscription: the filter after rewriting.
  var filter: [UInt8]
  var pattern: TopicPattern
  /// The share name, and what the router knows the group by.
  var share: [UInt8]?
  var group: [UInt8]?
  var isExclusive = false
  /// Whether NATS has no plain form of the filter.
  var needsEscape = false

  /// Reads a filter, `$share/…` and `$exclusive/…` included; `nil` when it is none.
  ///
  /// The router's name of a shared subscription is share name and filter together (MQTT 5.0, 4.8.2),
  /// apart from other protocols' groups unless the settings join them.
  init?(_ bytes: [UInt8], _ names: GroupNames) {
    filter = bytes
    var parts: (inner: [UInt8], share: [UInt8]?)?
    bytes.withUnsafeBytes { pointer in
      guard let parsed = MQTTTopicFilter(pointer) else { return }
      parts = (Array(pointer[parsed.filter]), parsed.shareName.map { Array(pointer[$0]) })
    }
    guard let parts else { return nil }
    var inner = parts.inner
    let share = parts.share
    if share == nil, inner.starts(with: Self.exclusivePrefix.utf8) {
      inner.removeFirst(Self.exclusivePrefix.utf8.count)
      guard !inner.isEmpty else { return nil }
      isExclusive = true
    }
    let canonical = inner.withUnsafeBytes { MQTTTopicCodec.canonical($0) }
    pattern = TopicPattern(canonical: canonical, openTail: .zeroOrMore, reserved: .dollar)
    self.share = share
    if let share {
      group = names.key(protocolName: MQTTServer.name, group: share, pattern: canonical)
    }
    needsEscape = inner.withUnsafeBytes { MQTTTopicCodec.needsEscape($0) }
  }
}
