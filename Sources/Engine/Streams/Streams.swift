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
  private let turns = ChangeTurns()
  private var observers: [(owner: ObjectIdentifier, body: (StreamEvent) -> Void)] = []

  init(tenant: Tenant) {
    self.tenant = tenant
    self.definitions = Definitions(tenant: tenant)
    self.definitions.all = { [unowned self] in
      self.all.filter(self.isKept).map { ($0.settings, $0.createdAt) }
    }
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

  /// Whether no change of streams is on its way to the disk.
  public var isSettled: Bool { self.turns.isFree }

  /// Calls `body` when no change of streams is on its way to the disk, at once mostly: for who asks
  /// for one that follows from how things stand.
  public func whenSettled(_ body: @escaping () -> Void) { self.turns.whenFree(body) }

  /// Makes a stream. It is there at once, and is taken back where the disk refuses it.
  ///
  /// - Parameter body: is called when the stream lasts; or with the error, when it is gone again.
  /// - Throws: `alreadyExists`, `invalidSettings`, `quotaExceeded`, `storageFailed`.
  public func create(
    _ settings: StreamSettings, _ body: @escaping (EngineError?) -> Void = { _ in }
  ) throws(EngineError) -> Stream {
    try settings.check()
    guard self.byName[settings.name] == nil else {
      throw EngineError(.alreadyExists, "a stream of that name exists")
    }
    let now = self.tenant.engine.now
    if self.definitions.wasDeleted(settings.name) { self.removeFiles(of: settings) }
    let stream = try self.open(settings, createdAt: now, isKnown: false)
    // Records of one that nobody has deleted are this one's, and stay though it is refused.
    let isAdopted = stream.log.nextOffset > 0
    if settings.firstOffset > 0 { stream.log.skip(to: settings.firstOffset) }
    do {
      if stream.log.count > 0 { try stream.recover() }
      try stream.capture()
    } catch {
      stream.end()
      if !isAdopted { self.removeFiles(of: settings) }
      throw error
    }
    self.byName[settings.name] = stream
    self.tell(.created(stream))
    self.write((settings, now)) { error in
      if error != nil { self.remove(stream, keepsFiles: isAdopted) }
      body(error)
    }
    return stream
  }

  /// Gives a stream other settings. They hold when they are as durable as the store promises; what
  /// exceeds new limits goes then.
  ///
  /// - Parameter body: is called when they hold; or with the error, when they do not.
  /// - Throws: `conflict` where something would change that cannot, `invalidSettings`,
  ///   `quotaExceeded`; where another change is on its way, `body` is told so.
  public func update(
    _ stream: Stream, to settings: StreamSettings,
    _ body: @escaping (EngineError?) -> Void = { _ in }
  ) throws(EngineError) {
    guard self.turns.isFree else {
      return self.turns.whenFree {
        do throws(EngineError) {
          try self.update(stream, to: settings, body)
        } catch {
          body(error)
        }
      }
    }
    try settings.check()
    guard !stream.isDeleted else { throw EngineError(.notFound, "the stream was deleted") }
    try stream.settings.checkUpdate(to: settings)
    var settings = settings
    settings.firstOffset = stream.settings.firstOffset
    let capture =
      stream.settings.patterns == settings.patterns
      ? nil : try StreamCapture(stream, settings.patterns)
    self.write((settings, stream.createdAt)) { error in
      if error == nil {
        self.give(settings, capture, to: stream)
      } else {
        capture?.end()
      }
      body(error)
    }
  }

  private func give(_ settings: StreamSettings, _ capture: StreamCapture?, to stream: Stream) {
    let old = stream.settings
    stream.settings = settings
    if let capture { stream.capture(with: capture) }
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

  /// Deletes a stream, its groups and all its records, when that is as durable as the store
  /// promises.
  ///
  /// - Parameter body: is called when it is gone; or with the error, when it is not.
  /// - Returns: whether there is one of that name; where there is none, `body` is not called.
  @discardableResult
  public func delete(
    _ name: String, _ body: @escaping (EngineError?) -> Void = { _ in }
  ) -> Bool {
    guard let stream = self.byName[name] else { return false }
    self.turns.whenFree {
      guard !stream.isDeleted else {
        return body(EngineError(.notFound, "the stream was deleted"))
      }
      let end = { (error: EngineError?) in
        if error == nil { self.remove(stream) }
        body(error)
      }
      guard self.isKept(stream) else { return end(nil) }
      self.turns.begin()
      self.definitions.forget(name) { error in
        end(error)
        self.turns.end()
      }
    }
    return true
  }

  private func remove(_ stream: Stream, keepsFiles: Bool = false) {
    self.byName[stream.name] = nil
    self.tenant.engine.publishing {
      stream.deleteAllGroups()
      stream.end()
      if !keepsFiles { self.removeFiles(of: stream.settings) }
      self.tell(.deleted(stream))
    }
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

  private func removeFiles(of settings: StreamSettings) {
    let store = self.store(settings)
    store.remove(named: Self.logName(settings.name))
    store.remove(named: Self.journalName(settings.name))
    store.remove(named: Self.indexName(settings.name))
  }

  private static func logName(_ name: String) -> String { "stream \(name)" }

  /// Whose log has that name.
  static func stream(ofLog name: String) -> String? {
    let front = Self.logName("")
    return name.hasPrefix(front) ? String(name.dropFirst(front.count)) : nil
  }

  private static func indexName(_ name: String) -> String { "index \(name)" }
  private static func journalName(_ name: String) -> String { "groups \(name)" }

  // MARK: Lasting

  private func isKept(_ stream: Stream) -> Bool { self.isKept(stream.settings) }

  private func isKept(_ settings: StreamSettings) -> Bool {
    settings.storage == .file && self.tenant.store.isDurable
  }

  /// Writes a definition down, where it is to last; others wait until it does.
  private func write(
    _ definition: Definitions<StreamSettings>.Definition,
    _ body: @escaping (EngineError?) -> Void
  ) {
    guard self.isKept(definition.settings) else { return body(nil) }
    self.turns.begin()
    self.definitions.define(definition) { error in
      body(error)
      self.turns.end()
    }
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
}
