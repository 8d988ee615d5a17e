import GodwitPrimitives
import NIOCore

/// A stream's groups.
extension Stream {
  /// All groups that are not hidden, in the order of their names.
  public var groups: [StreamGroup] { self.unsortedGroups.sorted { $0.name < $1.name } }

  /// All groups that are not hidden, in no particular order.
  public var unsortedGroups: [StreamGroup] {
    self.groupsByName.values.filter { !$0.settings.isHidden }
  }

  /// How many groups there are, without the hidden ones.
  public var groupCount: Int { self.groupsByName.count - self.hiddenGroups }

  /// The group of that name.
  public func group(named name: String) -> StreamGroup? { self.groupsByName[name] }

  /// Makes a group. It is there at once, and is taken back where the disk refuses it.
  ///
  /// - Parameter body: is called when the group lasts, if it is to; or with the error, when it is
  ///   gone again.
  /// - Throws: `alreadyExists` where there is one of that name, `quotaExceeded` where there are as
  ///   many as may be, or memory for one more is lacking, `invalidSettings`.
  public func makeGroup(
    _ settings: StreamGroupSettings, _ body: @escaping (EngineError?) -> Void = { _ in }
  ) throws(EngineError) -> StreamGroup {
    try settings.check()
    guard self.groupsByName[settings.name] == nil else {
      throw EngineError(.alreadyExists, "a group of that name exists")
    }
    guard
      self.settings.groupsMax == 0 || settings.isHidden
        || self.groupCount < self.settings.groupsMax
    else {
      throw EngineError(.quotaExceeded, "the stream has \(self.groupCount) groups")
    }
    self.lastGroupNumber &+= 1
    let group = StreamGroup(
      settings: settings, stream: self, number: self.lastGroupNumber,
      createdAt: self.engine.now)
    try self.add(group)
    // What it finds out at once is written when there is something of it.
    if group.isJournaled { group.passing = .defined(settings) }
    group.begin(self)
    group.touch()
    if !settings.isHidden { self.tenant.streams.tell(.groupCreated(self, group)) }
    self.propose(.defined(settings), of: group) { error in
      if error != nil, !group.isDeleted { self.remove(group) }
      body(error)
    }
    return group
  }

  /// Gives a group other settings, when they are as durable as the stream promises. What is in
  /// flight stays so.
  ///
  /// - Parameter body: is called when they hold; or with the error, when they do not.
  /// - Throws: `conflict` where something would change that cannot, `invalidSettings`; where
  ///   another change is on its way, `body` is told so.
  public func updateGroup(
    _ group: StreamGroup, to settings: StreamGroupSettings,
    _ body: @escaping (EngineError?) -> Void = { _ in }
  ) throws(EngineError) {
    guard group.turns.isFree else {
      return group.turns.whenFree {
        do throws(EngineError) {
          try self.updateGroup(group, to: settings, body)
        } catch {
          body(error)
        }
      }
    }
    try settings.check()
    guard !group.isDeleted else { throw EngineError(.notFound, "the group was deleted") }
    try group.settings.checkUpdate(to: settings)
    self.propose(.defined(settings), of: group) { error in
      if error == nil, !group.isDeleted { self.give(settings, to: group) }
      body(error)
    }
  }

  private func give(_ settings: StreamGroupSettings, to group: StreamGroup) {
    let old = group.settings
    group.settings = settings
    if old.filters != settings.filters {
      self.disinterest(group)
      self.interest(group)
      group.recount(self)
    }
    group.touch()
    group.wake()
    self.tenant.streams.tell(.groupUpdated(self, group))
  }

  /// Deletes a group and all it knew, when that is as durable as the stream promises.
  ///
  /// - Parameter body: is called when it is gone; or with the error, when it is not.
  /// - Returns: whether there is one of that name; where there is none, `body` is not called.
  @discardableResult
  public func deleteGroup(
    _ name: String, _ body: @escaping (EngineError?) -> Void = { _ in }
  ) -> Bool {
    guard let group = self.groupsByName[name] else { return false }
    group.turns.whenFree {
      guard !group.isDeleted else {
        return body(EngineError(.notFound, "the group was deleted"))
      }
      self.propose(.removed, of: group) { error in
        if !group.isDeleted {
          // Who has not come for so long has another such time.
          if error == nil { self.remove(group) } else { group.touch() }
        }
        body(error)
      }
    }
    return true
  }

  /// Lets a group go, of which nothing is written down any more.
  func remove(_ group: StreamGroup) {
    self.groupsByName[group.name] = nil
    self.engine.publishing {
      self.groupsByNumber[group.number] = nil
      if group.settings.isHidden { self.hiddenGroups -= 1 }
      self.letGo(group)
      if self.settings.retention == .interest { self.dropUnwanted() }
    }
  }

  /// So many groups end before others have a turn.
  private static var turnMax: Int { 128 }

  /// Deletes all groups of a stream that goes with them. Nobody finds them from now on; those who
  /// read them are told some at a time.
  func deleteAllGroups() {
    var groups = self.groupsByName.values.sorted { $0.name > $1.name }
    self.groupsByName = [:]
    self.groupsByNumber = [:]
    self.hiddenGroups = 0
    self.engine.inSteps {
      self.engine.publishing {
        for _ in 0..<Self.turnMax {
          guard let group = groups.popLast() else { break }
          self.engine.effort.pointee &+= 32
          self.letGo(group)
        }
      }
      return !groups.isEmpty
    }
  }

  private func letGo(_ group: StreamGroup) {
    guard !group.isDeleted else { return }
    self.disinterest(group)
    self.tenant.memory.release(group.byteCount)
    group.end(self)
    if !group.settings.isHidden { self.tenant.streams.tell(.groupDeleted(self, group)) }
    group.stream = nil
  }

  /// Takes a group in.
  func add(_ group: StreamGroup) throws(EngineError) {
    guard self.tenant.memory.reserve(group.byteCount) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    self.groupsByName[group.name] = group
    if group.settings.isHidden { self.hiddenGroups += 1 }
    self.groupsByNumber[group.number] = group
    self.lastGroupNumber = max(self.lastGroupNumber, group.number)
    self.interest(group)
  }

  private func interest(_ group: StreamGroup) {
    var patterns = group.settings.filters
    if patterns.isEmpty {
      patterns = [TopicPattern(canonical: [UInt8(ascii: ">")], reserved: .nothing)]
    }
    group.interests = patterns.map { StreamInterest($0, group) }
    for interest in group.interests { self.interests.insert(interest, at: interest.pattern) }
  }

  private func disinterest(_ group: StreamGroup) {
    for interest in group.interests { self.interests.remove(interest, at: interest.pattern) }
    group.interests = []
  }

  // MARK: Retention by groups

  /// A group is done with a record.
  func groupIsDone(with offset: UInt64) {
    let isReady = self.log.prepare(offset) {
      self.engine.publishing { self.dropIfDone(offset) }
    }
    if isReady { self.dropIfDone(offset) }
  }

  private func dropIfDone(_ offset: UInt64) {
    guard let record = self.log.record(at: offset) else { return }
    if self.settings.retention == .workQueue || !self.isWanted(offset, record) {
      self.drop(offset, record)
    }
  }

  private func isWanted(_ offset: UInt64, _ record: Record) -> Bool {
    var isWanted = false
    record.withTopic { topic in
      self.interests.match(topic) { interest in
        if !interest.group.isDone(with: offset) { isWanted = true }
      }
    }
    return isWanted
  }

  /// Removes the records that no group wants any more.
  func dropUnwanted() {
    self.walk(from: self.log.firstOffset, to: self.log.committedOffset) { offset, record in
      if !self.isWanted(offset, record) { self.drop(offset, record) }
    }
  }

  /// Removes the records that no group matches.
  func dropUnmatched() {
    self.walk(from: self.log.firstOffset, to: self.log.committedOffset) { offset, record in
      var isMatched = false
      record.withTopic { topic in self.interests.match(topic) { _ in isMatched = true } }
      if !isMatched { self.drop(offset, record) }
    }
  }

  /// How many committed records there are that one of `filters` matches; all, where there is none.
  func countCommitted(_ filters: [TopicPattern]) -> Int {
    guard !filters.isEmpty else { return self.count - self.pending.count }
    return filters.reduce(0) { $0 + self.count($1) - self.countPending($1) }
  }
}

extension StreamGroup {
  /// What a group takes of memory, about, without what is in flight.
  var byteCount: Int {
    640 + self.settings.filters.reduce(0) { $0 + $1.bytes.count + 320 }
      + self.settings.metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 64 }
  }

  /// Finds the place where a new group begins.
  func begin(_ stream: Stream) {
    let log = stream.log
    self.paceEnd = log.committedOffset
    let filters = self.settings.filters
    let all = [TopicPattern(canonical: [UInt8(ascii: ">")], reserved: .nothing)]
    switch self.settings.start {
    case .all: self.start(at: log.firstOffset, stream)
    case .new: self.start(at: log.nextOffset, stream)
    case .offset(let offset): self.start(at: max(offset, log.firstOffset), stream)
    case .last:
      let last = (filters.isEmpty ? all : filters).compactMap { stream.lastOffset($0) }.max()
      self.start(at: last ?? log.nextOffset, stream)
    case .lastPerTopic:
      let offsets = stream.lastOffsets(filters.isEmpty ? all : filters)
      self.chosen = CircularBuffer(offsets.filter { $0 < log.committedOffset })
      self.chosenEnd = log.committedOffset
      self.cursor = self.chosen.first ?? log.committedOffset
      self.pendingCount = self.chosen.count
    case .time(let time):
      self.isStarting = true
      stream.findOffset(at: time) { offset in
        guard !self.isDeleted else { return }
        self.isStarting = false
        self.start(at: offset, stream)
        stream.write(self)
        self.wake()
      }
    }
  }

  private func start(at offset: UInt64, _ stream: Stream) {
    self.cursor = offset
    self.recount(stream)
  }

  /// Counts what there is from `cursor` on.
  func recount(_ stream: Stream) {
    let log = stream.log
    self.stopCounting()
    let chosen = self.chosen.count { log.next(from: $0) == $0 }
    defer { self.pendingCount += chosen }
    let filters = self.settings.filters
    let start = max(self.cursor, self.chosenEnd)
    let end = log.committedOffset
    if start >= end {
      self.pendingCount = 0
    } else if start <= log.next(from: log.firstOffset) {
      self.pendingCount = stream.countCommitted(filters)
    } else if filters.isEmpty, UInt64(stream.count) == log.nextOffset - stream.firstOffset {
      self.pendingCount = Int(end - start)
    } else {
      self.pendingCount = 0
      let walk = StreamWalk(
        stream, from: start, to: end,
        visit: { offset, record in
          if offset >= self.cursor, self.wants(record) { self.pendingCount += 1 }
          return true
        }, done: { self.count = nil })
      self.count = walk
      stream.run(walk)
    }
  }

  /// What lies from `end` on was never there.
  func cutBack(to end: UInt64) {
    if case .offset = self.settings.start, self.sequence == 0 { return }
    guard self.cursor > end else { return }
    self.cursor = end
    self.stream?.write(self)
  }

  func stopCounting() {
    if let count = self.count { self.stream?.walks[ObjectIdentifier(count)] = nil }
    self.count = nil
  }

  /// Leaves its stream.
  func end(_ stream: Stream) {
    self.stopCounting()
    self.isDeleted = true
    for token in [self.deadlineTimer?.token, self.inactiveTimer] {
      if let token { stream.engine.timers.cancel(token) }
    }
    self.deadlineTimer = nil
    self.inactiveTimer = nil
    self.open = OpenRecords()
    self.returnedCount = 0
    self.wake()
    self.onDeleted?()
    self.onDeleted = nil
    self.onExhausted = nil
  }
}
