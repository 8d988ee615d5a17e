import GodwitEngine
public import GodwitFrontEndKit
import NIOCore
import NIOHTTP1
import NIOPosix

/// The admin HTTP server and its dashboard, on the loop of the engine, so that what it shows is
/// read where it lives. `docs/admin.md` lists its paths.
///
/// It keeps no connection that costs much: at most 256, small read buffers, 1 MiB of body, 10
/// seconds for a request, one answer at a time. When there are too many, the one that has waited
/// longest makes room.
public final class AdminServer {
  /// The address it got.
  public let address: BoundAddress
  let loop: Loop
  let facts: BrokerFacts
  let limits: AdminLimits
  private(set) var access: AdminAccess?
  let router: AdminRouter
  private(set) var requestGuard: AdminGuard
  let taps: TapDesk
  /// The schema registry; `nil` where there is none.
  let registry: SchemaRegistryDesk?
  /// Requests that were answered, for the metrics.
  var requests: UInt64 = 0
  /// Requests that were refused, for the metrics.
  var refusals: UInt64 = 0
  private let api: AdminAPI
  let audit: AuditLog
  private let channel: any Channel
  private var handlers: [ObjectIdentifier: AdminHandler] = [:]
  /// Connections at this moment.
  var connectionCount: Int { self.handlers.count }

  private init(
    channel: any Channel, address: BoundAddress, parts: Parts
  ) {
    self.channel = channel
    self.address = address
    self.loop = parts.loop
    self.facts = parts.facts
    self.limits = parts.limits
    self.access = parts.access
    self.requestGuard = AdminGuard(hostNames: parts.hostNames, hasAccess: parts.access != nil)
    self.taps = TapDesk(loop: parts.loop, limits: parts.limits)
    self.registry = parts.registry
    self.audit = AuditLog(engine: parts.loop.engine)
    self.api = AdminAPI(
      loop: parts.loop, facts: parts.facts, limits: parts.limits, taps: self.taps,
      audit: self.audit, contributed: parts.routes)
    self.router = AdminRouter(self.api.endpoints + parts.routes.map { AdminEndpoint($0) })
    self.api.server = self
  }

  /// What it is made of.
  struct Parts {
    var loop: Loop
    var facts: BrokerFacts
    var limits: AdminLimits
    var access: AdminAccess?
    var hostNames: [String]
    var routes: [AdminRoute]
    var registry: SchemaRegistryDesk?
  }

  /// Binds the server. Must be called on the loop; the result comes on the loop.
  ///
  /// - Parameters:
  ///   - host: the address to bind. That an open address has `access` is the caller's care.
  ///   - port: the port; 0 for a free one.
  ///   - routes: what the protocols contribute. Where a path is the server's own, its own wins.
  ///   - loop: the loop, with the engine.
  ///   - facts: what is told of the broker as a whole.
  ///   - access: who may use it; `nil` for everyone who can reach it.
  ///   - hostNames: names under which browsers may reach it without `access`, beside `localhost`
  ///     and addresses.
  ///   - limits: bounds on its clients.
  public static func start(
    host: String, port: Int, routes: [AdminRoute], loop: Loop, facts: BrokerFacts,
    access: AdminAccess? = nil, hostNames: [String] = [], limits: AdminLimits = .defaults,
    completion: @escaping (Result<AdminServer, any Error>) -> Void
  ) {
    Self.start(
      host: host, port: port,
      Parts(
        loop: loop, facts: facts, limits: limits, access: access, hostNames: hostNames,
        routes: routes), completion: completion)
  }

  static func start(
    host: String, port: Int, _ parts: Parts,
    completion: @escaping (Result<AdminServer, any Error>) -> Void
  ) {
    let loop = parts.loop
    let slot = Slot()
    let bound = NIOLoopBound((slot, parts, completion), eventLoop: loop.eventLoop)
    ServerBootstrap(group: loop.eventLoop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: 64)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4_096))
      .childChannelOption(.writeBufferWaterMark, value: .init(low: 16_384, high: 65_536))
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let server = bound.value.0.server else { throw ChannelError.ioOnClosedChannel }
          try server.accept(channel)
        }
      }
      .bind(host: host, port: port)
      .whenComplete { result in
        let (slot, parts, completion) = bound.value
        completion(
          result.map { channel in
            let address = BoundAddress(
              host: channel.localAddress?.ipAddress ?? host,
              port: channel.localAddress?.port ?? port)
            let server = AdminServer(channel: channel, address: address, parts: parts)
            slot.server = server
            return server
          })
      }
  }

  /// Where the server stands once it is bound; connections cannot come before. The listening
  /// channel keeps it until it is closed.
  private final class Slot {
    var server: AdminServer?
  }

  /// The settings were read again: from now on every request is judged by these, also on
  /// connections that stand. Taps that are open stay open.
  public func update(access: AdminAccess?, hostNames: [String]) {
    self.access?.forget()
    access?.forget()
    self.access = access
    self.requestGuard = AdminGuard(hostNames: hostNames, hasAccess: access != nil)
  }

  /// Stops listening and ends every connection.
  public func close() {
    self.channel.close(promise: nil)
    for handler in Array(self.handlers.values) { handler.end() }
  }

  private func accept(_ channel: any Channel) throws {
    self.loop.renewTime()
    if self.handlers.count >= self.limits.connectionsMax { self.makeRoom() }
    guard self.handlers.count < self.limits.connectionsMax else {
      throw ChannelError.inputClosed
    }
    var decoder = NIOHTTPDecoderLimitConfiguration()
    decoder.maxHeaderFieldSize = self.limits.headBytesMax
    decoder.maxHeaderListSize = self.limits.headBytesMax
    decoder.maxHeaderFieldCount = 100
    let handler = AdminHandler(server: self)
    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
      withPipeliningAssistance: true, withErrorHandling: true,
      withOutboundHeaderValidation: true, withEncoderConfiguration: .init(),
      withDecoderLimitConfiguration: decoder)
    try channel.pipeline.syncOperations.addHandler(handler)
    self.handlers[ObjectIdentifier(handler)] = handler
  }

  /// Ends whoever has waited longest: those who send slowly, do not read, or stay without asking
  /// must not keep a probe out.
  private func makeRoom() {
    let waiting = self.handlers.values.compactMap { handler in
      handler.yields.map { (order: ($0, handler.since), handler: handler) }
    }
    guard let first = waiting.min(by: { $0.order < $1.order }) else { return }
    self.gone(first.handler)
    first.handler.end()
  }

  func gone(_ handler: AdminHandler) {
    self.handlers[ObjectIdentifier(handler)] = nil
  }
}
