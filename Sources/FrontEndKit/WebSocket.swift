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
    ) { channel.close(promise: nil) }
    let upgrader = NIOWebSocketServerUpgrader(
      maxFrameSize: rules.frameBytesMax, automaticErrorHandling: true,
      shouldUpgrade: { channel, head in
        channel.eventLoop.makeSucceededFuture(Self.answer(to: head, rules))
      },
      upgradePipelineHandler: { channel, _ in
        channel.eventLoop.makeCompletedFuture {
          deadline.cancel()
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(WebSocketBytes(frameBytesMax: rules.frameBytesMax))
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
  }

  /// The headers to accept with, or `nil` to refuse.
  static func answer(to head: HTTPRequestHead, _ rules: WebSocketRules) -> HTTPHeaders? {
    let path = head.uri.prefix { $0 != "?" }
    guard rules.paths.isEmpty || rules.paths.contains(String(path)) else { return nil }
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

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .end = self.unwrapInboundIn(data) else { return }
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

/// Turns WebSocket frames into a byte stream and back: packets may be split and joined across
/// frames as the sender likes.
private final class WebSocketBytes: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = WebSocketFrame

  private let frameBytesMax: Int
  private var sentClose = false
  private var isInMessage = false

  init(frameBytesMax: Int) {
    self.frameBytesMax = frameBytesMax
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = self.unwrapInboundIn(data)
    guard frame.maskKey != nil else {
      // RFC 6455, 5.1: a server closes on a frame that is not masked.
      self.fail(context, .protocolError)
      return
    }
    switch frame.opcode {
    case .binary:
      self.begin(context, frame, isFirst: true)
    case .continuation:
      self.begin(context, frame, isFirst: false)
    case .text:
      self.fail(context, .unacceptableData)
    case .ping:
      let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
      context.writeAndFlush(self.wrapOutboundOut(pong), promise: nil)
    case .connectionClose:
      self.answerClose(context, frame)
    case .pong:
      break
    default:
      self.fail(context, .protocolError)
    }
  }

  private func begin(_ context: ChannelHandlerContext, _ frame: WebSocketFrame, isFirst: Bool) {
    guard isFirst != self.isInMessage else {
      self.fail(context, .protocolError)
      return
    }
    self.isInMessage = !frame.fin
    context.fireChannelRead(self.wrapInboundOut(frame.unmaskedData))
  }

  private func answerClose(_ context: ChannelHandlerContext, _ frame: WebSocketFrame) {
    if !self.sentClose {
      self.sentClose = true
      let answer = WebSocketFrame(
        fin: true, opcode: .connectionClose, data: frame.unmaskedData)
      context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
    }
    context.close(promise: nil)
  }

  private func fail(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
    self.sendClose(context, code)
    context.close(promise: nil)
  }

  private func sendClose(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
    guard !self.sentClose else { return }
    self.sentClose = true
    var data = context.channel.allocator.buffer(capacity: 2)
    data.write(webSocketErrorCode: code)
    let frame = WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
    context.writeAndFlush(self.wrapOutboundOut(frame), promise: nil)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let bytes = self.unwrapOutboundIn(data)
    let frame = WebSocketFrame(fin: true, opcode: .binary, data: bytes)
    context.write(self.wrapOutboundOut(frame), promise: promise)
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if mode == .all { self.sendClose(context, .normalClosure) }
    context.close(mode: mode, promise: promise)
  }
}
