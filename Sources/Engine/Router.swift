import GodwitPrimitives

/// Finds the live subscriptions of a topic, across all protocols, within one tenant.
///
/// A trie answers what matches; a cache keyed by the topic's bytes stands before it. A
/// subscription that comes or goes invalidates only the remembered topics that begin with its own
/// literal levels: subscribing under one prefix costs nothing under another.
public final class Router {
  private static var generationSlots: Int { 1024 }
  /// Larger routes are not kept by publishers, who may be many and keep one each.
  private static var memoBytesMax: Int { 65_536 }

  private let tree = TopicTree<Subscription>()
  private let hash = ByteHash()
  private var cache: RouteCache
  /// Generations: slot 0 for patterns that begin with a wildcard, the others by the hash of a
  /// pattern's leading literal levels (one, two, or all of them).
  private let generations: UnsafeMutableBufferPointer<UInt64>
  private let limits: EngineLimits
  /// The way of the last answer; `nil` as soon as somebody comes or goes.
  private var answerWay: AnswerWay?
  /// How the next member of a group is chosen.
  private var random: UInt64 = .random(in: 1 ... .max)
  private unowned let engine: Engine
  private let memory: MemoryBudget

  /// How many subscriptions there are.
  public var subscriptionCount: Int { self.tree.count }
  /// How often a topic's match was found in the cache.
  public private(set) var cacheHits: UInt64 = 0
  /// How often it had to be computed.
  public private(set) var cacheMisses: UInt64 = 0
  /// How many topics' matches are remembered.
  public var rememberedTopics: Int { self.cache.count }
  /// The bytes that they take.
  public var rememberedBytes: Int { self.cache.byteCount }
  /// The greatest number of targets of one remembered topic, and the sum over all of them. Looks
  /// at each: for the admin API, not for the message path.
  public var rememberedFanout: (max: Int, sum: Int) { self.cache.fanout }
  /// How many subscriptions were ever added.
  public private(set) var inserts: UInt64 = 0
  /// How many were ever taken out.
  public private(set) var removes: UInt64 = 0

  init(engine: Engine, memory: MemoryBudget) {
    self.engine = engine
    self.memory = memory
    self.limits = engine.limits
    self.cache = RouteCache(engine.limits)
    self.generations = .allocate(capacity: Self.generationSlots)
    self.generations.initialize(repeating: 0)
  }

  deinit {
    self.generations.deallocate()
  }

  /// Adds a subscription. Within a publish it takes effect when the publish is over.
  ///
  /// - Throws: `EngineError` when the tenant has too many, or the pattern is too deep.
  public func subscribe(_ subscription: Subscription) throws(EngineError) {
    guard subscription.pattern.levels <= self.limits.patternLevelsMax else {
      throw EngineError(
        .patternTooDeep, "more than \(self.limits.patternLevelsMax) levels in a pattern")
    }
    guard self.tree.count < self.limits.subscriptionsMax else {
      throw EngineError(
        .quotaExceeded, "more than \(self.limits.subscriptionsMax) subscriptions in the tenant")
    }
    guard !subscription.isActive else { return }
    guard self.memory.reserve(subscription.byteCount) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    subscription.isActive = true
    self.engine.whenQuiet { self.insert(subscription) }
  }

  /// Takes a subscription out. Within a publish it takes effect when the publish is over.
  public func unsubscribe(_ subscription: Subscription) {
    guard subscription.isActive else { return }
    subscription.isActive = false
    self.memory.release(subscription.byteCount)
    self.engine.whenQuiet { self.remove(subscription) }
  }

  private func insert(_ subscription: Subscription) {
    guard subscription.isActive, subscription.treePosition < 0 else { return }
    let before = self.tree.byteCount
    self.tree.insert(subscription, at: subscription.pattern)
    // What the tree needs is known only now: it counts against the next subscription.
    self.memory.add(self.tree.byteCount - before)
    self.inserts &+= 1
    self.invalidate(subscription.pattern)
  }

  private func remove(_ subscription: Subscription) {
    guard !subscription.isActive, subscription.treePosition >= 0 else { return }
    let before = self.tree.byteCount
    if self.tree.remove(subscription, at: subscription.pattern) {
      self.memory.release(before - self.tree.byteCount)
      self.removes &+= 1
      self.invalidate(subscription.pattern)
      // Nothing that is remembered is true any more.
      if self.tree.count == 0 { self.cache.removeAll(keepingCapacity: false) }
    }
    subscription.treePosition = -1
  }

  /// Whether anybody would receive a message of `topic`.
  public func hasSubscriber(of topic: UnsafeRawBufferPointer) -> Bool {
    self.route(for: topic).targetCount > 0
  }

  /// Every subscription whose pattern matches `topic`.
  public func subscriptions(matching topic: UnsafeRawBufferPointer) -> [Subscription] {
    var found: [Subscription] = []
    let before = self.tree.visits
    self.tree.match(topic) { subscription in
      if !subscription.pattern.hides(topic) { found.append(subscription) }
    }
    self.engine.effort.pointee &+= self.tree.visits &- before &+ UInt64(found.count / 8)
    return found
  }

  /// Calls `body` with every subscription, in no particular order, until `body` answers `false`.
  /// For admin pages: it visits them all.
  public func forEachSubscription(_ body: (Subscription) -> Bool) {
    self.tree.forEach(body)
  }

  /// Hands `publication` to everyone it is for.
  ///
  /// - Parameter memo: the route of the publisher's last message, which it keeps for this purpose.
  /// - Returns: how many took it.
  func publish(_ publication: inout Publication, memo: inout Route?) -> Int {
    let route: Unmanaged<Route>
    if let last = memo.map(Unmanaged.passUnretained), self.isTrue(last, of: publication.topic) {
      route = last
    } else {
      let found = self.route(for: publication.topic)
      guard found.byteCount <= Self.memoBytesMax else {
        memo = nil
        return withExtendedLifetime(found) { self.offer(&publication, along: found) }
      }
      memo = found
      route = Unmanaged.passUnretained(found)
    }
    // The publisher's memo, which is ours alone during this call, keeps the route alive.
    return route._withUnsafeGuaranteedRef { self.offer(&publication, along: $0) }
  }

  /// Hands `publication`, whose topic will hardly come again, to everyone it is for: as to answers,
  /// where one subscriber listens to all topics that differ in their last level.
  ///
  /// - Returns: how many took it.
  func publishOnce(_ publication: inout Publication) -> Int {
    let topic = publication.topic
    if let way = self.answerWay.map(Unmanaged.passUnretained) {
      // Who comes and goes during a publish does so when it is over: until then the way is there.
      let taken = way._withUnsafeGuaranteedRef { $0.deliver(&publication) }
      if let taken { return taken ? 1 : 0 }
    }
    var only: Subscription?
    var isSimple = true
    let before = self.tree.visits
    let isAlike = self.tree.matchAlike(topic) { subscription in
      guard !subscription.pattern.hides(topic) else { return }
      if only != nil || subscription.group != nil { isSimple = false }
      only = subscription
    }
    self.engine.effort.pointee &+= self.tree.visits &- before
    guard isSimple else {
      var memo: Route?
      return self.publish(&publication, memo: &memo)
    }
    guard let only else { return 0 }
    if isAlike { self.answerWay = AnswerWay(topic, to: only) }
    return only.subscriber.deliverOnce(&publication, to: only) ? 1 : 0
  }

  /// Who alone hears topics that differ in their last level, while nobody comes or goes.
  private final class AnswerWay {
    /// The topic up to and with its last dot.
    private let front: [UInt8]
    /// What the two below name.
    private let subscription: Subscription
    private let target: Unmanaged<Subscription>
    private let subscriber: Unmanaged<Subscriber>

    /// `nil` for a topic of one level.
    init?(_ topic: UnsafeRawBufferPointer, to subscription: Subscription) {
      guard let dot = topic.lastIndex(of: UInt8(ascii: ".")) else { return nil }
      self.front = Array(topic[...dot])
      self.subscription = subscription
      self.target = .passUnretained(subscription)
      self.subscriber = .passUnretained(subscription.subscriber)
    }

    /// - Returns: whether the message was taken; `nil` where the way does not lead to its topic.
    func deliver(_ publication: inout Publication) -> Bool? {
      guard self.covers(publication.topic) else { return nil }
      return self.subscriber._withUnsafeGuaranteedRef { subscriber in
        self.target._withUnsafeGuaranteedRef { subscriber.deliverOnce(&publication, to: $0) }
      }
    }

    private func covers(_ topic: UnsafeRawBufferPointer) -> Bool {
      self.front.withUnsafeBytes { front in
        guard topic.count >= front.count,
          front.sameBytes(as: UnsafeRawBufferPointer(rebasing: topic[..<front.count]))
        else { return false }
        var place = front.count
        while place < topic.count, topic[place] != UInt8(ascii: ".") { place &+= 1 }
        return place == topic.count
      }
    }
  }

  /// Whether anybody would receive a message of `topic`, which is asked again and again.
  ///
  /// - Parameter memo: the topic's route, kept by the caller for this purpose and for `publish`.
  public func hasSubscriber(of topic: UnsafeRawBufferPointer, memo: inout Route?) -> Bool {
    self.targetCount(of: topic, memo: &memo) > 0
  }

  /// How many subscriptions a message of `topic` would be offered to: no more than a comparison
  /// while nothing changes.
  ///
  /// - Parameter memo: the topic's route, kept by the caller for this purpose and for `publish`.
  func targetCount(of topic: UnsafeRawBufferPointer, memo: inout Route?) -> Int {
    if let last = memo.map(Unmanaged.passUnretained), self.isTrue(last, of: topic) {
      return last._withUnsafeGuaranteedRef { $0.targetCount }
    }
    let found = self.route(for: topic)
    memo = found.byteCount <= Self.memoBytesMax ? found : nil
    return found.targetCount
  }

  /// Hands `publication` to one member of a group, where its topic has that group.
  ///
  /// - Returns: whether one took it.
  func publish(_ publication: inout Publication, toGroup name: [UInt8]) -> Bool {
    let route = self.route(for: publication.topic)
    return withExtendedLifetime(route) {
      let group = route.groups.first { range in
        route.targets[range.lowerBound].subscription._withUnsafeGuaranteedRef { $0.group == name }
      }
      return group.map { self.offer(&publication, toGroup: $0, of: route) } ?? false
    }
  }

  /// Whether a remembered route is that of `topic`, and nothing has changed since.
  @inline(__always)
  private func isTrue(_ route: Unmanaged<Route>, of topic: UnsafeRawBufferPointer) -> Bool {
    route._withUnsafeGuaranteedRef {
      $0.topic.sameBytes(as: topic) && $0.stamp == self.stamp($0.slots)
    }
  }

  @inline(__always)
  private func offer(_ publication: inout Publication, along route: Route) -> Int {
    var taken = 0
    let targets = route.targets
    var index = 0
    let quick = route.quickCount
    while index < quick {
      if Self.offer(&publication, to: targets[index]) { taken &+= 1 }
      index &+= 1
    }
    guard route.needsCare else { return taken }
    return taken &+ self.offerWithCare(&publication, along: route)
  }

  /// What there is beside targets that have their prefix and each get the message.
  @inline(never)
  private func offerWithCare(_ publication: inout Publication, along route: Route) -> Int {
    self.engine.effort.pointee &+= route.effort(publication.quality)
    var taken = 0
    if route.isBare {
      for index in 0..<route.everyoneCount
      where Self.offerBare(&publication, to: route.targets[index]) {
        taken &+= 1
      }
    }
    for group in route.groups where self.offer(&publication, toGroup: group, of: route) {
      taken &+= 1
    }
    return taken
  }

  /// Makes the prefix first, for this delivery alone.
  private static func offerBare(_ publication: inout Publication, to target: Target) -> Bool {
    target.subscriber._withUnsafeGuaranteedRef { subscriber in
      target.subscription._withUnsafeGuaranteedRef { subscription in
        subscriber.prefix(for: publication.topic, subscription: subscription).withUnsafeBytes {
          subscriber.deliver(&publication, to: subscription, prefix: $0)
        }
      }
    }
  }

  @inline(__always)
  private static func offer(_ publication: inout Publication, to target: Target) -> Bool {
    target.subscriber._withUnsafeGuaranteedRef { subscriber in
      target.subscription._withUnsafeGuaranteedRef { subscription in
        subscriber.deliver(&publication, to: subscription, prefix: target.prefix)
      }
    }
  }

  /// One member takes the message: first those that are ready, in turn from a random one, then
  /// those that can at least keep it.
  private func offer(
    _ publication: inout Publication, toGroup group: Range<Int>, of route: Route
  ) -> Bool {
    let targets = route.targets
    let count = group.count
    self.random ^= self.random &<< 13
    self.random ^= self.random &>> 7
    self.random ^= self.random &<< 17
    let start = Int(truncatingIfNeeded: (self.random &>> 33) % UInt64(count))
    for wanted in [true, false] {
      var step = 0
      while step < count {
        var position = start &+ step
        if position >= count { position &-= count }
        let target = targets[group.lowerBound &+ position]
        let ready = target.subscriber._withUnsafeGuaranteedRef { $0.isReady }
        step &+= 1
        guard ready == wanted else { continue }
        if route.isBare
          ? Self.offerBare(&publication, to: target) : Self.offer(&publication, to: target)
        {
          return true
        }
      }
    }
    return false
  }

  private func route(for topic: UnsafeRawBufferPointer) -> Route {
    let hash = self.hash(topic)
    if let route = self.cache.find(topic, hash: hash), route.stamp == self.stamp(route.slots) {
      self.cacheHits &+= 1
      return route
    }
    self.cacheMisses &+= 1
    let route = self.match(topic, hash: hash)
    self.cache.insert(route)
    return route
  }

  private func match(_ topic: UnsafeRawBufferPointer, hash: UInt64) -> Route {
    var everyone: [Subscription] = []
    var groups: [[Subscription]] = []
    var names: [[UInt8]: Int] = [:]
    let before = self.tree.visits
    self.tree.match(topic) { subscription in
      guard !subscription.pattern.hides(topic) else { return }
      guard let name = subscription.group else {
        everyone.append(subscription)
        return
      }
      if let index = names[name] {
        groups[index].append(subscription)
      } else {
        names[name] = groups.count
        groups.append([subscription])
      }
    }
    let slots = self.slots(of: topic, hash: hash)
    let route = Route(
      topic: topic, hash: hash, slots: slots, everyone: everyone, groups: groups,
      prefixBytesMax: self.limits.routeBytesMax)
    self.engine.effort.pointee &+=
      self.tree.visits &- before &+ UInt64(truncatingIfNeeded: route.targetCount / 2)
    route.stamp = self.stamp(slots)
    return route
  }

  /// The sum of the generations a topic depends on. Each only grows, so equal sums mean that none
  /// has changed.
  @inline(__always)
  private func stamp(_ slots: (Int, Int, Int)) -> UInt64 {
    self.generations[0] &+ self.generations[slots.0] &+ self.generations[slots.1]
      &+ self.generations[slots.2]
  }

  private func slots(of topic: UnsafeRawBufferPointer, hash: UInt64) -> (Int, Int, Int) {
    var ends: (Int, Int) = (topic.count, topic.count)
    var seen = 0
    for index in 0..<topic.count where topic[index] == UInt8(ascii: ".") {
      seen += 1
      if seen == 1 { ends.0 = index }
      if seen == 2 {
        ends.1 = index
        break
      }
    }
    let one = self.slot(UnsafeRawBufferPointer(rebasing: topic[0..<ends.0]))
    let two = self.slot(UnsafeRawBufferPointer(rebasing: topic[0..<ends.1]))
    return (one, two, Self.slot(hash: hash))
  }

  private func slot(_ bytes: UnsafeRawBufferPointer) -> Int { Self.slot(hash: self.hash(bytes)) }

  private static func slot(hash: UInt64) -> Int {
    1 + Int(truncatingIfNeeded: (hash &>> 40) % UInt64(Self.generationSlots - 1))
  }

  private func invalidate(_ pattern: TopicPattern) {
    self.answerWay = nil
    pattern.bytes.withUnsafeBytes { bytes in
      let slot: Int
      if pattern.hasWildcard {
        var literal = 0
        var end = 0
        var levels = TopicLevels(bytes)
        var offset = 0
        while let level = levels.next() {
          let isOpen = levels.isAtEnd && pattern.tail != .exact
          if isOpen || (level.count == 1 && level[0] == UInt8(ascii: "*")) { break }
          literal += 1
          offset += level.count + 1
          if literal <= 2 { end = offset - 1 }
          if literal == 2 { break }
        }
        slot = literal == 0 ? 0 : self.slot(UnsafeRawBufferPointer(rebasing: bytes[0..<end]))
      } else {
        slot = self.slot(bytes)
      }
      self.generations[slot] &+= 1
    }
  }
}
