import Godwit
import NIOCore
import NIOPosix
import NIOSSL

/// Makes one connection.
struct Dialer {
  let settings: LinkSettings
  let endpoint: Endpoint

  /// Connects; `handler` is told when the protocol may begin.
  ///
  /// - Parameter failed: is called when there will be no connection.
  func connect(
    on loop: any EventLoop, handler: LinkHandler, context: NIOSSLContext?,
    failed: @escaping (any Error) -> Void
  ) {
    let bound = NIOLoopBound(handler, eventLoop: loop)
    let dialer = self
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(TimeAmount(self.settings.connectTimeout))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let context {
            try pipeline.addHandler(dialer.settings.tls.makeHandler(context, for: dialer.endpoint))
          }
          if let path = dialer.endpoint.webSocketPath {
            try WebSocketClient.add(to: channel, path: path, endpoint: dialer.endpoint) { error in
              bound.value.refused(error)
            } upgraded: {
              try channel.pipeline.syncOperations.addHandler(bound.value)
            }
          } else {
            try pipeline.addHandler(bound.value)
          }
        }
      }
    bootstrap.connect(host: self.endpoint.host, port: self.endpoint.port)
      .assumeIsolated().whenComplete { result in
        switch result {
        case .failure(let error): failed(error)
        case .success(let channel):
          // Before the handler is there, nobody else would tell.
          channel.closeFuture.assumeIsolated().whenComplete { _ in
            failed(GodwitError(.disconnected, "the server closed the connection"))
          }
        }
      }
  }
}
