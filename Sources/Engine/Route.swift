import GodwitPrimitives

/// One receiver of a topic, as the match cache holds it.
///
/// The references are unretained: the router keeps every subscription alive while a route that
/// names it can be valid (`Router.validate`).
@usableFromInline
struct Target {
  var subscriber: Unmanaged<Subscriber>
  var subscription: Unmanaged<Subscription>
  var prefix: UnsafeRawBufferPointer
}

/// The remembered receivers of one topic.
///
/// A publisher may keep the route of its last topic and hand it in again; the router checks that it
/// is still true before it uses it.
public final class Route {
  /// The generations that this route depends on, as positions in the router's table.
  let slots: (Int, Int, Int)
  let hash: UInt64
  var stamp: UInt64 = 0
  private let topicBytes: UnsafeMutableRawBufferPointer
  private(set) var targets: UnsafeMutableBufferPointer<Target>
  /// How many of `targets`, from the front, each get every message; groups follow.
  let everyoneCount: Int
  /// How many of those are served with the prefix that they have here: all of them, or none.
  let quickCount: Int
  /// Whether there is more to a message than to offer it to the first `quickCount` targets.
  let needsCare: Bool
  /// Whether prefixes are made for each delivery, because together they are too large to hold.
  let isBare: Bool
  /// Where each group's members lie in `targets`.
  let groups: [Range<Int>]
  private let prefixes: UnsafeMutableRawBufferPointer

  /// The topic, canonical.
  @inline(__always) var topic: UnsafeRawBufferPointer { UnsafeRawBufferPointer(self.topicBytes) }

  /// From so many targets on a message counts as work; see `Engine.effort`.
  private static var wideMin: Int { 16 }

  /// - Parameter prefixBytesMax: what the prefixes may take before the route goes without. A topic
  ///   is part of many a protocol's prefix, and there may be a hundred thousand targets.
  init(
    topic: UnsafeRawBufferPointer, hash: UInt64, slots: (Int, Int, Int),
    everyone: [Subscription], groups: [[Subscription]], prefixBytesMax: Int
  ) {
    self.slots = slots
    self.hash = hash
    self.topicBytes = .allocate(byteCount: max(1, topic.count), alignment: 8)
      .truncated(to: topic.count)
    self.topicBytes.copyMemory(from: topic)
    let all = groups.reduce(into: everyone) { $0 += $1 }
    var prefixes: [UInt8] = []
    var ends: [Int] = []
    ends.reserveCapacity(all.count)
    for subscription in all where prefixes.count <= prefixBytesMax {
      prefixes += subscription.subscriber.prefix(for: topic, subscription: subscription)
      ends.append(prefixes.count)
    }
    let isBare = prefixes.count > prefixBytesMax
    if isBare { prefixes = [] }
    self.isBare = isBare
    let storage = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, prefixes.count), alignment: 8)
    storage.copyBytes(from: prefixes)
    self.prefixes = storage
    self.targets = .allocate(capacity: max(1, all.count))
    var start = 0
    for (index, subscription) in all.enumerated() {
      let target = Target(
        subscriber: Unmanaged.passUnretained(subscription.subscriber),
        subscription: Unmanaged.passUnretained(subscription),
        prefix: UnsafeRawBufferPointer(rebasing: storage[start..<(isBare ? 0 : ends[index])]))
      self.targets.initializeElement(at: index, to: target)
      start = isBare ? 0 : ends[index]
    }
    self.everyoneCount = everyone.count
    var ranges: [Range<Int>] = []
    var position = everyone.count
    for group in groups {
      ranges.append(position..<position + group.count)
      position += group.count
    }
    self.groups = ranges
    self.targetCount = all.count
    self.quickCount = isBare ? 0 : everyone.count
    self.needsCare = isBare || !groups.isEmpty || all.count >= Self.wideMin
  }

  /// How many targets there are, members of groups included.
  let targetCount: Int

  /// What it takes to offer a message to all of them, in the unit of `Engine.effort`.
  func effort(_ quality: Publication.Quality) -> UInt64 {
    guard self.targetCount >= Self.wideMin else { return 0 }
    // To keep a message for its acknowledgement is work, to copy it is little.
    let each = quality == .atMostOnce ? self.targetCount >> 3 : self.targetCount
    let made = self.isBare ? self.targetCount &* (1 + self.topic.count >> 8) : 0
    return UInt64(truncatingIfNeeded: each &+ made)
  }

  /// What the route takes of memory, about.
  var byteCount: Int {
    256 + self.topicBytes.count + self.prefixes.count + self.groups.count * 16
      + self.targetCount * MemoryLayout<Target>.stride
  }

  deinit {
    // `Target` is trivial: there is nothing to deinitialize.
    self.targets.deallocate()
    self.prefixes.deallocate()
    self.topicBytes.baseAddress?.deallocate()
  }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate func truncated(to count: Int) -> Self {
    UnsafeMutableRawBufferPointer(start: self.baseAddress, count: count)
  }
}
