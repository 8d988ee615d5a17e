public import GodwitPrimitives

/// Whom a subscriber receives for, as admin pages name it.
public struct SubscriberOwner: Hashable, Sendable {
  /// The protocol's name, such as `mqtt`; empty for the broker itself.
  public var protocolName: String
  /// The client's name for itself: an MQTT client id, the name in NATS CONNECT.
  public var name: String
  /// The number of its connection; `nil` while it has none.
  public var connectionID: UInt64?

  /// An owner.
  public init(protocolName: String, name: String, connectionID: UInt64? = nil) {
    self.protocolName = protocolName
    self.name = name
    self.connectionID = connectionID
  }
}

/// Somebody who receives: a NATS connection, an MQTT session, a log that captures topics, the
/// admin page's live tap. Front ends subclass it.
///
/// Confined to the engine's event loop, like everything in this module.
open class Subscriber {
  /// The tenant whose messages this subscriber sees.
  public final let tenant: Tenant
  /// Whether the subscriber takes messages right now. A group prefers members that do.
  public final var isReady = true
  /// A number of the subscriber, unique in the process.
  public final let id: UInt64

  /// A subscriber of `tenant`.
  public init(tenant: Tenant) {
    self.tenant = tenant
    self.id = tenant.engine.nextSubscriberID()
  }

  /// Whom it receives for, for admin pages.
  open var owner: SubscriberOwner { SubscriberOwner(protocolName: "", name: "") }

  /// Takes a message that one of this subscriber's subscriptions matched.
  ///
  /// Runs on the message path: no allocation for messages of the subscriber's own protocol, and
  /// nothing that subscribes, unsubscribes or closes (that waits until the publish is over).
  ///
  /// - Parameters:
  ///   - publication: valid during the call only.
  ///   - subscription: the one that matched.
  ///   - prefix: what `prefix(for:subscription:)` answered for this topic.
  /// - Returns: whether the message was taken. A group that got `false` asks its next member.
  open func deliver(
    _ publication: inout Publication, to subscription: Subscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    false
  }

  /// As `deliver`, of a message whose topic hardly comes again: what precedes it is made for it
  /// alone.
  open func deliverOnce(
    _ publication: inout Publication, to subscription: Subscription
  ) -> Bool {
    self.prefix(for: publication.topic, subscription: subscription).withUnsafeBytes {
      self.deliver(&publication, to: subscription, prefix: $0)
    }
  }

  /// Bytes that precede every message of `topic` to `subscription`, computed once per remembered
  /// match. Empty by default.
  open func prefix(for topic: UnsafeRawBufferPointer, subscription: Subscription) -> [UInt8] { [] }
}

/// One subscriber's interest in a pattern. Front ends subclass it to keep their own facts.
open class Subscription: TopicTreeEntry {
  /// What is matched.
  public final let pattern: TopicPattern
  /// The group this subscription is a member of: one member gets each message. `nil`: everybody
  /// gets it. The name carries its own namespace, so that two protocols' groups of one name meet
  /// only when the settings join them.
  public final let group: [UInt8]?
  /// Who receives. The router keeps the subscription and so the subscriber alive.
  public final let subscriber: Subscriber
  /// Kept by the tree.
  public final var treePosition = -1
  /// Whether the router holds it.
  public final internal(set) var isActive = false
  /// What it takes of memory, about, its place in the router's tree left aside. Subclasses add
  /// what they keep; the answer never changes.
  open var byteCount: Int { 224 + self.pattern.bytes.count + (self.group?.count ?? 0) }

  /// A subscription, not yet active.
  public init(pattern: TopicPattern, group: [UInt8]? = nil, subscriber: Subscriber) {
    self.pattern = pattern
    self.group = group
    self.subscriber = subscriber
  }
}
