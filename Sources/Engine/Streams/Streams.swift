public import GodwitPrimitives
import NIOCore

/// A tenant's streams. What they are is written down in the tenant's store, and read again by
/// `restore`.
public final class Streams {
  /// What a protocol adds to what streams send by themselves.
  public unowned var voice: (any StreamVoice)?
  /// Is told what an operator should know of a stream: that the disk does not give what it holds.
  public var report: ((Stream, String) -> Void)?

  private unowned let tenant: Tenant
  private var byName: [String: Stream] = [:]
  private let definitions: Definitions<StreamSettings>
  private var observers: [(owner: ObjectIdentifier, body: (StreamEvent) -> Void)] = []

  init(tenant: Tenant) {
    self.tenant = tenant
    self.definitions = Definitions(tenant: tenant, journal: "streams")
  }

  /// All streams, in the order of their names.
  public var all: [Stream] { self.byName.values.sorted { $0.name < $1.name } }
  /// How many there are.
  public var count: Int { self.byName.count }

  /// The stream of that name.
  public subscript(name: String) -> Stream? { self.byName[name] }

  /// The streams that capture some topic which one of `patterns` matches, in the order of their
  /// names. Whether two streams may capture the same is for protocols to say; here they may.
  public func overlapping(_ patterns: [TopicPattern]) -> [Stream] {
    self.all.filter { stream in
      stream.settings.patterns.contains { own in patterns.contains { own.overlaps($0) } }
    }
  }

  /// Has `body` called with everything that happens to the tenant's streams and their groups, until
  /// `owner` asks to `ignore` it.
  public func observe(_ owner: AnyObject, _ body: @escaping (StreamEvent) -> Void) {
    self.observers.append((ObjectIdentifier(owner), body))
  }

  /// Ends what `owner` has asked `observe` for.
  public func ignore(_ owner: AnyObject) {
    self.observers.removeAll { $0.owner == ObjectIdentifier(owner) }
  }

  func tell(_ event: StreamEvent) {
    for observer in self.observers { observer.body(event) }
  }

  // MARK: Making

  /// Makes a stream.
  ///
  /// - Throws: `alreadyExists`, `invalidSettings`, `quotaExceeded`, `storageFailed`.
  public func create(_ settings: StreamSettings) throws(EngineError) -> Stream {
    try settings.check()
    guard self.byName[settings.name] == nil else {
      throw EngineError(.alreadyExists, "a stream of that name exists")
    }
    let now = self.tenant.engine.now
    if self.definitions.clear(settings.name) { self.removeFiles(of: settings) }
    let stream = try self.open(settings, createdAt: now, isKnown: false)
    if settings.firstOffset > 0 { stream.log.skip(to: settings.firstOffset) }
    do {
      // Records of one that nobody has deleted are this one's.
      if stream.log.count > 0 { try stream.recover() }
      try stream.capture()
    } catch {
      self.forget(stream)
      throw error
    }
    self.byName[settings.name] = stream
    try self.write(stream)
    self.tell(.created(stream))
    return stream
  }

  /// Gives a stream other settings. What exceeds new limits goes.
  ///
  /// - Throws: `conflict` where something would change that cannot, `invalidSettings`,
  ///   `quotaExceeded`.
  public func update(_ stream: Stream, to settings: StreamSettings) throws(EngineError) {
    try settings.check()
    try stream.settings.checkUpdate(to: settings)
    let old = stream.settings
    stream.settings = settings
    stream.settings.firstOffset = old.firstOffset
    if old.patterns != settings.patterns {
      do {
        try stream.capture()
      } catch {
        stream.settings = old
        throw error
      }
    }
    try self.write(stream)
    self.tenant.engine.publishing {
      if old.recordsPerTopicMax != settings.recordsPerTopicMax { stream.limitPerTopicChanged() }
      if old.ageMax != settings.ageMax { stream.ageLimitChanged() }
      if old.retention != settings.retention, settings.retention == .interest {
        stream.dropUnwanted()
      }
      stream.enforceLimits()
    }
    self.tell(.updated(stream))
  }

  /// Deletes a stream, its groups and all its records.
  ///
  /// - Returns: whether there was one of that name.
  @discardableResult
  public func delete(_ name: String) -> Bool {
    guard let stream = self.byName.removeValue(forKey: name) else { return false }
    self.tenant.engine.publishing {
      stream.deleteAllGroups()
      stream.end()
      if self.isKept(stream) {
        self.definitions.forget(name) { self.removeFiles(of: stream.settings) }
      } else {
        self.removeFiles(of: stream.settings)
      }
      self.tell(.deleted(stream))
    }
    return true
  }

  private func store(_ settings: StreamSettings) -> any Store {
    settings.storage == .memory ? self.tenant.memoryStore : self.tenant.store
  }

  private func open(
    _ settings: StreamSettings, createdAt: Int64, isKnown: Bool
  ) throws(EngineError) -> Stream {
    let store = self.store(settings)
    return Stream(
      settings: settings, tenant: self.tenant, createdAt: createdAt,
      log: try store.log(named: Self.logName(settings.name), isKnown: isKnown),
      journal: try store.journal(named: Self.journalName(settings.name), isKnown: isKnown),
      indexJournal: try store.journal(named: Self.indexName(settings.name), isKnown: isKnown))
  }

  private func forget(_ stream: Stream) {
    stream.end()
    self.removeFiles(of: stream.settings)
  }

  private func removeFiles(of settings: StreamSettings) {
    let store = self.store(settings)
    store.remove(named: Self.logName(settings.name))
    store.remove(named: Self.journalName(settings.name))
    store.remove(named: Self.indexName(settings.name))
  }

  private static func logName(_ name: String) -> String { "stream \(name)" }
  private static func indexName(_ name: String) -> String { "index \(name)" }
  private static func journalName(_ name: String) -> String { "groups \(name)" }

  // MARK: Lasting

  private func isKept(_ stream: Stream) -> Bool {
    stream.settings.storage == .file && self.tenant.store.isDurable
  }

  private func write(_ stream: Stream) throws(EngineError) {
    guard self.isKept(stream) else { return }
    try self.definitions.write(Self.definition(of: stream)) {
      self.all.filter(self.isKept).map(Self.definition)
    }
  }

  private static func definition(of stream: Stream) -> Definitions<StreamSettings>.Definition {
    (stream.settings, stream.createdAt)
  }

  /// Makes the streams that the tenant's store has kept, with their records and groups. Once, when
  /// the store is set and the protocols are registered, and before anybody publishes.
  ///
  /// - Returns: the streams that could not be opened, and why. The others work.
  /// - Throws: `storageFailed` when nothing can be read.
  @discardableResult
  public func restore() throws(EngineError) -> [(name: String, error: EngineError)] {
    var failed: [(name: String, error: EngineError)] = []
    for definition in try self.definitions.restore() {
      let name = definition.settings.name
      do {
        let stream = try self.open(
          definition.settings, createdAt: definition.createdAt, isKnown: true)
        stream.log.skip(to: definition.settings.firstOffset)
        try stream.recover()
        try stream.capture()
        self.byName[name] = stream
      } catch {
        failed.append((name, error))
      }
    }
    return failed
  }

  /// Has every stream write down what it knows of its log, so that the next start reads little.
  /// Before an orderly end.
  public func takeSnapshots() {
    for stream in self.byName.values { stream.takeSnapshotIfStale() }
  }

  /// Calls `body` when every definition written so far is as durable as the store promises; or with
  /// the error, when it never will be.
  public func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    self.definitions.whenCommitted(body)
  }
}
