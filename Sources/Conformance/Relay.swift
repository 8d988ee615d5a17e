import NIOCore
import NIOPosix
import Synchronization

/// Stands between clients and a server, on a port of its own of this machine, and can fall silent
/// or break the connections that it carries.
final class Relay: Sendable {
  /// What of a connection is no longer passed on.
  enum Silence: Int, Sendable {
    case none
    /// What the server says.
    case ofServer
    /// What either says, its end too: the connection is half open to both.
    case ofBoth
  }

  fileprivate final class Pair: Sendable {
    private let silenced = Atomic(Silence.none.rawValue)
    fileprivate let channels = Mutex<[any Channel]>([])

    var silence: Silence {
      get { Silence(rawValue: self.silenced.load(ordering: .relaxed)) ?? .none }
      set { self.silenced.store(newValue.rawValue, ordering: .relaxed) }
    }

    func close() {
      for channel in self.channels.withLock({ $0 }) { channel.close(promise: nil) }
    }
  }

  private let listener: any Channel
  private let pairs: Pairs

  fileprivate final class Pairs: Sendable {
    let all = Mutex<[Pair]>([])
    let cue = Mutex<(silence: Silence, words: String)?>(nil)
    let heard = Atomic(false)

    /// Falls silent when these are the words for it.
    func hear(_ bytes: ByteBuffer, _ pair: Pair) {
      guard let cue = self.cue.withLock({ $0 }), String(buffer: bytes).contains(cue.words) else {
        return
      }
      self.heard.store(true, ordering: .relaxed)
      pair.silence = cue.silence
    }
  }

  /// The host it listens at.
  var host: String { "127.0.0.1" }
  /// The port it listens at.
  var port: Int { self.listener.localAddress?.port ?? 0 }

  /// A relay to a server.
  init(host: String, port: Int) async throws {
    let pairs = Pairs()
    self.pairs = pairs
    self.listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { client in
        let pair = Pair()
        pairs.all.withLock { $0.append(pair) }
        return ClientBootstrap(group: client.eventLoop)
          // Until the client can be told.
          .channelOption(.autoRead, value: false)
          .channelInitializer { server in
            server.eventLoop.makeCompletedFuture {
              try server.pipeline.syncOperations.addHandler(
                RelayHandler(pair, pairs: nil, peer: client))
            }
          }
          .connect(host: host, port: port)
          .flatMapThrowing { server in
            pair.channels.withLock { $0 = [client, server] }
            try client.pipeline.syncOperations.addHandler(
              RelayHandler(pair, pairs: pairs, peer: server))
          }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  /// Passes no longer on what is said on the connections of now. Later ones are not meant.
  func fallSilent(_ silence: Silence) {
    for pair in self.pairs.all.withLock({ $0 }) { pair.silence = silence }
  }

  /// Passes no longer on what is said on a connection whose client says these words in one go.
  func fallSilent(_ silence: Silence, when words: String) {
    self.pairs.cue.withLock { $0 = (silence, words) }
  }

  /// Says with `hasHeard` whether a client says these words in one go.
  func listen(for words: String) {
    self.fallSilent(.none, when: words)
  }

  /// Whether a client has said the words that were listened for.
  var hasHeard: Bool { self.pairs.heard.load(ordering: .relaxed) }

  /// Breaks the connections of now.
  func cut() {
    for pair in self.pairs.all.withLock({ $0 }) { pair.close() }
  }

  /// Ends it, and everything it carries.
  func close() async {
    try? await self.listener.close().get()
    self.cut()
  }
}

private final class RelayHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let pair: Relay.Pair
  /// Of a client: who listens to what it says.
  private let pairs: Relay.Pairs?
  private let peer: any Channel

  init(_ pair: Relay.Pair, pairs: Relay.Pairs?, peer: any Channel) {
    self.pair = pair
    self.pairs = pairs
    self.peer = peer
  }

  func channelActive(context: ChannelHandlerContext) {
    if self.pairs != nil { _ = self.peer.setOption(.autoRead, value: true) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = self.unwrapInboundIn(data)
    self.pairs?.hear(bytes, self.pair)
    switch self.pair.silence {
    case .ofBoth: return
    case .ofServer where self.pairs == nil: return
    default: self.peer.writeAndFlush(bytes, promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if self.pair.silence != .ofBoth { self.peer.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
