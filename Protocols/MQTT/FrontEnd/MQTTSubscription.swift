import GodwitEngine
import GodwitPrimitives
import MQTTWire
import NIOCore

/// One filter of one session, with its options.
final class MQTTSubscription: Subscription {
  /// The filter as the client knows it, `$share/…` and `$exclusive/…` included.
  let filter: [UInt8]
  /// The highest QoS to deliver with.
  let qos: MQTTQoS
  /// Whether the session's own messages are left out.
  let noLocal: Bool
  /// Whether the publisher's retain flag is kept.
  let retainAsPublished: Bool
  /// The subscription identifier as an encoded property; empty without.
  let identifier: [UInt8]
  /// The share name of a shared subscription.
  let share: [UInt8]?
  /// Whether nobody else may subscribe to the same filter exclusively.
  let isExclusive: Bool

  init(
    _ wanted: MQTTWantedFilter, request: MQTTSubscribe.Request, identifier: UInt32?,
    session: MQTTSession
  ) {
    self.filter = wanted.filter
    self.qos = request.qos
    self.noLocal = request.noLocal
    self.retainAsPublished = request.retainAsPublished
    self.share = wanted.share
    self.isExclusive = wanted.isExclusive
    var properties = MQTTProperties()
    if let identifier { properties.append(.subscriptionIdentifier, identifier) }
    self.identifier = Array(properties.bytes.readableBytesView)
    super.init(pattern: wanted.pattern, group: wanted.group, subscriber: session)
  }

  /// With the filter, under which the session finds it.
  override var byteCount: Int {
    super.byteCount + 128 + filter.count + identifier.count + (share?.count ?? 0)
  }
}

/// How a session gets the messages of one topic, computed once per remembered match and kept as the
/// prefix of the route. An empty prefix stands for a lone subscription without an identifier.
///
/// When several subscriptions of a session match, one copy is delivered: with the highest QoS
/// (MQTT-3.3.4-2) and every identifier (MQTT-3.3.4-3). The first subscription carries it, the
/// others are passed over. Shared subscriptions stand alone.
struct MQTTDeliveryPlan {
  /// Set when another subscription of the session carries the message.
  static let skips: UInt8 = 0x08
  static let retains: UInt8 = 0x04

  /// QoS in the low two bits, then the two flags.
  var flags: UInt8
  var identifiers: UnsafeRawBufferPointer

  var qos: UInt8 { flags & 0x03 }
  var retainAsPublished: Bool { flags & Self.retains != 0 }

  /// Reads a prefix: for the session's own messages, from which no-local takes away, or others'.
  @inline(__always)
  init?(_ prefix: UnsafeRawBufferPointer, isOwn: Bool) {
    flags = prefix[isOwn ? 1 : 0]
    guard flags & Self.skips == 0 else { return nil }
    let split = 4 &+ (Int(prefix[2]) << 8 | Int(prefix[3]))
    identifiers = UnsafeRawBufferPointer(
      rebasing: isOwn ? prefix[split...] : prefix[4..<split])
  }

  static func encode(_ subscriptions: [MQTTSubscription]) -> [UInt8] {
    let others = merge(subscriptions)
    let own = merge(subscriptions.filter { !$0.noLocal })
    let size = others.identifiers.count
    return [others.flags, own.flags, UInt8(truncatingIfNeeded: size >> 8), UInt8(size & 0xFF)]
      + others.identifiers + own.identifiers
  }

  /// What a subscription gets whose session has another one for the topic.
  static let passedOver: [UInt8] = [skips, skips, 0, 0]

  private static func merge(
    _ subscriptions: [MQTTSubscription]
  ) -> (flags: UInt8, identifiers: [UInt8]) {
    guard let best = subscriptions.max(by: { $0.qos < $1.qos }) else { return (skips, []) }
    var flags = best.qos.rawValue
    if subscriptions.contains(where: \.retainAsPublished) { flags |= retains }
    var seen: Set<[UInt8]> = []
    var identifiers: [UInt8] = []
    for subscription in subscriptions where seen.insert(subscription.identifier).inserted {
      // More than this many identifiers would not fit the size field; nobody has them.
      guard identifiers.count + subscription.identifier.count <= 65_000 else { break }
      identifiers += subscription.identifier
    }
    return (flags, identifiers)
  }
}
