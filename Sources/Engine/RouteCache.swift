import GodwitPrimitives

/// Remembered routes by topic: an open-addressing table over seeded hashes.
///
/// When it is full it is emptied: a workload of ever new topics pays for a match each, and nothing
/// grows.
struct RouteCache {
  private struct Slot {
    var hash: UInt64 = 0
    var route: Route?
  }

  private var slots: [Slot] = []
  private(set) var count = 0
  private(set) var byteCount = 0
  private var targetCount = 0
  private let routesMax: Int
  private let targetsMax: Int
  private let bytesMax: Int

  /// Topics longer than this are not remembered.
  private static var topicBytesMax: Int { 4_096 }

  init(_ limits: EngineLimits) {
    self.routesMax = max(16, limits.routesMax)
    self.targetsMax = limits.routeTargetsMax
    self.bytesMax = limits.routeBytesMax
  }

  /// The route of `topic`, whether still true or not.
  func find(_ topic: UnsafeRawBufferPointer, hash: UInt64) -> Route? {
    guard !self.slots.isEmpty else { return nil }
    let mask = self.slots.count &- 1
    var position = Int(truncatingIfNeeded: hash) & mask
    while let route = self.slots[position].route {
      if self.slots[position].hash == hash, route.topic.sameBytes(as: topic) { return route }
      position = (position &+ 1) & mask
    }
    return nil
  }

  /// The greatest number of targets of one remembered topic, and the sum over all of them.
  var fanout: (max: Int, sum: Int) {
    self.slots.reduce(into: (0, 0)) { result, slot in
      let count = slot.route?.targetCount ?? 0
      result = (Swift.max(result.0, count), result.1 + count)
    }
  }

  /// Remembers `route`, in place of an older one of the same topic, unless it is very large.
  mutating func insert(_ route: Route) {
    let size = route.byteCount
    guard route.topic.count <= Self.topicBytesMax, size <= self.bytesMax else { return }
    if self.count >= self.routesMax || self.targetCount + route.targetCount > self.targetsMax
      || self.byteCount + size > self.bytesMax
    {
      self.removeAll(keepingCapacity: true)
    }
    if (self.count + 1) * 2 > self.slots.count { self.grow() }
    let position = self.place(of: route)
    if let old = self.slots[position].route {
      self.targetCount -= old.targetCount
      self.byteCount -= old.byteCount
    } else {
      self.count += 1
    }
    self.targetCount += route.targetCount
    self.byteCount += size
    self.slots[position] = Slot(hash: route.hash, route: route)
  }

  /// Forgets every route.
  ///
  /// - Parameter keepingCapacity: whether as many are expected again.
  mutating func removeAll(keepingCapacity: Bool) {
    if keepingCapacity {
      for index in self.slots.indices { self.slots[index] = Slot() }
    } else {
      self.slots = []
    }
    self.count = 0
    self.targetCount = 0
    self.byteCount = 0
  }

  private func place(of route: Route) -> Int {
    let mask = self.slots.count &- 1
    var position = Int(truncatingIfNeeded: route.hash) & mask
    while let other = self.slots[position].route {
      if self.slots[position].hash == route.hash, other.topic.sameBytes(as: route.topic) { break }
      position = (position &+ 1) & mask
    }
    return position
  }

  private mutating func grow() {
    let old = self.slots
    self.slots = Array(repeating: Slot(), count: max(64, old.count * 2))
    for slot in old {
      guard let route = slot.route else { continue }
      self.slots[self.place(of: route)] = slot
    }
  }
}
