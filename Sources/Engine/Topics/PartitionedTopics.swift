import GodwitPrimitives
import NIOCore

/// A tenant's partitioned topics. What they are is written down in the tenant's store, and read
/// again by `restore`.
public final class PartitionedTopics {
  /// How often records are looked at for their age, in nanoseconds.
  static var ageInterval: Int64 { 5_000_000_000 }

  /// Which of so many partitions gets a message of that key: a protocol's own rule, so that its
  /// clients and others agree. What lies outside counts as no answer. Default: a hash of the key.
  public var choose: (_ key: [UInt8], _ partitions: Int) -> Int = { key, partitions in
    let checksum = key.withUnsafeBytes { CRC32C.checksum($0) }
    return Int(checksum) % max(1, partitions)
  }

  /// Which time a message has in a topic whose sender says when it was made, `sentAt` in
  /// nanoseconds since 1970: a protocol's own rule. `nil`, the default, for when it came in.
  public var time: (_ topic: PartitionedTopic, _ sentAt: Int64) -> Int64? = { _, _ in nil }

  /// Who can open the batches that senders have packed.
  public weak var keeper: (any BatchKeeper)?

  private unowned let tenant: Tenant
  private var byName: [String: PartitionedTopic] = [:]
  private let definitions: Definitions<PartitionedTopicSettings>
  private var observers: [(PartitionedTopicEvent) -> Void] = []
  private var ageTimer: Timers.Token?
  /// When the last topic was made: each has a time of its own, by which it is told from one that
  /// had its name before.
  private var lastCreatedAt: Int64 = 0

  init(tenant: Tenant) {
    self.tenant = tenant
    self.definitions = Definitions(tenant: tenant)
    self.definitions.all = { [unowned self] in
      self.byName.values.map { ($0.settings, $0.createdAt) }
    }
  }

  /// All topics, in the order of their names.
  public var all: [PartitionedTopic] { self.byName.values.sorted { $0.name < $1.name } }
  /// How many there are.
  public var count: Int { self.byName.count }

  /// The topic of that name.
  public subscript(name: String) -> PartitionedTopic? { self.byName[name] }

  /// Has `body` called with everything that happens to the tenant's topics.
  public func observe(_ body: @escaping (PartitionedTopicEvent) -> Void) {
    self.observers.append(body)
  }

  private func tell(_ event: PartitionedTopicEvent) {
    for observer in self.observers { observer(event) }
  }

  // MARK: Making

  /// Makes a topic. It is there at once, and is taken back where the disk refuses it.
  ///
  /// - Parameter body: is called when the topic lasts; or with the error, when it is gone again.
  /// - Throws: `alreadyExists`, `invalidSettings`, `quotaExceeded`, `storageFailed`.
  public func create(
    _ settings: PartitionedTopicSettings, _ body: @escaping (EngineError?) -> Void = { _ in }
  ) throws(EngineError) -> PartitionedTopic {
    try settings.check()
    guard self.byName[settings.name] == nil else {
      throw EngineError(.alreadyExists, "a topic of that name exists")
    }
    self.lastCreatedAt = max(self.lastCreatedAt + 1, self.tenant.engine.now)
    let topic = PartitionedTopic(
      settings: settings, tenant: self.tenant, createdAt: self.lastCreatedAt)
    let isNew = self.definitions.wasDeleted(settings.name)
    if isNew { self.tenant.store.remove(named: topic.notesName) }
    do {
      topic.partitions = try self.open(
        settings.partitions, of: topic, isNew: isNew, isKnown: false)
      try topic.capture()
    } catch {
      self.close(topic).forEach(self.undo)
      throw error
    }
    // Records of one that nobody has deleted are this one's, and stay though it is refused.
    let isAdopted = topic.partitions.contains { $0.log.nextOffset > 0 }
    self.byName[settings.name] = topic
    self.scheduleAge()
    self.tell(.created(topic))
    self.write(settings, of: topic) { error in
      if error != nil { self.remove(topic, keepsFiles: isAdopted) }
      body(error)
    }
    return topic
  }

  /// Gives a topic more partitions. Where a message of a key goes changes with their number.
  ///
  /// - Parameter body: as for `update`.
  /// - Throws: `invalidSettings` where that is not more, `storageFailed`.
  public func addPartitions(
    _ topic: PartitionedTopic, to count: Int,
    _ body: @escaping (EngineError?) -> Void = { _ in }
  ) throws(EngineError) {
    guard topic.turns.isFree else {
      return self.wait(for: topic, body) { () throws(EngineError) in
        try self.addPartitions(topic, to: count, body)
      }
    }
    guard count > topic.settings.partitions else {
      throw EngineError(.invalidSettings, "the topic has \(topic.settings.partitions) partitions")
    }
    var settings = topic.settings
    settings.partitions = count
    try self.update(topic, to: settings, body)
  }

  /// Gives a topic other settings. They hold when they are as durable as the store promises; what
  /// exceeds new limits goes then.
  ///
  /// - Parameter body: is called when they hold; or with the error, when they do not.
  /// - Throws: `conflict` where something would change that cannot, `invalidSettings`,
  ///   `storageFailed`; where another change is on its way, `body` is told so.
  public func update(
    _ topic: PartitionedTopic, to settings: PartitionedTopicSettings,
    _ body: @escaping (EngineError?) -> Void = { _ in }
  ) throws(EngineError) {
    guard topic.turns.isFree else {
      return self.wait(for: topic, body) { () throws(EngineError) in
        try self.update(topic, to: settings, body)
      }
    }
    try settings.check()
    guard !topic.isDeleted else { throw EngineError(.notFound, "the topic was deleted") }
    let old = topic.settings
    guard settings.name == old.name, settings.topic == old.topic else {
      throw EngineError(.conflict, "a topic's name cannot change")
    }
    guard settings.partitions >= old.partitions else {
      throw EngineError(.conflict, "a topic's partitions cannot become fewer")
    }
    let more = try self.open(settings.partitions, of: topic, isNew: true, isKnown: false)
    self.write(settings, of: topic) { error in
      if error == nil {
        self.give(settings, more, to: topic)
      } else {
        more.forEach(self.remove)
      }
      body(error)
    }
  }

  private func wait(
    for topic: PartitionedTopic, _ body: @escaping (EngineError?) -> Void,
    _ change: @escaping () throws(EngineError) -> Void
  ) {
    topic.turns.whenFree {
      do throws(EngineError) {
        try change()
      } catch {
        body(error)
      }
    }
  }

  private func give(
    _ settings: PartitionedTopicSettings, _ more: [Partition], to topic: PartitionedTopic
  ) {
    topic.settings = settings
    topic.partitions += more
    for partition in topic.partitions {
      partition.enforceAge()
      partition.enforceSize()
    }
    self.scheduleAge()
    self.tell(.updated(topic))
  }

  /// Deletes a topic, all its records, and what groups have committed of it, when that is as
  /// durable as the store promises.
  ///
  /// - Parameter body: is called when it is gone; or with the error, when it is not.
  /// - Returns: whether there is one of that name; where there is none, `body` is not called.
  @discardableResult
  public func delete(
    _ name: String, _ body: @escaping (EngineError?) -> Void = { _ in }
  ) -> Bool {
    guard let topic = self.byName[name] else { return false }
    topic.turns.whenFree {
      guard !topic.isDeleted else {
        return body(EngineError(.notFound, "the topic was deleted"))
      }
      let end = { (error: EngineError?) in
        if error == nil { self.remove(topic) }
        body(error)
      }
      guard self.tenant.store.isDurable else { return end(nil) }
      topic.turns.begin()
      self.definitions.forget(name) { error in
        end(error)
        topic.turns.end()
      }
    }
    return true
  }

  private func remove(_ topic: PartitionedTopic, keepsFiles: Bool = false) {
    self.byName[topic.name] = nil
    self.tenant.cursors.forget(Set(topic.partitions.map(\.name)))
    let partitions = self.close(topic)
    if !keepsFiles {
      partitions.forEach(self.remove)
      self.tenant.store.remove(named: topic.notesName)
    }
    self.tell(.deleted(topic))
    for partition in partitions { partition.wake() }
  }

  /// Opens the logs that `topic` lacks for so many partitions: all of them, or none.
  ///
  /// - Parameters:
  ///   - isNew: whether what is there is what a crash has left of another topic.
  ///   - isKnown: whether the topic is written down with as many partitions.
  private func open(
    _ count: Int, of topic: PartitionedTopic, isNew: Bool, isKnown: Bool
  ) throws(EngineError) -> [Partition] {
    var opened: [Partition] = []
    for index in topic.partitions.count..<max(count, topic.partitions.count) {
      let name = Self.logName(topic.name, index)
      if isNew { self.tenant.store.remove(named: name) }
      do {
        let log = try self.tenant.store.log(named: name, isKnown: isKnown)
        opened.append(Partition(topic: topic, index: index, log: log))
      } catch {
        if !isKnown { opened.forEach(self.undo) }
        throw error
      }
    }
    return opened
  }

  /// - Returns: the partitions that it had.
  private func close(_ topic: PartitionedTopic) -> [Partition] {
    topic.isDeleted = true
    topic.stopCapturing()
    // Each of the two keeps the other.
    defer { topic.partitions = [] }
    return topic.partitions
  }

  private static func logName(_ topic: String, _ index: Int) -> String { "\(topic)-\(index)" }

  /// Whose log has that name.
  static func topic(ofLog name: String) -> String? {
    guard let place = name.lastIndex(of: "-"), let index = Int(name[name.index(after: place)...]),
      name == Self.logName(String(name[..<place]), index)
    else { return nil }
    return String(name[..<place])
  }

  /// Lets go of a partition that was opened for nothing; what it had before stays.
  private func undo(_ partition: Partition) {
    if partition.log.nextOffset == 0 { self.remove(partition) }
  }

  private func remove(_ partition: Partition) { self.tenant.store.remove(named: partition.name) }

  // MARK: Lasting

  /// Writes a definition down, where it is to last; others of the topic wait until it does.
  private func write(
    _ settings: PartitionedTopicSettings, of topic: PartitionedTopic,
    _ body: @escaping (EngineError?) -> Void
  ) {
    guard self.tenant.store.isDurable else { return body(nil) }
    topic.turns.begin()
    self.definitions.define((settings, topic.createdAt)) { error in
      body(error)
      topic.turns.end()
    }
  }

  /// Makes the topics that the tenant's store has kept, with their records. Once, when the store is
  /// set, and before anybody publishes.
  ///
  /// - Returns: the topics that could not be opened, and why. The others work.
  /// - Throws: `storageFailed` when nothing can be read.
  @discardableResult
  public func restore() throws(EngineError) -> [(name: String, error: EngineError)] {
    var failed: [(name: String, error: EngineError)] = []
    for definition in try self.definitions.restore() {
      let name = definition.settings.name
      self.lastCreatedAt = max(self.lastCreatedAt, definition.createdAt)
      let topic = PartitionedTopic(
        settings: definition.settings, tenant: self.tenant, createdAt: definition.createdAt)
      do {
        topic.partitions = try self.open(
          definition.settings.partitions, of: topic, isNew: false, isKnown: true)
        try topic.capture()
        self.byName[name] = topic
      } catch {
        topic.isDeleted = true
        topic.partitions = []
        failed.append((name, error))
      }
    }
    self.scheduleAge()
    return failed
  }

  // MARK: Age

  private func scheduleAge() {
    guard self.ageTimer == nil, self.byName.values.contains(where: { $0.settings.needsLooks })
    else {
      return
    }
    self.ageTimer = self.tenant.engine.timers.schedule(
      at: self.tenant.engine.now + Self.ageInterval, self, kind: 0)
  }
}

extension PartitionedTopics: TimerTarget {
  /// Looks at the age of records, and at what was added.
  public func timerFired(_ kind: Int) {
    self.ageTimer = nil
    for topic in self.byName.values where topic.settings.needsLooks {
      for partition in topic.partitions {
        partition.enforceAge()
        partition.compact()
      }
    }
    self.scheduleAge()
  }
}
