import NIOCore

/// What a stream knew of its log at one moment, as it is written down: a start reads this, and of
/// the log only what came later.
///
/// It may be older than the log: `present` says which offsets there were, so that a start finds
/// those that are gone since, whatever became of the notes about them. It is never newer: a log
/// that ends before it, or holds another last record, has lost what it speaks of.
struct StreamSnapshot {
  /// A topic of the index.
  struct Topic {
    var bytes: [UInt8]
    var first: UInt64
    var last: UInt64
    var count: Int
    /// Empty where the index knew no places.
    var places: [TopicIndex.Place]
  }

  /// A message's id.
  struct ID {
    var bytes: [UInt8]
    var offset: UInt64
    var at: Int64
  }

  /// By what the last record that was there is recognised.
  struct Last: Hashable {
    var offset: UInt64
    var receivedAt: Int64
    var size: Int
  }

  /// The form of a stream that sends nothing on, of one that does, and of one of which something
  /// could not be read.
  private static var version: UInt8 { 1 }
  private static var versionWithSchedules: UInt8 { 2 }
  private static var versionWithUnread: UInt8 { 3 }

  /// What lies before this offset is in it.
  var end: UInt64
  var count = 0
  var byteCount = 0
  var lastReceivedAt: Int64 = 0
  var lastMessageID: [UInt8]?
  var last: Last?
  var hasPlaces = false
  /// Which offsets were there.
  var present: [Range<UInt64>] = []
  var topics: [Topic] = []
  var ids: [ID] = []
  var expiries: [(at: Int64, offset: UInt64)] = []
  /// Which records are to be sent on, and when.
  var schedules: [(at: Int64, offset: UInt64)] = []
  /// Which of `present` could not be read, and count for nothing.
  var unread: [Range<UInt64>] = []

  init(end: UInt64) { self.end = end }

  // MARK: Bytes

  func write(to buffer: inout ByteBuffer) {
    var version = self.schedules.isEmpty ? Self.version : Self.versionWithSchedules
    if !self.unread.isEmpty { version = Self.versionWithUnread }
    buffer.writeMultipleIntegers(
      version, self.end, UInt64(clamping: self.count), UInt64(clamping: self.byteCount),
      self.lastReceivedAt)
    buffer.writeInteger(UInt8(self.lastMessageID == nil ? 0 : 1))
    buffer.writeCounted(self.lastMessageID ?? [])
    buffer.writeInteger(UInt8(self.last == nil ? 0 : 1))
    buffer.writeMultipleIntegers(
      self.last?.offset ?? 0, self.last?.receivedAt ?? 0, UInt64(self.last?.size ?? 0))
    buffer.writeInteger(UInt8(self.hasPlaces ? 1 : 0))
    Self.write(self.present, to: &buffer)
    buffer.writeSmall(UInt64(self.topics.count))
    for topic in self.topics { self.write(topic, to: &buffer) }
    buffer.writeSmall(UInt64(self.ids.count))
    for id in self.ids {
      buffer.writeCounted(id.bytes)
      buffer.writeMultipleIntegers(id.offset, id.at)
    }
    buffer.writeSmall(UInt64(self.expiries.count))
    for expiry in self.expiries { buffer.writeMultipleIntegers(expiry.at, expiry.offset) }
    guard version != Self.version else { return }
    buffer.writeSmall(UInt64(self.schedules.count))
    for due in self.schedules { buffer.writeMultipleIntegers(due.at, due.offset) }
    if version == Self.versionWithUnread { Self.write(self.unread, to: &buffer) }
  }

  private static func write(_ ranges: [Range<UInt64>], to buffer: inout ByteBuffer) {
    buffer.writeSmall(UInt64(ranges.count))
    var place: UInt64 = 0
    for range in ranges {
      buffer.writeSmall(range.lowerBound - place)
      buffer.writeSmall(range.upperBound - range.lowerBound)
      place = range.upperBound
    }
  }

  private func write(_ topic: Topic, to buffer: inout ByteBuffer) {
    buffer.writeCounted(topic.bytes)
    buffer.writeSmall(topic.first)
    buffer.writeSmall(topic.last - min(topic.first, topic.last))
    buffer.writeSmall(UInt64(topic.count))
    guard self.hasPlaces else { return }
    var previous: UInt64 = 0
    for place in topic.places {
      buffer.writeSmall(place.offset - previous)
      buffer.writeSmall(UInt64(place.size))
      previous = place.offset
    }
  }

  /// What `write` wrote; `nil` where the bytes are anything else.
  init?(_ stored: ByteBuffer) {
    var buffer = stored
    guard
      let (version, end, count, bytes, lastReceivedAt) = buffer.readMultipleIntegers(
        as: (UInt8, UInt64, UInt64, UInt64, Int64).self),
      (Self.version...Self.versionWithUnread).contains(version),
      let hasID = buffer.readInteger(as: UInt8.self), let id = buffer.readCounted(),
      let (hasLast, offset, receivedAt, size, hasPlaces) = buffer.readMultipleIntegers(
        as: (UInt8, UInt64, Int64, UInt64, UInt8).self)
    else { return nil }
    self.init(end: end)
    self.count = Int(clamping: count)
    self.byteCount = Int(clamping: bytes)
    self.lastReceivedAt = lastReceivedAt
    self.lastMessageID = hasID == 0 ? nil : id
    self.last =
      hasLast == 0 ? nil : Last(offset: offset, receivedAt: receivedAt, size: Int(clamping: size))
    self.hasPlaces = hasPlaces != 0
    guard let present = self.readRanges(&buffer), self.readTopics(&buffer),
      self.readTimes(&buffer)
    else { return nil }
    self.present = present
    if version != Self.version {
      guard let schedules = Self.readTimes(&buffer) else { return nil }
      self.schedules = schedules
    }
    if version == Self.versionWithUnread {
      guard let unread = self.readRanges(&buffer) else { return nil }
      self.unread = unread
    }
    if buffer.readableBytes > 0 { return nil }
  }

  private func readRanges(_ buffer: inout ByteBuffer) -> [Range<UInt64>]? {
    guard let count = buffer.readCount(least: 2) else { return nil }
    var ranges: [Range<UInt64>] = []
    var place: UInt64 = 0
    for _ in 0..<count {
      guard let gap = buffer.readSmall(), let length = buffer.readSmall(),
        gap <= self.end - place, length <= self.end - place - gap
      else { return nil }
      ranges.append(place + gap..<place + gap + length)
      place += gap + length
    }
    return ranges
  }

  private mutating func readTopics(_ buffer: inout ByteBuffer) -> Bool {
    guard let count = buffer.readCount(least: 7) else { return false }
    self.topics.reserveCapacity(count)
    for _ in 0..<count {
      guard let bytes = buffer.readCounted(), let first = buffer.readSmall(),
        let length = buffer.readSmall(), let records = buffer.readSmall(), first <= self.end,
        length <= self.end - first, records <= self.end, records > 0
      else { return false }
      var topic = Topic(
        bytes: bytes, first: first, last: first + length, count: Int(clamping: records),
        places: [])
      if self.hasPlaces {
        guard let places = self.readPlaces(topic.count, &buffer) else { return false }
        topic.places = places
      }
      self.topics.append(topic)
    }
    return true
  }

  private func readPlaces(_ count: Int, _ buffer: inout ByteBuffer) -> [TopicIndex.Place]? {
    guard count <= buffer.readableBytes / 2 else { return nil }
    var places: [TopicIndex.Place] = []
    places.reserveCapacity(count)
    var offset: UInt64 = 0
    for _ in 0..<count {
      guard let step = buffer.readSmall(), let size = buffer.readSmall(),
        step <= self.end - offset, let size = UInt32(exactly: size)
      else { return nil }
      offset += step
      places.append(TopicIndex.Place(offset: offset, size: size))
    }
    return places
  }

  private mutating func readTimes(_ buffer: inout ByteBuffer) -> Bool {
    guard let ids = buffer.readCount(least: 20) else { return false }
    for _ in 0..<ids {
      guard let bytes = buffer.readCounted(),
        let (offset, at) = buffer.readMultipleIntegers(as: (UInt64, Int64).self)
      else { return false }
      self.ids.append(ID(bytes: bytes, offset: offset, at: at))
    }
    guard let expiries = Self.readTimes(&buffer) else { return false }
    self.expiries = expiries
    return true
  }

  private static func readTimes(
    _ buffer: inout ByteBuffer
  ) -> [(at: Int64, offset: UInt64)]? {
    guard let count = buffer.readCount(least: 16) else { return nil }
    var times: [(at: Int64, offset: UInt64)] = []
    for _ in 0..<count {
      guard let (at, offset) = buffer.readMultipleIntegers(as: (Int64, UInt64).self) else {
        return nil
      }
      times.append((at, offset))
    }
    return times
  }
}

extension ByteBuffer {
  /// Writes a number in as few bytes as it needs, seven bits each.
  mutating func writeSmall(_ number: UInt64) {
    var rest = number
    while rest > 0x7F {
      self.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    self.writeInteger(UInt8(truncatingIfNeeded: rest))
  }

  /// A number as `writeSmall` writes it.
  mutating func readSmall() -> UInt64? {
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64, let byte = self.readInteger(as: UInt8.self) {
      number |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return number }
      shift += 7
    }
    return nil
  }

  /// How many things follow that have so many bytes each at least.
  fileprivate mutating func readCount(least bytes: Int) -> Int? {
    guard let count = self.readSmall().flatMap({ Int(exactly: $0) }),
      count <= self.readableBytes / bytes
    else { return nil }
    return count
  }

  mutating func writeCounted(_ bytes: some Collection<UInt8>) {
    self.writeInteger(UInt32(truncatingIfNeeded: bytes.count))
    self.writeBytes(bytes)
  }

  mutating func readCounted() -> [UInt8]? {
    self.readInteger(as: UInt32.self).flatMap { self.readBytes(length: Int($0)) }
  }
}
