import GodwitEngine
import GodwitPrimitives

/// What a stream and its groups should be, computed the slow and plain way.
struct StreamModel {
  struct Kept: Equatable {
    let offset: UInt64
    let topic: String
    let text: String
    let id: String?
    let receivedAt: Int64
    let expiresAt: Int64
  }

  struct Open: Equatable {
    let sequence: UInt64
    var count: Int
    var deadline: Int64
    var isReturned: Bool
  }

  struct Group {
    let settings: StreamGroupSettings
    /// Offsets still to be handed out for the first time.
    var waiting: Set<UInt64>
    var open: [UInt64: Open] = [:]
    var sequence: UInt64 = 0
    /// Records before this one are not wanted.
    var start: UInt64

    func wants(_ topic: String) -> Bool {
      self.settings.filters.isEmpty
        || self.settings.filters.contains { filter in
          Array(topic.utf8).withUnsafeBytes { filter.matches($0) }
        }
    }

    func isDone(with offset: UInt64) -> Bool {
      !self.waiting.contains(offset) && self.open[offset] == nil
    }

    var floor: UInt64 {
      self.open.min { $0.key < $1.key }.map { $0.value.sequence - 1 } ?? self.sequence
    }
  }

  let settings: StreamSettings
  var kept: [Kept] = []
  var pending: [Kept] = []
  var committedOffset: UInt64 = 0
  var groups: [String: Group] = [:]
  var now: Int64

  var nextOffset: UInt64 { self.committedOffset + UInt64(self.pending.count) }
  var all: [Kept] { self.kept + self.pending }

  // MARK: The stream

  /// Publishes; the answer as `Capture.text` has it.
  mutating func publish(_ topic: String, _ text: String, id: String?, expiresAt: Int64) -> String {
    if let id, let original = self.original(id) { return "=\(original)" }
    if self.settings.overflow == .refuse {
      let full =
        self.settings.recordsPerTopicMax > 0
        && self.all.count { $0.topic == topic } >= self.settings.recordsPerTopicMax
      if full, self.settings.refusesPerTopic { return "recordsPerTopicMax" }
      if !full, self.settings.recordsMax > 0, self.all.count >= self.settings.recordsMax {
        return "recordsMax"
      }
    }
    let offset = self.nextOffset
    self.pending.append(
      Kept(
        offset: offset, topic: topic, text: text, id: id, receivedAt: self.now,
        expiresAt: expiresAt))
    self.ids.append((id ?? "", offset, self.now))
    return "\(offset)"
  }

  var ids: [(id: String, offset: UInt64, at: Int64)] = []

  private func original(_ id: String) -> UInt64? {
    guard self.settings.duplicateWindow > 0 else { return nil }
    return self.ids.last { $0.id == id && $0.at > self.now - self.settings.duplicateWindow }?
      .offset
  }

  mutating func commit() {
    let new = self.pending
    self.pending = []
    for record in new {
      self.kept.append(record)
      self.committedOffset += 1
      var isWanted = false
      for (name, group) in self.groups where group.wants(record.topic) {
        isWanted = true
        if record.offset >= group.start { self.groups[name]?.waiting.insert(record.offset) }
      }
      if self.settings.retention == .interest, !isWanted { self.remove(record.offset) }
      let limit = self.settings.recordsPerTopicMax
      if limit > 0 {
        let same = self.kept.filter { $0.topic == record.topic }
        for old in same.dropLast(limit) { self.remove(old.offset) }
      }
    }
    while self.settings.recordsMax > 0, self.kept.count > self.settings.recordsMax {
      self.remove(self.kept[0].offset)
    }
  }

  mutating func fail() {
    self.pending = []
    self.ids.removeAll { $0.offset >= self.committedOffset }
    for (name, group) in self.groups {
      if case .offset = group.settings.start, group.sequence == 0 { continue }
      self.groups[name]?.start = min(group.start, self.committedOffset)
    }
  }

  /// The ids of records that are gone are forgotten when the process ends.
  mutating func restart() {
    self.fail()
    self.ids.removeAll { id in !self.kept.contains { $0.offset == id.offset } }
  }

  @discardableResult
  mutating func remove(_ offset: UInt64) -> Bool {
    guard let index = self.kept.firstIndex(where: { $0.offset == offset }) else { return false }
    self.kept.remove(at: index)
    for name in self.groups.keys {
      self.groups[name]?.waiting.remove(offset)
      self.groups[name]?.open[offset] = nil
    }
    return true
  }

  mutating func advance(to now: Int64) {
    self.now = now
    for record in self.kept {
      let isOld =
        self.settings.ageMax > 0 && now - record.receivedAt >= self.settings.ageMax
        && record.expiresAt != .max
      let isOver = record.expiresAt > 0 && record.expiresAt <= now
      if isOld || isOver { self.remove(record.offset) }
    }
    for (name, group) in self.groups {
      for (offset, open) in group.open where !open.isReturned && open.deadline <= now {
        self.giveBack(offset, name)
      }
    }
  }

  // MARK: Groups

  mutating func makeGroup(_ settings: StreamGroupSettings) {
    var group = Group(settings: settings, waiting: [], start: 0)
    var wanted = self.kept.filter { group.wants($0.topic) }.map(\.offset)
    var start: UInt64 = 0
    switch settings.start {
    case .all: break
    case .new: start = self.nextOffset
    case .offset(let offset): start = offset
    case .last:
      start = self.all.last { group.wants($0.topic) }?.offset ?? self.nextOffset
    case .lastPerTopic:
      var last: [String: UInt64] = [:]
      for record in self.all { last[record.topic] = record.offset }
      wanted = wanted.filter { last.values.contains($0) }
    case .time(let time):
      start = self.kept.first { $0.receivedAt >= time }?.offset ?? self.committedOffset
    }
    group = Group(settings: settings, waiting: Set(wanted.filter { $0 >= start }), start: start)
    self.groups[settings.name] = group
  }

  mutating func deleteGroup(_ name: String) {
    self.groups[name] = nil
    guard self.settings.retention == .interest else { return }
    for record in self.kept where !self.isWanted(record) { self.remove(record.offset) }
  }

  private func isWanted(_ record: Kept) -> Bool {
    self.groups.values.contains { $0.wants(record.topic) && !$0.isDone(with: record.offset) }
  }

  /// What the group should hand out next.
  mutating func lease(_ name: String) -> (offset: UInt64, count: Int)? {
    guard var group = self.groups[name] else { return nil }
    let settings = group.settings
    if let offset = group.open.filter(\.value.isReturned).keys.min(), var open = group.open[offset]
    {
      group.sequence += 1
      open.count += 1
      open.isReturned = false
      open.deadline = self.now + settings.ackWait
      group.open[offset] = open
      self.groups[name] = group
      return (offset, open.count)
    }
    guard settings.inFlightMax == 0 || group.open.count < settings.inFlightMax else { return nil }
    let over = self.kept.filter { $0.expiresAt > 0 && $0.expiresAt <= self.now }
    // One that came too late and was not removed yet is passed over.
    while let first = group.waiting.min(), over.contains(where: { $0.offset == first }) {
      group.waiting.remove(first)
    }
    self.groups[name] = group
    guard let offset = group.waiting.min() else { return nil }
    group.sequence += 1
    group.waiting.remove(offset)
    if settings.acknowledgement != .none {
      group.open[offset] = Open(
        sequence: group.sequence, count: 1, deadline: self.now + settings.ackWait,
        isReturned: false)
    }
    self.groups[name] = group
    if settings.acknowledgement == .none { self.isDone(offset) }
    return (offset, 1)
  }

  mutating func acknowledge(_ offset: UInt64, _ name: String) -> Bool {
    guard let group = self.groups[name] else { return false }
    let offsets =
      group.settings.acknowledgement == .all
      ? group.open.keys.filter { $0 <= offset } : group.open.keys.filter { $0 == offset }
    for offset in offsets {
      self.groups[name]?.open[offset] = nil
      self.isDone(offset)
    }
    return !offsets.isEmpty
  }

  private mutating func isDone(_ offset: UInt64) {
    guard let record = self.kept.first(where: { $0.offset == offset }) else { return }
    switch self.settings.retention {
    case .limits: break
    case .workQueue: self.remove(offset)
    case .interest: if !self.isWanted(record) { self.remove(offset) }
    }
  }

  mutating func release(_ offset: UInt64, _ name: String, delay: Int64) -> Bool {
    guard let open = self.groups[name]?.open[offset], !open.isReturned else { return false }
    if delay > 0 {
      self.groups[name]?.open[offset]?.deadline = self.now + delay
    } else {
      self.giveBack(offset, name)
    }
    return true
  }

  private mutating func giveBack(_ offset: UInt64, _ name: String) {
    guard let group = self.groups[name], let open = group.open[offset] else { return }
    let limit = group.settings.deliveriesMax
    if limit > 0, open.count >= limit {
      self.groups[name]?.open[offset] = nil
      if self.settings.retention == .interest { self.isDone(offset) }
    } else {
      self.groups[name]?.open[offset]?.isReturned = true
    }
  }
}
