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
  /// Where each group's members lie in `targets`.
  let groups: [Range<Int>]
  private let prefixes: UnsafeMutableRawBufferPointer

  /// The topic, canonical.
  @inline(__always) var topic: UnsafeRawBufferPointer { UnsafeRawBufferPointer(self.topicBytes) }

  init(
    topic: UnsafeRawBufferPointer, hash: UInt64, slots: (Int, Int, Int),
    everyone: [Subscription], groups: [[Subscription]]
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
    for subscription in all {
      prefixes += subscription.subscriber.prefix(for: topic, subscription: subscription)
      ends.append(prefixes.count)
    }
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
        prefix: UnsafeRawBufferPointer(rebasing: storage[start..<ends[index]]))
      self.targets.initializeElement(at: index, to: target)
      start = ends[index]
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
  }

  /// How many targets there are, members of groups included.
  let targetCount: Int

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
