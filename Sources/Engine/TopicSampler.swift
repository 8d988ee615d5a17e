import GodwitPrimitives

/// Which topics are busiest, from a sample of the messages.
///
/// A publish pays one comparison for it (`Tenant.publish`). One message in `stride` is looked at;
/// the stride doubles while samples come fast and halves when they are rare, so that a quiet broker
/// is counted exactly and a busy one spends about a thousand looks a second. Distances between
/// samples are random: a publisher that goes through its topics in turn is seen truly. Bounded: a
/// new topic takes the place of the least busy one.
public final class TopicSampler {
  /// One topic's share of the traffic.
  public struct Topic: Hashable, Sendable {
    /// The tenant's name.
    public var tenant: String
    /// The canonical topic.
    public var topic: [UInt8]
    /// The protocol that a message of it came in by last.
    public var origin: Origin
    /// Messages a second, averaged over the last seconds.
    public var messagesPerSecond: Double
    /// Payload bytes a second, likewise.
    public var bytesPerSecond: Double
    /// Messages since the topic was noticed, as far as the sample tells.
    public var messages: Double
    /// When it was last seen, in the engine's clock.
    public var lastAt: Int64
  }

  private struct Entry {
    let tenant: String
    let tenantID: ObjectIdentifier
    let topic: [UInt8]
    let hash: UInt64
    var origin: Origin
    var messages = 0.0
    var lastAt: Int64
    /// The second that is being counted, and what was counted in it.
    var second: Int64
    var secondMessages = 0.0
    var secondBytes = 0.0
    var rate = 0.0
    var byteRate = 0.0
    var isSettled = false

    /// Closes the seconds that are over.
    mutating func settle(_ now: Int64) {
      let current = now / TopicSampler.second
      guard current > self.second else { return }
      if self.isSettled {
        self.rate += (self.secondMessages - self.rate) * 0.3
        self.byteRate += (self.secondBytes - self.byteRate) * 0.3
      } else {
        // The first second, which began somewhere in its middle, is the best guess there is.
        self.rate = self.secondMessages
        self.byteRate = self.secondBytes
        self.isSettled = true
      }
      self.secondMessages = 0
      self.secondBytes = 0
      var silent = min(current - self.second - 1, 40)
      while silent > 0 {
        self.rate *= 0.7
        self.byteRate *= 0.7
        silent -= 1
      }
      self.second = current
    }
  }

  static let second: Int64 = 1_000_000_000
  private static let window: Int64 = 100_000_000
  private static let topicBytesMax = 1_024
  private static let strideMax: UInt64 = 65_536

  private let topicsMax: Int
  private let hash = ByteHash()
  private var entries: [Entry] = []
  private var places: [UInt64: Int] = [:]
  private var stride: UInt64 = 1
  private var random: UInt64 = .random(in: 1 ... .max)
  private var windowStart: Int64 = 0
  private var windowSamples = 0

  init(topicsMax: Int = 256) {
    self.topicsMax = topicsMax
  }

  /// Looks at one message.
  ///
  /// - Returns: after how many further messages to look again.
  @inline(never)
  func note(
    _ publication: borrowing Publication, tenant: Tenant, now: Int64
  ) -> UInt64 {
    let weight = Double(self.stride)
    self.adapt(now)
    if publication.topic.count <= Self.topicBytesMax {
      let place = self.place(of: publication.topic, tenant: tenant, now: now)
      self.entries[place].settle(now)
      self.entries[place].origin = publication.origin
      self.entries[place].lastAt = now
      self.entries[place].messages += weight
      self.entries[place].secondMessages += weight
      self.entries[place].secondBytes += weight * Double(publication.payload.count)
    }
    guard self.stride > 1 else { return 1 }
    self.random ^= self.random &<< 13
    self.random ^= self.random &>> 7
    self.random ^= self.random &<< 17
    return 1 &+ (self.random &>> 17) % (2 &* self.stride &- 1)
  }

  private func adapt(_ now: Int64) {
    if now - self.windowStart >= Self.window {
      if self.windowSamples < 32 { self.stride = max(1, self.stride / 2) }
      self.windowStart = now
      self.windowSamples = 0
    }
    self.windowSamples += 1
    if self.windowSamples > 128 {
      self.stride = min(self.stride &* 2, Self.strideMax)
      self.windowSamples = 64
    }
  }

  private func place(
    of topic: UnsafeRawBufferPointer, tenant: Tenant, now: Int64
  ) -> Int {
    let tenantID = ObjectIdentifier(tenant)
    let hash =
      self.hash(topic) ^ (UInt64(UInt(bitPattern: tenantID)) &* 0x9E37_79B9_7F4A_7C15)
    if let place = self.places[hash], self.entries[place].tenantID == tenantID,
      self.entries[place].topic.withUnsafeBytes({ $0.sameBytes(as: topic) })
    {
      return place
    }
    let entry = Entry(
      tenant: tenant.name, tenantID: tenantID, topic: Array(topic), hash: hash, origin: .engine,
      lastAt: now, second: now / Self.second)
    guard self.entries.count >= self.topicsMax else {
      self.entries.append(entry)
      self.places[hash] = self.entries.count - 1
      return self.entries.count - 1
    }
    let place = self.leastBusy(now)
    self.places[self.entries[place].hash] = nil
    self.entries[place] = entry
    self.places[hash] = place
    return place
  }

  private func leastBusy(_ now: Int64) -> Int {
    var best = 0
    var least = Double.infinity
    for index in self.entries.indices {
      self.entries[index].settle(now)
      let rate = self.entries[index].rate + self.entries[index].secondMessages
      if rate < least {
        least = rate
        best = index
      }
    }
    return best
  }

  /// The busiest topics, busiest first.
  ///
  /// - Returns: at most `count` topics, and whether the sample must be taken up again at once
  ///   because it waits for a message count of busier times.
  func busiest(_ count: Int, now: Int64) -> (topics: [Topic], isStale: Bool) {
    var topics: [Topic] = []
    topics.reserveCapacity(self.entries.count)
    for index in self.entries.indices {
      self.entries[index].settle(now)
      let entry = self.entries[index]
      topics.append(
        Topic(
          tenant: entry.tenant, topic: entry.topic, origin: entry.origin,
          messagesPerSecond: entry.isSettled ? entry.rate : entry.secondMessages,
          bytesPerSecond: entry.isSettled ? entry.byteRate : entry.secondBytes,
          messages: entry.messages, lastAt: entry.lastAt))
    }
    topics.sort { ($0.messagesPerSecond, $0.messages) > ($1.messagesPerSecond, $1.messages) }
    let isStale = now - self.windowStart > 2 * Self.window
    if isStale { self.stride = max(1, self.stride / 8) }
    return (Array(topics.prefix(max(0, count))), isStale)
  }
}
