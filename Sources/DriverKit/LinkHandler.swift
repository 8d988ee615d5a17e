import Godwit
import NIOCore
import NIOTLS

/// Who is told what happens on a connection, on its event loop.
protocol LinkOwner: AnyObject {
  func opened(_ handler: LinkHandler)
  func secured(_ handler: LinkHandler)
  func received(_ input: inout ByteBuffer, by handler: LinkHandler)
  func burstEnded(_ handler: LinkHandler)
  func written(_ handler: LinkHandler)
  func lost(_ handler: LinkHandler, _ error: GodwitError)
}

/// Moves bytes between a socket and its owner. Confined to the channel's event loop.
final class LinkHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private weak var owner: (any LinkOwner)?
  private var context: ChannelHandlerContext?
  private var input = ByteBuffer()
  private var isBegun = false
  /// Bytes that the socket has not taken yet.
  private(set) var unwrittenBytes = 0

  init(owner: any LinkOwner) {
    self.owner = owner
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { self.begin() }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    self.begin()
    context.fireChannelActive()
  }

  private func begin() {
    guard !self.isBegun else { return }
    self.isBegun = true
    self.owner?.opened(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = self.unwrapInboundIn(data)
    guard self.input.readableBytes > 0 else {
      self.owner?.received(&bytes, by: self)
      if bytes.readableBytes > 0 { self.input = bytes }
      return
    }
    self.input.writeBuffer(&bytes)
    self.owner?.received(&self.input, by: self)
    if self.input.readableBytes == 0 {
      self.input.clear(minimumCapacity: 0)
    } else if self.input.readerIndex > self.input.readableBytes {
      // A stream that always ends within a message must not grow the buffer for ever.
      self.input.discardReadBytes()
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    self.owner?.burstEnded(self)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case TLSUserEvent.handshakeCompleted: self.owner?.secured(self)
    case ChannelEvent.inputClosed: self.lose(Self.closedByServer)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.lose(Self.closedByServer)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    self.lose(ConnectionFailure.explain(error))
  }

  private static let closedByServer = GodwitError(
    .disconnected, "the server closed the connection")

  /// The connection fails before the handler is part of it.
  func refused(_ error: GodwitError) { self.lose(error) }

  private func lose(_ error: GodwitError) {
    let owner = self.owner
    self.owner = nil
    owner?.lost(self, error)
    self.context?.close(promise: nil)
  }

  /// Puts another handler before this one, next to the socket.
  func addFirst(_ handler: some ChannelHandler) throws {
    try self.context?.pipeline.syncOperations.addHandler(handler, position: .first)
  }

  /// Hands bytes to the socket.
  func write(_ bytes: ByteBuffer) {
    guard let context = self.context else { return }
    let count = bytes.readableBytes
    self.unwrittenBytes += count
    let future = context.writeAndFlush(self.wrapOutboundOut(bytes))
    future.assumeIsolated().whenComplete { [weak self] _ in
      guard let self else { return }
      self.unwrittenBytes -= count
      self.owner?.written(self)
    }
  }

  /// Closes without telling the owner, behind what was written.
  func close() {
    self.owner = nil
    self.context?.close(promise: nil)
  }
}
