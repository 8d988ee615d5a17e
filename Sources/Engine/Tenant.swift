/// One isolated set of topics: a NATS account, an AMQP vhost, the tenant of an MQTT user.
///
/// Nothing crosses from one tenant to another.
public final class Tenant {
  /// The tenant's name; `default` where nobody chose one.
  public let name: String
  /// The kernel it belongs to. The two hold each other: an engine lives as long as its process.
  public let engine: Engine
  /// What its clients may make the process hold.
  public let memory: MemoryBudget
  /// Live subscriptions.
  public let router: Router
  /// Last values.
  public let retained: RetainedStore
  /// Delayed messages.
  public private(set) var schedule: Schedule! = nil
  /// Logs that capture topics.
  public private(set) lazy var streams = Streams(tenant: self)
  /// Topics that are spread over several logs.
  public private(set) lazy var partitionedTopics = PartitionedTopics(tenant: self)
  /// Messages for consumers who may be away, where they last; `nil` without a store that outlives
  /// the process.
  public private(set) var queues: Queues?
  /// Where readers who keep count themselves are in logs.
  public private(set) lazy var cursors = Cursors(tenant: self)
  /// What becomes of records that groups give up.
  public private(set) lazy var deadLetters = DeadLetters(tenant: self)
  /// Where logs and journals go that must last. Memory, unless the broker has a data folder: it
  /// sets this before anybody uses the tenant's streams.
  public lazy var store: any Store = self.memoryStore
  /// Where logs go that need not last.
  public private(set) lazy var memoryStore: any Store = MemoryStore(
    engine: self.engine, memory: self.memory)

  init(name: String, engine: Engine) {
    self.name = name
    self.engine = engine
    self.memory = MemoryBudget(limit: engine.limits.storedBytesMax, of: engine.memory)
    self.router = Router(engine: engine, memory: self.memory)
    self.retained = RetainedStore(engine: engine, memory: self.memory)
    self.schedule = Schedule(tenant: self)
  }

  /// Reads last values, queues and the schedule from the store, and keeps them there from now on.
  /// Once, when the store is set, and streams and topics are restored; what protocols keep in
  /// queues they read themselves, after it.
  ///
  /// - Throws: `storageFailed`, and `quotaExceeded` where there is more than may be kept.
  public func restoreMessages() throws(EngineError) {
    guard self.store.isDurable else { return }
    try self.retained.restore(from: self.store)
    let queues = try Queues(tenant: self)
    self.queues = queues
    try self.schedule.restore(from: queues)
  }

  /// Publishes to everyone the message is for.
  ///
  /// The retained value is not touched: a protocol that keeps last values calls `retained` first.
  ///
  /// - Parameter memo: the route of the publisher's last message, which it keeps for this purpose.
  /// - Returns: how many took it.
  @discardableResult
  public func publish(_ publication: inout Publication, memo: inout Route?) -> Int {
    let engine = self.engine
    let taken = engine.publishing { self.router.publish(&publication, memo: &memo) }
    engine.counters.published &+= 1
    if engine.counters.published >= engine.sampleAt { engine.sample(publication, tenant: self) }
    engine.counters.delivered &+= UInt64(truncatingIfNeeded: taken)
    if taken == 0 { engine.counters.unrouted &+= 1 }
    return taken
  }

  /// Publishes an answer to everyone it is for. Its topic is the asker's and hardly comes again:
  /// no route is remembered.
  ///
  /// - Returns: how many took it.
  @discardableResult
  public func answer(_ publication: inout Publication) -> Int {
    let engine = self.engine
    let taken = engine.publishing { self.router.publishOnce(&publication) }
    engine.counters.published &+= 1
    if engine.counters.published >= engine.sampleAt { engine.sample(publication, tenant: self) }
    engine.counters.delivered &+= UInt64(truncatingIfNeeded: taken)
    if taken == 0 { engine.counters.unrouted &+= 1 }
    return taken
  }

  /// Publishes a kept message, unless its time has passed.
  @discardableResult
  public func publish(_ record: Record) -> Int {
    guard record.expiresAt == 0 || record.expiresAt > self.engine.now else {
      self.engine.counters.expired &+= 1
      return 0
    }
    return record.withPublication { publication in
      var memo: Route?
      return self.publish(&publication, memo: &memo)
    }
  }

  /// Hands a kept message to one member of a group: a message that was another member's, who is
  /// gone. Nobody else gets it again.
  ///
  /// - Returns: whether a member took it; a message whose time has passed is taken by nobody.
  public func publish(_ record: Record, toGroup name: [UInt8]) -> Bool {
    guard record.expiresAt == 0 || record.expiresAt > self.engine.now else {
      self.engine.counters.expired &+= 1
      return false
    }
    return record.withPublication { publication in
      self.engine.publishing { self.router.publish(&publication, toGroup: name) }
    }
  }

  /// Publishes bytes on behalf of the engine or an operator.
  @discardableResult
  public func publish(
    topic: [UInt8], payload: [UInt8], metadata: Metadata = Metadata(),
    quality: Publication.Quality = .atMostOnce
  ) -> Int {
    topic.withUnsafeBytes { topic in
      payload.withUnsafeBytes { payload in
        var publication = Publication(
          topic: topic, payload: payload, origin: .engine,
          native: UnsafeRawBufferPointer(start: nil, count: 0), quality: quality)
        publication.setMetadata(metadata)
        var memo: Route?
        return self.publish(&publication, memo: &memo)
      }
    }
  }

  /// Makes a lasting message of bytes, on behalf of the engine or an operator.
  public func record(
    topic: [UInt8], payload: [UInt8], metadata: Metadata = Metadata(),
    quality: Publication.Quality = .atMostOnce, isRetained: Bool = false, expiresAt: Int64 = 0
  ) -> Record {
    topic.withUnsafeBytes { topic in
      payload.withUnsafeBytes { payload in
        var publication = Publication(
          topic: topic, payload: payload, origin: .engine,
          native: UnsafeRawBufferPointer(start: nil, count: 0), quality: quality)
        publication.isRetained = isRetained
        publication.expiresAt = expiresAt
        publication.setMetadata(metadata)
        return publication.record(self.engine)
      }
    }
  }
}
