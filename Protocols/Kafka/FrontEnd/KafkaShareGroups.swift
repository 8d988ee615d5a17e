import GodwitEngine
import KafkaWire
import NIOCore

/// A tenant's share groups. How far they have come is in the tenant's journal `kafka.shares` before
/// a member hears that its acknowledgement was taken; who is a member, and who holds what, is not.
final class KafkaShareGroups {
  private static let journalName = "kafka.shares"

  /// What groups need of the rest.
  struct Surroundings {
    var clock: any KafkaClock
    var settings: () -> KafkaSettings
    var topics: KafkaConsumerGroup.Topics
    var find: (KafkaPlace) -> KafkaPartition?
    /// The first offset of records that are not older than so many milliseconds.
    var offset: (Partition, _ ago: Int64) -> UInt64
  }

  private unowned let tenant: Tenant
  private let surroundings: Surroundings
  private(set) var byName: [String: KafkaShareGroup] = [:]
  private(set) var configs: [String: KafkaShareConfig] = [:]
  /// Settings that are on their way to the disk, and how many changes of them.
  private var nextConfigs: [String: (config: KafkaShareConfig, changes: Int)] = [:]
  private(set) var sessions: [KafkaShareSession.Key: KafkaShareSession] = [:]
  private var journal: (any Journal)?
  /// What is on its way to the disk and happens when it is there, by numbers that ascend.
  private var proposals: [UInt64: [ByteBuffer]] = [:]
  private var lastProposal: UInt64 = 0

  init(_ tenant: Tenant, _ surroundings: Surroundings) {
    self.tenant = tenant
    self.surroundings = surroundings
  }

  // MARK: Groups

  /// The group of that name, made where there is none; `nil` when there are too many.
  func group(_ name: String) -> KafkaShareGroup? {
    if let known = byName[name] { return known }
    guard byName.count < surroundings.settings().groupsMax else { return nil }
    let made = KafkaShareGroup(
      name: name, clock: surroundings.clock, rules: rules(of: name), topics: surroundings.topics
    ) { [unowned tenant] in tenant.memory.charge($0) }
    made.memberLeft = { [weak self] id, isHeard in
      self?.close(KafkaShareSession.Key(group: name, member: id), isHeard: isHeard)
    }
    byName[name] = made
    return made
  }

  func rules(of group: String) -> KafkaShareRules {
    (configs[group] ?? KafkaShareConfig()).rules(surroundings.settings())
  }

  /// The broker's settings have changed.
  func settingsChanged() {
    for group in byName.values { take(rules(of: group.name), group) }
  }

  private func take(_ rules: KafkaShareRules, _ group: KafkaShareGroup) {
    group.rules = rules
    for partition in group.partitions.values { partition.take(rules) }
  }

  /// A group's own settings, with what was asked for and is not written down yet.
  func nextConfig(of name: String) -> KafkaShareConfig {
    nextConfigs[name]?.config ?? configs[name] ?? KafkaShareConfig()
  }

  /// Sets a group's own settings; the group need not be there. They hold when they are committed.
  func configure(_ name: String, _ config: KafkaShareConfig) -> KafkaRefusal? {
    guard
      configs[name] != nil
        || configs.count + nextConfigs.count < surroundings.settings().groupsMax
    else {
      return KafkaRefusal(.policyViolation, "too many groups (kafka.max_groups)")
    }
    nextConfigs[name] = (config, (nextConfigs[name]?.changes ?? 0) + 1)
    propose([KafkaShareEntry(config, of: name)]) { [self] error in
      nextConfigs[name]?.changes -= 1
      if nextConfigs[name]?.changes == 0 { nextConfigs[name] = nil }
      guard error == nil else { return }
      configs[name] = config.isEmpty ? nil : config
      if let group = byName[name] { take(rules(of: name), group) }
    }
    return nil
  }

  /// A member joins, stays or leaves; what it is to read is written down before it is told.
  func heartbeat(
    _ request: KafkaShareGroup.Request, clientID: String, clientHost: String,
    _ body: @escaping (Result<KafkaShareGroup.Response, KafkaRefusal>) -> Void
  ) {
    guard let group = group(request.groupID) else {
      return body(.failure(KafkaRefusal(.groupMaxSizeReached, "too many groups")))
    }
    let result = group.heartbeat(request, clientID: clientID, clientHost: clientHost)
    if group.needsPartitions { prepare(group) }
    dropIfVoid(group)
    guard case .success = result else { return body(result) }
    commit { error in
      guard error == nil else {
        return body(
          .failure(KafkaRefusal(.coordinatorNotAvailable, "the group cannot be written down")))
      }
      body(result)
    }
  }

  /// Has the group know of all partitions of its topics, and begin where it is to begin.
  private func prepare(_ group: KafkaShareGroup) {
    group.needsPartitions = false
    for topic in group.topics.values {
      // A topic that has grown is read from the first record of what is new.
      let hasGrown = group.partitions[KafkaPlace(topic: topic.id, partition: 0)] != nil
      for index in 0..<topic.partitions {
        let place = KafkaPlace(topic: topic.id, partition: index)
        guard group.partitions[place] == nil, let partition = surroundings.find(place)?.partition
        else { continue }
        let start: UInt64 =
          switch hasGrown ? .earliest : group.rules.reset {
          case .earliest: partition.startOffset
          case .latest: partition.committedOffset
          case .ago(let milliseconds): surroundings.offset(partition, milliseconds)
          }
        guard let made = make(place, of: group, start: start) else {
          // Memory is spent: another heartbeat tries again.
          group.needsPartitions = true
          return
        }
        group.partitions[place] = made
        made.needsWhole = true
        write(made, of: group)
      }
    }
  }

  private func make(
    _ place: KafkaPlace, of group: KafkaShareGroup, start: UInt64
  ) -> KafkaSharePartition? {
    let window = PartitionWindow(start: start)
    guard
      let made = KafkaSharePartition(
        place, window, clock: surroundings.clock, memory: tenant.memory)
    else { return nil }
    made.take(group.rules)
    made.mayHaveLetters = { [unowned tenant] in !tenant.engine.deadLetterRules.isEmpty }
    made.changedByItself = { [weak self, weak group, weak made] in
      if let self, let group, let made { write(made, of: group) }
    }
    return made
  }

  /// Has a group without members begin elsewhere in a partition, when that is committed.
  ///
  /// - Returns: whether there is memory for it.
  func reset(_ group: KafkaShareGroup, _ place: KafkaPlace, to offset: UInt64) -> Bool {
    guard let partition = group.partitions[place] ?? make(place, of: group, start: offset) else {
      return false
    }
    let whole = PartitionWindow(start: offset).whole
    propose([KafkaShareEntry(whole, place, of: group.name)]) { [self] error in
      // It is no group before it knows of a partition.
      guard error == nil, byName[group.name] ?? group === group else { return }
      byName[group.name] = group
      let known = group.partitions[place] ?? partition
      group.partitions[place] = known
      known.reset(to: offset)
      write(known, of: group)
    }
    return true
  }

  /// Has a group forget a topic, when that is committed.
  ///
  /// - Returns: whether it knew of it.
  func forget(_ topic: KafkaUUID, of group: KafkaShareGroup) -> Bool {
    let gone = Self.entries(without: topic, group)
    propose(gone) { [self] error in
      if error == nil { drop(topic, of: group) }
    }
    return !gone.isEmpty
  }

  private static func entries(
    without topic: KafkaUUID, _ group: KafkaShareGroup
  ) -> [KafkaShareEntry] {
    group.partitions.keys.filter { $0.topic == topic }.map { place in
      .partitionGone(
        .with {
          $0.group = group.name
          $0.place = place
        })
    }
  }

  private func drop(_ topic: KafkaUUID, of group: KafkaShareGroup) {
    for place in group.partitions.keys where place.topic == topic {
      group.partitions.removeValue(forKey: place)?.end()
    }
    group.needsPartitions = true
    dropIfVoid(group)
  }

  /// A topic is gone.
  func forget(_ topic: KafkaUUID) {
    for group in Array(byName.values) {
      append(Self.entries(without: topic, group))
      drop(topic, of: group)
    }
    for session in sessions.values {
      session.remove(Set(session.places.filter { $0.topic == topic }))
    }
  }

  /// Forgets a group that nobody would miss.
  func dropIfVoid(_ group: KafkaShareGroup) { if group.isVoid { byName[group.name] = nil } }

  /// Deletes a group without members, and all it knew, when that is committed.
  func delete(_ group: KafkaShareGroup, _ done: @escaping (KafkaErrorCode) -> Void) {
    propose([.groupGone(group.name)]) { [self] error in
      guard error == nil else { return done(.coordinatorNotAvailable) }
      guard byName[group.name] === group else { return done(.groupIDNotFound) }
      guard group.members.isEmpty else {
        // Somebody has come meanwhile.
        for partition in group.partitions.values {
          partition.needsWhole = true
          write(partition, of: group)
        }
        return done(.nonEmptyGroup)
      }
      byName[group.name] = nil
      group.end()
      // With what was written meanwhile.
      append([.groupGone(group.name)])
      done(.noError)
    }
  }

  // MARK: Sessions

  /// Begins a session, in the place of the one before it.
  func open(
    _ key: KafkaShareSession.Key, connection: UInt64
  ) throws(KafkaRefusal) -> KafkaShareSession {
    guard byName[key.group] != nil else {
      throw KafkaRefusal(.groupIDNotFound, "Group \(key.group) not found.")
    }
    guard sessions[key] != nil || sessions.count < surroundings.settings().shareSessionsMax else {
      throw KafkaRefusal(.shareSessionLimitReached, "The limit of share sessions has been reached.")
    }
    let made = KafkaShareSession(key, connection: connection)
    sessions[key] = made
    return made
  }

  /// The session that a request goes on with.
  func session(
    _ key: KafkaShareSession.Key, epoch: Int32
  ) throws(KafkaRefusal) -> KafkaShareSession {
    guard let known = sessions[key] else {
      throw KafkaRefusal(.shareSessionNotFound, "The share session was not found.")
    }
    guard epoch == -1 || epoch == known.epoch else {
      throw KafkaRefusal(.invalidShareSessionEpoch, "The share session epoch is invalid.")
    }
    known.advance()
    return known
  }

  /// Takes what the session reads into account.
  func charge(_ session: KafkaShareSession) throws(KafkaRefusal) {
    session.charge = nil
    session.charge = tenant.memory.charge(
      KafkaShareSession.sessionBytes + session.places.count * KafkaShareSession.placeBytes)
    guard session.charge != nil else {
      close(session.key, isHeard: true)
      throw KafkaRefusal(.shareSessionLimitReached, "memory is spent")
    }
  }

  /// Ends a session: what the member holds comes back.
  ///
  /// - Parameter isHeard: whether the member says so itself, so that what it holds was not worked
  ///   on.
  func close(_ key: KafkaShareSession.Key, isHeard: Bool) {
    sessions[key] = nil
    guard let group = byName[key.group] else { return }
    for partition in Array(group.partitions.values)
    where partition.giveBack(of: key.member, counts: !isHeard) {
      write(partition, of: group)
    }
  }

  /// A connection is gone, and its sessions with it.
  func disconnected(_ connection: UInt64) {
    for session in Array(sessions.values) where session.connection == connection {
      close(session.key, isHeard: false)
    }
  }

  // MARK: Journal

  /// Writes down what has changed; `commit` says when it lasts.
  func write(_ partition: KafkaSharePartition, of group: KafkaShareGroup) {
    guard group.partitions[partition.place] === partition else { return }
    if let changes = partition.takeChanges() {
      append([KafkaShareEntry(changes, partition.place, of: group.name)])
    }
    bury(partition, of: group)
  }

  /// Has dead letters kept of what the group has given up, some at a time.
  private func bury(_ share: KafkaSharePartition, of group: KafkaShareGroup) {
    guard share.burial == nil, let dying = share.window.dying,
      let partition = surroundings.find(share.place)?.partition
    else { return }
    let burial = KafkaShareBurial(dying, of: partition, group: group.name)
    share.burial = burial
    burial.start { [weak self, weak group, weak share] offsets, hasFailed in
      guard let self, let group, let share, share.burial === burial else { return }
      for each in offsets { share.bury(each) }
      // Others have their turn in between; what could not be kept is tried again.
      burial.wait = surroundings.clock.alarm(after: hasFailed ? 1_000 : 1) {
        [weak self, weak group, weak share] in
        guard let self, let group, let share, share.burial === burial else { return }
        share.burial = nil
        bury(share, of: group)
      }
      write(share, of: group)
    }
  }

  private func append(_ entries: [KafkaShareEntry]) {
    do throws(EngineError) {
      let journal = try openJournal()
      for entry in entries { if let bytes = entry.bytes { journal.append(bytes) } }
      if journal.wantsSnapshot { journal.replace(with: snapshot()) }
    } catch {
      // `commit` says so.
    }
  }

  /// Writes down what is to happen when it is committed, and not before.
  private func propose(
    _ entries: [KafkaShareEntry], _ body: @escaping (EngineError?) -> Void
  ) {
    do throws(EngineError) {
      let journal = try openJournal()
      let bytes = entries.compactMap(\.bytes)
      lastProposal += 1
      let number = lastProposal
      proposals[number] = bytes
      journal.propose(bytes) { [self] error in
        proposals[number] = nil
        body(error)
      }
      if journal.wantsSnapshot { journal.replace { add in snapshot().forEach(add) } }
    } catch {
      body(error)
    }
  }

  /// Calls `body` when all that was written lasts, or never will.
  func commit(_ body: @escaping (EngineError?) -> Void) {
    do throws(EngineError) {
      try openJournal().whenCommitted { [weak self] error in
        // What is not kept is written again, with the next change.
        if error != nil { self?.distrustJournal() }
        body(error)
      }
    } catch {
      body(error)
    }
  }

  private func distrustJournal() {
    for group in byName.values {
      for partition in group.partitions.values { partition.needsWhole = true }
    }
  }

  private func snapshot() -> [ByteBuffer] {
    byName.values.flatMap { group in
      group.partitions.values.map { KafkaShareEntry($0.window.whole, $0.place, of: group.name) }
    }.compactMap(\.bytes) + configs.compactMap { KafkaShareEntry($0.value, of: $0.key).bytes }
      + proposals.sorted { $0.key < $1.key }.flatMap(\.value)
  }

  private func openJournal() throws(EngineError) -> any Journal {
    if let journal { return journal }
    let made = try tenant.store.journal(named: Self.journalName)
    journal = made
    return made
  }

  /// Takes up what the tenant's store has kept. Once, before anybody joins.
  func restore() throws(EngineError) {
    var windows: [String: [KafkaPlace: PartitionWindow]] = [:]
    try openJournal().replay { entry in
      switch KafkaShareEntry(entry) {
      case .partition(let said):
        windows[said.group, default: [:]][said.place, default: PartitionWindow(start: 0)]
          .apply(said.changes)
      case .partitionGone(let gone): windows[gone.group]?[gone.place] = nil
      case .groupGone(let name): windows[name] = nil
      case .config(let config):
        let made = KafkaShareConfig(Array(zip(config.names, config.values)))
        configs[config.group] = made.isEmpty ? nil : made
      case nil: break
      }
    }
    for (name, places) in windows {
      for (place, window) in places {
        guard let partition = surroundings.find(place)?.partition, let group = group(name),
          let made = make(place, of: group, start: 0)
        else { continue }
        group.partitions[place] = made
        made.takeUp(window, end: partition.nextOffset)
        if made.needsWhole { write(made, of: group) }
      }
    }
  }
}
