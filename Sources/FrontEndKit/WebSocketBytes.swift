import NIOCore
import NIOWebSocket

/// Turns WebSocket frames into a byte stream and back: packets may be split and joined across
/// frames as the sender likes.
///
/// Of pongs there is one on its way at most, and one owed (RFC 6455, 5.5.3: only the latest ping
/// needs an answer), so that who pings and does not read makes nothing pile up.
final class WebSocketBytes: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = WebSocketFrame

  private var sentClose = false
  /// A close came in or a rule was broken: nothing that follows counts.
  private var isDone = false
  private var isInMessage = false
  private var owedPong: ByteBuffer?
  private var isPongOnItsWay = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !self.isDone else { return }
    let frame = self.unwrapInboundIn(data)
    // RFC 6455, 5.1: a server closes on a frame that is not masked. 5.2: no extension was agreed
    // on that would give the reserved bits a meaning.
    guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
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
      self.owedPong = frame.unmaskedData
    case .connectionClose:
      self.answerClose(context, frame.unmaskedData)
    case .pong:
      break
    default:
      self.fail(context, .protocolError)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    self.payPong(context)
    context.fireChannelReadComplete()
  }

  private func payPong(_ context: ChannelHandlerContext) {
    guard let data = self.owedPong, !self.isPongOnItsWay, !self.sentClose else { return }
    self.owedPong = nil
    self.isPongOnItsWay = true
    let pong = WebSocketFrame(fin: true, opcode: .pong, data: data)
    context.writeAndFlush(self.wrapOutboundOut(pong)).assumeIsolated().whenComplete { result in
      self.isPongOnItsWay = false
      if case .success = result { self.payPong(context) }
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

  private func answerClose(_ context: ChannelHandlerContext, _ data: ByteBuffer) {
    if let violation = Self.violation(inClose: data) {
      self.fail(context, violation)
      return
    }
    self.isDone = true
    if !self.sentClose {
      self.sentClose = true
      let answer = WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
      context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
    }
    context.close(promise: nil)
  }

  /// What is wrong with the body of a close (RFC 6455, 5.5.1 and 7.4): a code that must not be sent
  /// or is nobody's, half a code, a reason that is no text.
  static func violation(inClose data: ByteBuffer) -> WebSocketErrorCode? {
    guard data.readableBytes > 0 else { return nil }
    guard let code = data.getInteger(at: data.readerIndex, as: UInt16.self) else {
      return .protocolError
    }
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: break
    default: return .protocolError
    }
    let reason = data.readableBytesView.dropFirst(2)
    return String(validating: reason, as: UTF8.self) == nil ? .dataInconsistentWithMessage : nil
  }

  private func fail(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
    self.isDone = true
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
