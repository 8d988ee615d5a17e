import NIOCore
import NIOPosix
public import NIOSSL

/// What a listener is to do.
public struct ListenerSettings {
  /// The listener's name, such as `mqtt-ws`.
  public var name: String
  /// The address to bind, without port.
  public var host: String
  /// The port; 0 for a free one.
  public var port: Int
  /// What carries the bytes.
  public var transport: Transport
  /// The certificate, for encrypted transports and for protocols that upgrade.
  public var tls: NIOSSLContext?
  /// Whether a client must show a certificate, so that a protocol can say so.
  public var verifiesClients: Bool
  /// The most connections in the process; further ones are turned away.
  public var connectionsMax: Int
  /// The most connections from one address; 0 for no such limit.
  public var connectionsPerAddressMax: Int

  /// A listener.
  public init(
    name: String, host: String, port: Int, transport: Transport, tls: NIOSSLContext?,
    verifiesClients: Bool = false, connectionsMax: Int, connectionsPerAddressMax: Int
  ) {
    self.name = name
    self.host = host
    self.port = port
    self.transport = transport
    self.tls = tls
    self.verifiesClients = verifiesClients
    self.connectionsMax = connectionsMax
    self.connectionsPerAddressMax = connectionsPerAddressMax
  }
}

/// A bound server socket that gives each connection to a front end.
public final class Listener {
  /// What it was told.
  public let settings: ListenerSettings
  /// The address it got.
  public let address: BoundAddress
  private let channel: any Channel
  private let acceptor: Acceptor

  private init(
    settings: ListenerSettings, address: BoundAddress, channel: any Channel, acceptor: Acceptor
  ) {
    self.settings = settings
    self.address = address
    self.channel = channel
    self.acceptor = acceptor
  }

  /// Offers another certificate to those who come from now on.
  public func replaceTLS(_ tls: NIOSSLContext?, verifiesClients: Bool) {
    self.acceptor.settings.tls = tls
    self.acceptor.settings.verifiesClients = verifiesClients
  }

  /// Stops accepting. Connections that stand are left alone.
  public func close() {
    self.channel.close(promise: nil)
  }

  /// Binds a listener. Must run on the loop; the result comes on the loop.
  public static func bind(
    _ settings: ListenerSettings, frontEnd: any FrontEnd, loop: Loop,
    completion: @escaping (Result<Listener, any Error>) -> Void
  ) {
    let accept = NIOLoopBound(
      Acceptor(settings: settings, frontEnd: frontEnd, loop: loop), eventLoop: loop.eventLoop)
    let shared = SharedReceiveAllocator(loop.receiveBuffer)
    let answer = NIOLoopBound(completion, eventLoop: loop.eventLoop)
    let answered = NIOLoopBound(settings, eventLoop: loop.eventLoop)
    ServerBootstrap(group: loop.eventLoop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: 4096)
      .serverChannelOption(.maxMessagesPerRead, value: 64)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(
        .writeBufferWaterMark, value: .init(low: 65_536, high: 262_144)
      )
      .childChannelOption(.recvAllocator, value: shared)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try accept.value.accept(channel) }
      }
      .bind(host: settings.host, port: settings.port)
      .whenComplete { result in
        answer.value(
          result.map { channel in
            let bound = BoundAddress(
              host: channel.localAddress?.ipAddress ?? answered.value.host,
              port: channel.localAddress?.port ?? answered.value.port)
            return Listener(
              settings: answered.value, address: bound, channel: channel, acceptor: accept.value)
          })
      }
  }
}

/// Sets one accepted channel up.
private final class Acceptor {
  var settings: ListenerSettings
  private let frontEnd: any FrontEnd
  private let loop: Loop
  private let name: String

  init(settings: ListenerSettings, frontEnd: any FrontEnd, loop: Loop) {
    self.settings = settings
    self.frontEnd = frontEnd
    self.loop = loop
    self.name = type(of: frontEnd).name
  }

  func accept(_ channel: any Channel) throws {
    self.loop.renewTime()
    let remote = channel.remoteAddress
    var peer = PeerInfo(
      address: remote?.ipAddress ?? "", port: remote?.port ?? 0,
      transport: self.settings.transport, listener: self.settings.name)
    let beginsClear = self.settings.transport == .tls && self.frontEnd.beginsTLSItself
    if beginsClear { peer.isEncrypted = false }
    peer.mustShowCertificate = self.settings.tls != nil && self.settings.verifiesClients
    let table = self.loop.connections
    let perAddress = self.settings.connectionsPerAddressMax
    guard table.count < self.settings.connectionsMax,
      perAddress == 0 || table.count(from: peer.address) < perAddress
    else {
      table.refused &+= 1
      try self.turnAway(channel)
      return
    }
    let connection = Connection(
      loop: self.loop, frontEndName: self.name, peer: peer,
      tls: beginsClear || (self.settings.transport == .tcp && self.frontEnd.upgradesToTLS)
        ? self.settings.tls.map { TLSUpgrade(context: $0) } : nil,
      handshakeSeconds: self.frontEnd.handshakeSeconds)
    connection.session = self.frontEnd.makeSession(for: connection)
    do {
      try self.addHandlers(to: channel, connection, beginsClear: beginsClear)
    } catch {
      // It may never hear of its end, where it would let its session go.
      connection.finish()
      throw error
    }
  }

  private func addHandlers(
    to channel: any Channel, _ connection: Connection, beginsClear: Bool
  ) throws {
    let pipeline = channel.pipeline.syncOperations
    if self.settings.transport.isEncrypted, !beginsClear {
      guard let tls = self.settings.tls else { throw ChannelError.operationUnsupported }
      try pipeline.addHandler(NIOSSLServerHandler(context: tls))
    }
    if self.settings.transport.isWebSocket, let rules = self.frontEnd.webSocket {
      try WebSocketPipeline.add(
        to: channel, rules: rules, connection: connection, loop: self.loop,
        handshakeSeconds: self.frontEnd.handshakeSeconds)
    } else {
      try pipeline.addHandler(connection)
    }
  }

  /// One too many: the protocol's farewell, where the bytes can be read without a handshake.
  private func turnAway(_ channel: any Channel) throws {
    let farewell = self.frontEnd.farewellWhenFull
    try channel.pipeline.syncOperations.addHandler(
      TurnAway(farewell: self.settings.transport == .tcp ? farewell : []))
  }
}

/// Says farewell and closes.
private final class TurnAway: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let farewell: [UInt8]

  init(farewell: [UInt8]) {
    self.farewell = farewell
  }

  func channelActive(context: ChannelHandlerContext) {
    if !self.farewell.isEmpty {
      context.writeAndFlush(
        self.wrapOutboundOut(ByteBuffer(bytes: self.farewell)), promise: nil)
    }
    context.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
