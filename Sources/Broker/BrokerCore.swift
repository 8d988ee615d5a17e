import Glibc
import GodwitEngine
import GodwitFrontEndKit
import Logging
import NIOCore

/// The broker on its loop: engine, front ends, listeners.
final class BrokerCore {
  let loop: Loop
  let logger: Logger
  private(set) var settings: BrokerSettings
  private(set) var frontEnds: [any FrontEnd] = []
  private(set) var listeners: [Listener] = []
  private(set) var admin: AdminServer?
  private let facts: BrokerFacts
  private let access: AccessControl
  private var isStopping = false

  init(_ settings: BrokerSettings, loop: Loop, logger: Logger) throws {
    self.settings = settings
    self.loop = loop
    self.logger = logger
    self.access = AccessControl(OpenAccess(engine: loop.engine))
    self.facts = BrokerFacts(
      serverName: settings.serverName, version: Broker.version, startedAt: loop.engine.now)
    let context = FrontEndContext(
      loop: loop, access: self.access, logger: logger, serverName: settings.serverName,
      version: Broker.version, groupNames: GroupNames(areJoined: settings.joinsGroups))
    for type in FrontEnds.all {
      let values = settings.frontEnds[type.name] ?? SettingsValues(defaultsOf: type.settings)
      self.frontEnds.append(try type.init(context, values: values))
    }
    self.facts.frontEnds = self.frontEnds
  }

  /// Addresses by listener, in the order of the settings, `admin` last.
  var addresses: [Broker.Address] {
    self.listeners.map { Broker.Address(name: $0.settings.name, address: $0.address) }
      + (self.admin.map { [Broker.Address(name: "admin", address: $0.address)] } ?? [])
  }

  // MARK: Starting

  /// Binds the admin server and one listener after the other; the first failure closes those before
  /// it.
  func start(completion: @escaping (BrokerError?) -> Void) {
    guard let admin = self.settings.admin else {
      self.bind(self.settings.listeners[...], completion: completion)
      return
    }
    AdminServer.start(
      host: admin.host, port: admin.port, routes: self.frontEnds.flatMap(\.adminRoutes),
      loop: self.loop, facts: self.facts
    ) { result in
      switch result {
      case .success(let server):
        self.admin = server
        self.bind(self.settings.listeners[...], completion: completion)
      case .failure(let error):
        let address = BoundAddress(host: admin.host, port: admin.port)
        completion(.cannotListen("admin=\(address)", error))
      }
    }
  }

  private func bind(
    _ rest: ArraySlice<ListenerAddress>, completion: @escaping (BrokerError?) -> Void
  ) {
    guard let next = rest.first else {
      self.tellFrontEnds()
      self.facts.listeners = self.addresses.map { .init(name: $0.name, address: $0.address) }
      self.facts.state = .serving
      completion(nil)
      return
    }
    guard
      let frontEnd = self.frontEnds.first(where: { type(of: $0).name == next.protocolName })
    else {
      self.abandon()
      completion(BrokerError("there is no protocol called \(next.protocolName)"))
      return
    }
    let settings = ListenerSettings(
      name: next.name, host: next.host, port: next.port, transport: next.transport, tls: nil,
      connectionsMax: self.settings.connectionsMax,
      connectionsPerAddressMax: self.settings.connectionsPerAddressMax)
    Listener.bind(settings, frontEnd: frontEnd, loop: self.loop) { result in
      switch result {
      case .success(let listener):
        self.listeners.append(listener)
        self.bind(rest.dropFirst(), completion: completion)
      case .failure(let error):
        self.abandon()
        completion(.cannotListen("\(next)", error))
      }
    }
  }

  private func tellFrontEnds() {
    for frontEnd in self.frontEnds {
      let name = type(of: frontEnd).name
      var own: [Transport: BoundAddress] = [:]
      for (planned, listener) in zip(self.settings.listeners, self.listeners)
      where planned.protocolName == name && own[planned.transport] == nil {
        own[planned.transport] = listener.address
      }
      frontEnd.started(listeners: own)
    }
  }

  // MARK: Stopping

  private func abandon() {
    self.closeListeners()
    self.admin?.close()
    self.loop.stop()
  }

  private func closeListeners() {
    for listener in self.listeners { listener.close() }
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
    self.loop.eventLoop.assumeIsolated().scheduleTask(
      in: .nanoseconds(Int64(self.settings.shutdownGraceSeconds * 1_000_000_000)), finish)
    for frontEnd in self.frontEnds {
      frontEnd.drain {
        waiting -= 1
        if waiting == 0 { finish() }
      }
    }
    if self.frontEnds.isEmpty { finish() }
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
      self.admin?.close()
      self.loop.stop()
      completion()
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
