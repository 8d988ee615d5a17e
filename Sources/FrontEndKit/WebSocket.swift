import GodwitEngine
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// How a protocol travels in WebSocket frames (RFC 6455).
public struct WebSocketRules: Hashable, Sendable {
  /// The paths that are served; empty for any.
  public var paths: [String]
  /// The sub-protocols that are spoken, in the server's order; the first that the client names is
  /// chosen.
  public var subprotocols: [String]
  /// Whether a client must name one of them.
  public var requiresSubprotocol: Bool
  /// The largest frame's payload, in bytes.
  public var frameBytesMax: Int

  /// Rules.
  public init(
    paths: [String], subprotocols: [String], requiresSubprotocol: Bool, frameBytesMax: Int
  ) {
    self.paths = paths
    self.subprotocols = subprotocols
    self.requiresSubprotocol = requiresSubprotocol
    self.frameBytesMax = frameBytesMax
  }
}

/// Puts HTTP, the upgrade and WebSocket framing under a connection.
enum WebSocketPipeline {
  static func add(
    to channel: any Channel, rules: WebSocketRules, connection: Connection, loop: Loop,
    handshakeSeconds: Double
  ) throws {
    let bound = NIOLoopBound(connection, eventLoop: loop.eventLoop)
    let deadline = channel.eventLoop.scheduleTask(
      in: .nanoseconds(Int64(handshakeSeconds * 1_000_000_000))
    ) { bound.value.close(.authenticationTimeout) }
    let upgrader = NIOWebSocketServerUpgrader(
      maxFrameSize: rules.frameBytesMax, automaticErrorHandling: true,
      shouldUpgrade: { channel, head in
        channel.eventLoop.makeSucceededFuture(Self.answer(to: head, rules))
      },
      upgradePipelineHandler: { channel, _ in
        channel.eventLoop.makeCompletedFuture {
          deadline.cancel()
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(WebSocketBytes())
          try pipeline.addHandler(bound.value)
        }
      })
    let refusal = HTTPRefusal()
    let boundRefusal = NIOLoopBound(refusal, eventLoop: loop.eventLoop)
    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
      withPipeliningAssistance: false,
      withServerUpgrade: (
        upgraders: [upgrader],
        completionHandler: { context in
          context.pipeline.syncOperations.removeHandler(boundRefusal.value, promise: nil)
        }
      ), withErrorHandling: true)
    try channel.pipeline.syncOperations.addHandler(refusal)
    channel.closeFuture.whenComplete { _ in deadline.cancel() }
    connection.awaitHandshake(on: channel)
  }

  /// The headers to accept with, or `nil` to refuse.
  static func answer(to head: HTTPRequestHead, _ rules: WebSocketRules) -> HTTPHeaders? {
    let path = head.uri.prefix { $0 != "?" }
    guard rules.paths.isEmpty || rules.paths.contains(String(path)) else { return nil }
    // NIO's upgrade handler waits for a body's end, and holds itself should that never come.
    guard !head.headers.contains(name: "transfer-encoding"),
      head.headers["content-length"].allSatisfy({ $0 == "0" })
    else { return nil }
    let offered = head.headers[canonicalForm: "sec-websocket-protocol"].map(String.init)
    let chosen = rules.subprotocols.first { offered.contains($0) }
    guard chosen != nil || !rules.requiresSubprotocol else { return nil }
    var headers = HTTPHeaders()
    if let chosen { headers.add(name: "Sec-WebSocket-Protocol", value: chosen) }
    return headers
  }
}

/// Answers HTTP requests that are no WebSocket upgrade.
private final class HTTPRefusal: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart
  private var hasAnswered = false

  /// Who leaves before the handshake is over gets no answer, and keeps no descriptor.
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .end = self.unwrapInboundIn(data), !self.hasAnswered else { return }
    self.hasAnswered = true
    let text = "This port speaks WebSocket only.\n"
    var headers = HTTPHeaders()
    headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
    headers.add(name: "Content-Length", value: "\(text.utf8.count)")
    headers.add(name: "Connection", value: "close")
    let head = HTTPResponseHead(version: .http1_1, status: .badRequest, headers: headers)
    context.write(self.wrapOutboundOut(.head(head)), promise: nil)
    context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
    context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    context.close(promise: nil)
  }
}
