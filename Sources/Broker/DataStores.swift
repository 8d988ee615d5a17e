import GodwitEngine
import GodwitFrontEndKit
import GodwitStorage
import Logging
import NIOCore
import NIOPosix

/// The data folder's stores, one for each tenant, in `tenants/NAME`. Confined to the loop.
final class DataStores {
  private let folder: String
  private let loop: Loop
  private let logger: Logger
  private let settings: StoreSettings
  private let threads = NIOThreadPool(numberOfThreads: 2)
  private let writers: BesideLoops?
  private let disk: PosixDisk
  private var stores: [String: FileStore] = [:]

  /// - Parameter writerCount: on how many other event loops logs are written, where that is much.
  init(folder: String, loop: Loop, settings: StoreSettings, writerCount: Int, logger: Logger) {
    self.folder = folder
    self.loop = loop
    self.logger = logger
    self.settings = settings
    self.writers = writerCount > 0 ? BesideLoops(beside: loop, count: writerCount) : nil
    // The other half is for connections, and for logs that grow.
    self.disk = PosixDisk(
      eventLoop: loop.eventLoop, threads: self.threads, writers: self.writers,
      filesMax: ProcessLimits.openFiles.map { $0 / 2 } ?? .max)
  }

  /// Opens what is there, and gives every tenant that comes a store.
  ///
  /// - Throws: `BrokerError` when something cannot be read: a broker that does not know what it was
  ///   trusted with serves nobody.
  func open() throws(BrokerError) {
    self.threads.start()
    let engine = self.loop.engine
    engine.tenantWasMade = { [unowned self] tenant in
      do {
        try self.open(tenant)
      } catch {
        self.logger.error("the store of \(tenant.name): \(error)")
        tenant.store = RefusingStore(reason: "\(error)")
      }
    }
    var names: [String] = []
    do {
      try self.disk.makeFolder("\(self.folder)/tenants")
      names = try self.disk.list("\(self.folder)/tenants")
    } catch {
      throw BrokerError("the data folder: \(error)")
    }
    for name in names.compactMap(FileName.unescape) {
      let tenant = engine.tenant(named: name)
      if let refusing = tenant.store as? RefusingStore {
        throw BrokerError("the data of \(name): \(refusing.reason)")
      }
    }
    for tenant in engine.tenants where self.stores[tenant.name] == nil {
      do {
        try self.open(tenant)
      } catch {
        throw BrokerError("the data of \(tenant.name): \(error)")
      }
    }
  }

  private func open(_ tenant: Tenant) throws {
    let logger = self.logger
    let eventLoop = self.loop.eventLoop
    let store = try FileStore(
      folder: "\(self.folder)/tenants/\(FileName.escape(tenant.name))", disk: self.disk,
      engine: self.loop.engine, settings: self.settings,
      atTurnEnd: { body in eventLoop.assumeIsolated().execute(body) },
      report: { report in
        switch report.kind {
        case .cut: logger.notice("\(report)")
        case .damaged, .failed: logger.error("\(report)")
        }
      })
    self.stores[tenant.name] = store
    tenant.store = store
    tenant.streams.report = { [unowned tenant] stream, message in
      logger.error("the stream \(stream.name) of \(tenant.name): \(message)")
    }
    for (name, error) in try tenant.streams.restore() {
      self.logger.error("the stream \(name) of \(tenant.name) cannot be opened: \(error.message)")
    }
    for (name, error) in try tenant.partitionedTopics.restore() {
      self.logger.error("the topic \(name) of \(tenant.name) cannot be opened: \(error.message)")
    }
    try tenant.cursors.restore()
    try tenant.restoreMessages()
  }

  /// Writes and syncs everything, and calls `done`.
  func close(_ done: @escaping () -> Void) {
    for name in self.stores.keys { self.loop.engine.tenant(named: name).streams.takeSnapshots() }
    self.abandon(done)
  }

  /// As `close`, of a broker that has not served: nothing is summed up that may not be whole.
  func abandon(_ done: @escaping () -> Void) {
    var left = self.stores.count + 1
    let one = {
      left -= 1
      guard left == 0 else { return }
      self.writers?.stop()
      self.threads.shutdownGracefully { _ in }
      done()
    }
    for store in self.stores.values { store.close(one) }
    one()
  }
}

/// The store of a tenant whose folder cannot be used.
private final class RefusingStore: Store {
  let reason: String
  var isDurable: Bool { false }

  init(reason: String) { self.reason = reason }

  func log(named name: String, isKnown: Bool) throws(EngineError) -> any Log {
    throw EngineError(.storageFailed, self.reason)
  }

  func journal(named name: String, isKnown: Bool) throws(EngineError) -> any Journal {
    throw EngineError(.storageFailed, self.reason)
  }

  func remove(named name: String) {}
}
