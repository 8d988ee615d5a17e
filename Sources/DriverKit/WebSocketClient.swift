import Godwit
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Puts HTTP, the upgrade and WebSocket framing (RFC 6455) under a client's connection.
enum WebSocketClient {
  /// - Parameters:
  ///   - refused: is told when the server does not upgrade.
  ///   - upgraded: adds what speaks the protocol, once the upgrade is over.
  static func add(
    to channel: any Channel, path: String, endpoint: Endpoint,
    refused: @escaping (GodwitError) -> Void,
    upgraded: @escaping @Sendable () throws -> Void
  ) throws {
    let upgrader = NIOWebSocketClientUpgrader(
      maxFrameSize: 1 << 26, automaticErrorHandling: true,
      upgradePipelineHandler: { channel, _ in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(WebSocketBytes())
          try upgraded()
        }
      })
    let request = UpgradeRequest(
      path: path, host: endpoint.description, carries: endpoint.webSocketProtocol,
      refused: refused)
    let bound = NIOLoopBound(request, eventLoop: channel.eventLoop)
    let configuration: NIOHTTPClientUpgradeSendableConfiguration = (
      upgraders: [upgrader],
      completionHandler: { context in
        context.pipeline.syncOperations.removeHandler(bound.value, promise: nil)
      }
    )
    try channel.pipeline.syncOperations.addHTTPClientHandlers(
      leftOverBytesStrategy: .forwardBytes, withClientUpgrade: configuration)
    try channel.pipeline.syncOperations.addHandler(request)
  }
}

/// Asks for the upgrade, and says when the server does not want it.
private final class UpgradeRequest: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let path: String
  private let host: String
  private let carries: String?
  private let refused: (GodwitError) -> Void
  private var isAsked = false

  init(
    path: String, host: String, carries: String?, refused: @escaping (GodwitError) -> Void
  ) {
    self.path = path
    self.host = host
    self.carries = carries
    self.refused = refused
  }

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { self.ask(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    self.ask(context)
    context.fireChannelActive()
  }

  private func ask(_ context: ChannelHandlerContext) {
    guard !self.isAsked else { return }
    self.isAsked = true
    var headers = HTTPHeaders()
    headers.add(name: "Host", value: self.host)
    if let carries { headers.add(name: "Sec-WebSocket-Protocol", value: carries) }
    let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: self.path, headers: headers)
    context.write(self.wrapOutboundOut(.head(head)), promise: nil)
    context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(let head) = self.unwrapInboundIn(data) else { return }
    self.refused(
      GodwitError(.disconnected, "the server refused the WebSocket: status \(head.status.code)"))
    context.close(promise: nil)
  }
}

/// Binary messages as a stream of bytes.
private final class WebSocketBytes: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = WebSocketFrame

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var frame = self.unwrapInboundIn(data)
    if let key = frame.maskKey { frame.data.webSocketUnmask(key) }
    switch frame.opcode {
    case .binary, .text, .continuation: context.fireChannelRead(self.wrapInboundOut(frame.data))
    case .ping: self.write(.pong, frame.data, context, promise: nil)
    case .connectionClose: context.close(promise: nil)
    default: break
    }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    self.write(.binary, self.unwrapOutboundIn(data), context, promise: promise)
  }

  private func write(
    _ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext,
    promise: EventLoopPromise<Void>?
  ) {
    let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
    context.write(self.wrapOutboundOut(frame), promise: promise)
    if opcode != .binary { context.flush() }
  }
}
