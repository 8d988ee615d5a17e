import Crypto
import Glibc
import GodwitEngine
import GodwitFrontEndKit
import Logging
import NIOCore
import NIOPosix

/// The broker on its loop: engine, front ends, listeners. Confined to the loop.
final class BrokerCore {
  let loop: Loop
  let logger: Logger
  let facts: BrokerFacts
  let access: AccessControl
  /// What the process was started with; what cannot change while running stays as it is here.
  let started: BrokerSettings
  /// What holds today.
  var settings: BrokerSettings
  private(set) var frontEnds: [any FrontEnd] = []
  private(set) var listeners: [Listener] = []
  private(set) var admin: AdminServer?
  /// Where passwords are hashed. It has a thread as soon as there is somebody to ask.
  private let pool = NIOThreadPool(numberOfThreads: 1)
  let desk: PasswordDesk
  /// Blinds what the authenticators remember of credentials; one for the life of the process.
  private let accessKey = SymmetricKey(size: .bits256)
  let adminLogin: AdminLogin
  let adminAccess: AdminAccess
  private var isStopping = false
  private var stores: DataStores?
  private let partitionLoops: BesideLoops
  private let time: TimeFollower
  private let spareMemory: SpareMemory

  /// Makes everything and binds nothing.
  ///
  /// - Throws: `SettingsError` when a value makes no sense.
  init(_ settings: BrokerSettings, loop: Loop, logger: Logger) throws(SettingsError) {
    self.started = settings
    self.settings = settings
    self.loop = loop
    self.logger = logger
    self.time = TimeFollower(loop, logger: logger)
    self.spareMemory = SpareMemory(loop)
    let closed = try AccessRules(
      SettingsValues(path: "access", checked: [:]), moreUsers: [], isAnonymousAllowed: false,
      spelling: [])
    self.desk = PasswordDesk(eventLoop: loop.eventLoop, pool: self.pool)
    self.access = AccessControl(
      BrokerAuthenticator(
        closed, engine: loop.engine, desk: self.desk, key: self.accessKey,
        directory: UserDirectory()))
    self.access.users.hasUsers = { [pool] in pool.start() }
    let server = settings.file["server"]
    self.partitionLoops = BesideLoops(
      beside: loop, count: Self.partitionLoopCount(server.int("partition_loops")))
    loop.engine.partitionLoops = self.partitionLoops
    self.facts = BrokerFacts(
      serverName: server.text("name"), version: BrokerServer.version, startedAt: loop.engine.now)
    self.facts.passwords = self.desk
    let login = AdminLogin(settings, eventLoop: loop.eventLoop, pool: self.pool)
    self.adminLogin = login
    self.adminAccess = AdminAccess(check: login.check)
    let context = FrontEndContext(
      loop: loop, access: self.access, logger: logger, serverName: server.text("name"),
      version: BrokerServer.version, groupNames: GroupNames(areJoined: server.bool("join_groups")))
    for type in FrontEnds.all {
      self.frontEnds.append(try type.init(context, values: settings.file[type.name]))
    }
    self.facts.frontEnds = self.frontEnds
    self.loop.engine.deadLetterRules = try self.deadLetterRules(of: settings)
    self.admit(by: try self.rules(of: settings), settings)
  }

  // MARK: Settings that can change

  /// Compiles who gets in, and what they may do.
  func rules(of settings: BrokerSettings) throws(SettingsError) -> AccessRules {
    try AccessRules(
      settings.file["access"], moreUsers: settings.moreUsers,
      isAnonymousAllowed: settings.isAnonymousAllowed, spelling: self.frontEnds)
  }

  /// Where records go that groups give up.
  func deadLetterRules(of settings: BrokerSettings) throws(SettingsError) -> [DeadLetterRule] {
    try DeadLetterSettings.rules(
      settings.file["dead_letters"], spelling: self.frontEnds, limits: self.loop.engine.limits)
  }

  /// Lets people in by `rules` from now on.
  func admit(by rules: AccessRules, _ settings: BrokerSettings) {
    if !rules.users.isEmpty || settings.adminAsks { self.pool.start() }
    self.access.users.reserved = Set(rules.users.keys)
    self.access.authenticator = BrokerAuthenticator(
      rules, engine: self.loop.engine, desk: self.desk, key: self.accessKey,
      directory: self.access.users)
    self.access.defaultTenant = rules.tenant
    self.adminLogin.take(settings)
    self.admin?.update(
      access: settings.adminAsks ? self.adminAccess : nil,
      hostNames: settings.file["admin"].texts("host_names"))
    self.facts.notices = settings.notices
    self.facts.limits = settings.statedLimits
  }

  // MARK: Starting

  /// Addresses by listener, in the order of the settings, `admin` last.
  var addresses: [BrokerServer.Address] {
    self.listeners.map { BrokerServer.Address(name: $0.settings.name, address: $0.address) }
      + (self.admin.map { [BrokerServer.Address(name: "admin", address: $0.address)] } ?? [])
  }

  /// Binds the admin server and one listener after the other; the first failure closes those before
  /// it.
  func start(completion: @escaping (BrokerError?) -> Void) {
    if let folder = self.started.dataFolder {
      let stores = DataStores(
        folder: folder, loop: self.loop, settings: self.settings.store,
        writerCount: self.writerCount, logger: self.logger)
      self.stores = stores
      do {
        try stores.open()
      } catch {
        return self.abandon { completion(error) }
      }
      for frontEnd in self.frontEnds { frontEnd.restore() }
    }
    var registry: SchemaRegistryDesk?
    if self.settings.hasSchemaRegistry {
      do throws(BrokerError) {
        registry = try SchemaRegistryDesk(self.loop.engine.tenant(named: "default"))
      } catch {
        return self.abandon { completion(error) }
      }
    }
    guard let admin = self.settings.admin else {
      self.bind(self.settings.listeners[...], completion: completion)
      return
    }
    AdminServer.start(
      host: admin.host, port: admin.port,
      AdminServer.Parts(
        loop: self.loop, facts: self.facts, limits: .defaults,
        access: self.settings.adminAsks ? self.adminAccess : nil,
        hostNames: self.settings.file["admin"].texts("host_names"),
        routes: self.frontEnds.flatMap(\.adminRoutes), registry: registry)
    ) { result in
      switch result {
      case .success(let server):
        self.admin = server
        self.bind(self.settings.listeners[...], completion: completion)
      case .failure(let error):
        let address = BoundAddress(host: admin.host, port: admin.port)
        self.abandon { completion(.cannotListen("admin=\(address)", error)) }
      }
    }
  }

  private func bind(
    _ rest: ArraySlice<ListenerAddress>, completion: @escaping (BrokerError?) -> Void
  ) {
    guard let next = rest.first else {
      self.serve()
      completion(nil)
      return
    }
    guard
      let frontEnd = self.frontEnds.first(where: { type(of: $0).name == next.protocolName })
    else {
      let error = BrokerError("there is no protocol called \(next.protocolName)")
      return self.abandon { completion(error) }
    }
    guard !next.transport.isWebSocket || frontEnd.webSocket != nil else {
      let error = BrokerError("\(next): \(next.protocolName) does not travel over WebSocket")
      return self.abandon { completion(error) }
    }
    let limits = self.settings.file["limits"]
    let settings = ListenerSettings(
      name: next.name, host: next.host, port: next.port, transport: next.transport,
      tls: self.settings.tls, verifiesClients: self.settings.verifiesClients,
      connectionsMax: limits.int("connections_max"),
      connectionsPerAddressMax: limits.int("connections_per_address_max"))
    Listener.bind(settings, frontEnd: frontEnd, loop: self.loop) { result in
      switch result {
      case .success(let listener):
        self.listeners.append(listener)
        self.bind(rest.dropFirst(), completion: completion)
      case .failure(let error):
        self.abandon { completion(.cannotListen("\(next)", error)) }
      }
    }
  }

  private func serve() {
    for frontEnd in self.frontEnds {
      let name = type(of: frontEnd).name
      var own: [Transport: BoundAddress] = [:]
      for (planned, listener) in zip(self.settings.listeners, self.listeners)
      where planned.protocolName == name && own[planned.transport] == nil {
        own[planned.transport] = listener.address
      }
      frontEnd.started(listeners: own)
      if let admin = self.admin { frontEnd.started(admin: admin.address) }
    }
    self.facts.listeners = self.addresses.map { .init(name: $0.name, address: $0.address) }
    self.facts.state = .serving
    self.time.start()
    self.spareMemory.start()
    for notice in self.facts.notices { self.logger.warning("\(notice)") }
  }

  // MARK: Stopping

  /// Gives up before anything was served. What the start has begun to write is waited for, since it
  /// needs the engine.
  func abandon(completion: @escaping () -> Void = {}) {
    self.closeListeners()
    let end = {
      self.end()
      completion()
    }
    guard let stores = self.stores else { return end() }
    stores.abandon(end)
  }

  private func closeListeners() {
    for listener in self.listeners { listener.close() }
  }

  private func end() {
    self.admin?.close()
    self.time.stop()
    self.spareMemory.stop()
    self.loop.stop()
    self.partitionLoops.stop()
    self.pool.shutdownGracefully { _ in }
  }

  /// Where there is one processor, others would write no sooner, and later from a colder cache.
  private var writerCount: Int {
    ProcessLimits.processorCount > 1 ? self.partitionLoops.count : 0
  }

  private static func partitionLoopCount(_ wanted: Int) -> Int {
    wanted > 0 ? wanted : max(1, min(8, ProcessLimits.processorCount - 1))
  }

  /// Accepts nobody any more, lets the protocols say farewell, ends all connections after the grace
  /// period at the latest, and calls `completion` once.
  func stop(completion: @escaping () -> Void) {
    guard !self.isStopping else { return }
    self.isStopping = true
    self.facts.state = .draining
    self.closeListeners()
    var waiting = self.frontEnds.count
    var isOver = false
    let finish = {
      guard !isOver else { return }
      isOver = true
      self.endConnections(completion: completion)
    }
    let grace = self.settings.file["server"].double("shutdown_grace_seconds")
    self.loop.eventLoop.assumeIsolated()
      .scheduleTask(in: .nanoseconds(Int64(grace * 1_000_000_000)), finish)
    for frontEnd in self.frontEnds {
      frontEnd.drain {
        waiting -= 1
        if waiting == 0 { finish() }
      }
    }
  }

  /// Ends what is left; a peer that does not go within three seconds is cut.
  private func endConnections(completion: @escaping () -> Void) {
    for connection in self.loop.connections.all { connection.session.evict(.shutdown) }
    self.loop.flushDirty()
    self.awaitConnections(roundsLeft: 300, completion: completion)
  }

  private func awaitConnections(roundsLeft: Int, completion: @escaping () -> Void) {
    if self.loop.connections.count == 0 || roundsLeft == 0 {
      for connection in self.loop.connections.all { connection.abort(.shutdown) }
      let finish = {
        self.end()
        completion()
      }
      if let stores = self.stores { stores.close(finish) } else { finish() }
      return
    }
    self.loop.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(10)) {
      self.awaitConnections(roundsLeft: roundsLeft - 1, completion: completion)
    }
  }
}

extension BrokerError {
  /// A listener that could not be bound.
  static func cannotListen(_ listener: String, _ error: any Error) -> BrokerError {
    guard let error = error as? IOError else {
      return BrokerError("cannot listen on \(listener): \(error)")
    }
    switch error.errnoCode {
    case EADDRINUSE: return BrokerError("cannot listen on \(listener): the port is taken")
    case EACCES: return BrokerError("cannot listen on \(listener): not permitted")
    case EADDRNOTAVAIL:
      return BrokerError("cannot listen on \(listener): this machine does not have the address")
    default: return BrokerError("cannot listen on \(listener): \(error)")
    }
  }
}
