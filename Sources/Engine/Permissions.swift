public import GodwitPrimitives

/// What a principal may publish and see, as patterns over canonical topics.
public final class Permissions {
  /// Allowed and denied patterns. Denied wins. With nothing in `allow`, everything not denied is
  /// allowed.
  public struct Rule: Hashable, Sendable {
    /// What is allowed; empty for everything.
    public var allow: [TopicPattern]
    /// What is denied all the same.
    public var deny: [TopicPattern]
    /// Whether nothing at all is allowed, whatever `allow` says.
    public var denyAll = false

    /// A rule; without arguments, everything is allowed.
    public init(allow: [TopicPattern] = [], deny: [TopicPattern] = []) {
      self.allow = allow
      self.deny = deny
    }

    /// Whether everything is allowed.
    public var isUnrestricted: Bool { self.allow.isEmpty && self.deny.isEmpty && !self.denyAll }

    /// Whether the literal `topic` is allowed.
    public func permits(_ topic: UnsafeRawBufferPointer) -> Bool {
      guard !self.denyAll else { return false }
      if self.deny.contains(where: { $0.matches(topic) }) { return false }
      return self.allow.isEmpty || self.allow.contains { $0.matches(topic) }
    }

    /// Whether a subscription to `pattern` is allowed: something allows all of it, and nothing
    /// denies all of it. What is denied in part is held back message by message.
    public func permits(_ pattern: TopicPattern) -> Bool {
      guard !self.denyAll else { return false }
      if self.deny.contains(where: { $0.covers(pattern) }) { return false }
      return self.allow.isEmpty || self.allow.contains { $0.covers(pattern) }
    }

    /// Whether some messages of `pattern`, a permitted one, are denied.
    public func deniesSome(of pattern: TopicPattern) -> Bool {
      self.deny.contains { $0.overlaps(pattern) }
    }
  }

  /// How a principal that may otherwise not publish may still answer (nats-server's
  /// `allow_responses`).
  public struct Responses: Hashable, Sendable {
    /// How many answers to each request; default 1.
    public var messagesMax: Int
    /// For how long after the request, in nanoseconds; default two minutes.
    public var lifetime: Int64

    /// A rule for answers.
    public init(messagesMax: Int = 1, lifetime: Int64 = 120_000_000_000) {
      self.messagesMax = messagesMax
      self.lifetime = lifetime
    }
  }

  /// A group that may be joined, or not, with a pattern of its own (NATS queue permissions).
  public struct GroupRule: Hashable, Sendable {
    /// What may be subscribed to.
    public var pattern: TopicPattern
    /// Under which group names, as patterns.
    public var group: TopicPattern

    /// A rule.
    public init(pattern: TopicPattern, group: TopicPattern) {
      self.pattern = pattern
      self.group = group
    }
  }

  /// What may be published.
  public let publish: Rule
  /// What may be subscribed to and received.
  public let subscribe: Rule
  /// Additional subscriptions that are allowed in certain groups only.
  public let subscribeInGroup: [GroupRule]
  /// Subscriptions that are denied in certain groups.
  public let denyInGroup: [GroupRule]
  /// Whether requests that were received may be answered.
  public let responses: Responses?

  /// Permissions; without arguments, everything is allowed.
  public init(
    publish: Rule = Rule(), subscribe: Rule = Rule(), subscribeInGroup: [GroupRule] = [],
    denyInGroup: [GroupRule] = [], responses: Responses? = nil
  ) {
    self.publish = publish
    self.subscribe = subscribe
    self.subscribeInGroup = subscribeInGroup
    self.denyInGroup = denyInGroup
    self.responses = responses
  }

  /// Whether a subscription to `pattern` in `group` is allowed.
  public func maySubscribe(_ pattern: TopicPattern, group: [UInt8]?) -> Bool {
    // Rules that name groups are the only way in when there are no others.
    let isOnlyInGroups = self.subscribe.allow.isEmpty && !self.subscribeInGroup.isEmpty
    guard let group else { return !isOnlyInGroups && self.subscribe.permits(pattern) }
    return group.withUnsafeBytes { name in
      if self.denyInGroup.contains(where: { $0.group.matches(name) && $0.pattern.covers(pattern) })
      {
        return false
      }
      if self.subscribeInGroup.contains(where: {
        $0.group.matches(name) && $0.pattern.covers(pattern)
      }) {
        return true
      }
      return !isOnlyInGroups && self.subscribe.permits(pattern)
    }
  }

  /// Whether messages are to be held back one by one: something is denied.
  public var deniesAny: Bool { !self.subscribe.deny.isEmpty || !self.denyInGroup.isEmpty }

  /// Whether a message to `topic` may be delivered to a subscription in `group` that was permitted:
  /// nothing denies it. What allowed the subscription allows its messages.
  public func mayReceive(_ topic: UnsafeRawBufferPointer, group: [UInt8]?) -> Bool {
    if self.subscribe.deny.contains(where: { $0.matches(topic) }) { return false }
    guard let group, !self.denyInGroup.isEmpty else { return true }
    return group.withUnsafeBytes { name in
      !self.denyInGroup.contains { $0.group.matches(name) && $0.pattern.matches(topic) }
    }
  }

  /// Whether some message to a permitted subscription may have to be held back.
  public func deniesSome(of pattern: TopicPattern, group: [UInt8]?) -> Bool {
    if self.subscribe.deniesSome(of: pattern) { return true }
    guard let group else { return false }
    return group.withUnsafeBytes { name in
      self.denyInGroup.contains { $0.group.matches(name) && $0.pattern.overlaps(pattern) }
    }
  }

  /// Whether a message to `topic` that was queued earlier, for a subscription in `group` that is no
  /// longer known, may still be delivered: nothing denies it, and something allows it.
  public func mayStillReceive(_ topic: UnsafeRawBufferPointer, group: [UInt8]?) -> Bool {
    guard self.mayReceive(topic, group: group) else { return false }
    let isAllowedInGroup =
      group?.withUnsafeBytes { name in
        self.subscribeInGroup.contains { $0.group.matches(name) && $0.pattern.matches(topic) }
      } ?? false
    if isAllowedInGroup { return true }
    let isOnlyInGroups = self.subscribe.allow.isEmpty && !self.subscribeInGroup.isEmpty
    return !isOnlyInGroups && self.subscribe.permits(topic)
  }
}
