import GodwitEngine
public import NIOCore

/// One client's connection: the only handler of its channel, beside TLS and WebSocket framing.
///
/// It reads into the loop's shared buffer and shows the bytes to the session; it gathers what is to
/// be sent in a pooled buffer and writes that once per turn of the loop. Confined to the loop.
public final class Connection: ChannelInboundHandler {
  /// Bytes, after TLS and WebSocket framing were taken off.
  public typealias InboundIn = ByteBuffer
  /// Bytes, before they are put on.
  public typealias OutboundOut = ByteBuffer

  /// How often a closing connection is still read from: enough for what was on its way.
  private static var discardedReadsMax: Int { 64 }

  private enum Phase { case handshaking, open, closing, closed }

  /// The loop it lives on.
  public let loop: Loop
  /// A number, unique in the process.
  public let id: UInt64
  /// The front end it belongs to.
  public let frontEndName: String
  /// The other end.
  public internal(set) var peer: PeerInfo
  /// When it was accepted, in the engine's clock.
  public let openedAt: Int64
  /// When bytes last came in, or could again after a pause, by the engine's `uptime`.
  public internal(set) var lastReadAt: Int64
  /// What it has carried.
  public var counters = Counters()
  /// What the admin API calls the client; set by the session.
  public var clientName = ""
  /// Whom it acts for; set by the session once it is known.
  public var userName = ""
  /// The tenant's name, once it is known.
  public var tenantName = ""
  /// How many bytes may wait to be sent before the session is told. Default 64 MiB.
  public var pendingBytesMax = 64 << 20
  /// How many seconds the socket may take nothing while bytes wait for it, before the session is
  /// told. Noticed up to a quarter later. Default 0: for ever.
  public var writeDeadlineSeconds = 0.0
  /// Since when sending has made no progress, in the engine's clock; 0 when nothing is stuck.
  public private(set) var stuckSince: Int64 = 0
  /// The session; set once, right after the connection is made, and let go when told of its end.
  public internal(set) var session: Session!

  private var phase: Phase = .handshaking
  private(set) var context: ChannelHandlerContext?
  /// The channel, while a WebSocket handshake keeps this handler out of its pipeline.
  private var handshaking: (any Channel)?
  private var tail: ByteBuffer?
  private var tailNeeded = 0
  /// Whether the client is not read from for now, so that it cannot be heard either.
  public private(set) var isReadingPaused = false
  var isStalled = false
  private var isFeeding = false
  private var isInputClosed = false
  private var output = ByteBuffer()
  private var isDirty = false
  private var backlog: [ByteBuffer] = []
  private var backlogHead = 0
  private var backlogBytes = 0
  private var channelBytes = 0
  private var wasOver = false
  var isDrainAwaited = false
  private var closeReason: CloseReason = .peerClosed
  private var linger: Timers.Token?
  private var discardedReads = 0
  private var handshakeTimer: Timers.Token?
  /// While bytes wait that the socket has not taken at once.
  private var writeWatch: WriteWatch?
  private let tls: TLSUpgrade?
  private let handshakeSeconds: Double

  init(
    loop: Loop, frontEndName: String, peer: PeerInfo, tls: TLSUpgrade?, handshakeSeconds: Double
  ) {
    self.loop = loop
    self.id = loop.connections.nextID()
    self.frontEndName = frontEndName
    self.peer = peer
    self.tls = tls
    self.handshakeSeconds = handshakeSeconds
    self.openedAt = loop.engine.now
    self.lastReadAt = loop.engine.uptime
  }

  /// Whether the session may still send.
  public var isOpen: Bool { self.phase == .open }
  /// How many bytes wait to be sent. Who waits for them to become fewer says so: `awaitDrain`.
  public var pendingBytes: Int {
    self.backlogBytes &+ self.channelBytes &+ self.output.readableBytes
  }
  /// Whether `startTLS` can be used here.
  public var canStartTLS: Bool { self.tls != nil && !self.peer.isEncrypted }

  // MARK: Sending

  /// Appends bytes to what will be sent at the end of this turn of the loop.
  @inline(__always)
  public func append(_ bytes: UnsafeRawBufferPointer) {
    self.append(bytes, UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// Appends two runs of bytes, as one.
  public func append(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
    let count = first.count &+ second.count
    self.append(count: count) { target in
      guard let base = target.baseAddress else { return }
      if let start = first.baseAddress { base.copyMemory(from: start, byteCount: first.count) }
      if let start = second.baseAddress {
        (base + first.count).copyMemory(from: start, byteCount: second.count)
      }
    }
  }

  /// Appends exactly `count` bytes, which `body` writes. Nothing is appended, and `body` is not
  /// called, when the connection is closing.
  @inline(__always)
  public func append(count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
    guard self.phase == .open else { return }
    if self.output.writableBytes < count { self.makeRoom(count) }
    self.output.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { free in
      body(UnsafeMutableRawBufferPointer(start: free.baseAddress, count: count))
      return count
    }
    self.markDirty()
  }

  /// Appends a buffer's readable bytes; a large one is not copied.
  public func append(_ buffer: ByteBuffer) {
    guard buffer.readableBytes > 32_768 else {
      buffer.withUnsafeReadableBytes { self.append($0) }
      return
    }
    guard self.phase == .open else { return }
    self.retireOutput()
    self.queue(buffer)
    self.markDirty()
    self.loop.noteUnflushed(buffer.readableBytes)
  }

  @inline(__always)
  private func markDirty() {
    guard !self.isDirty else { return }
    self.isDirty = true
    self.loop.markDirty(self)
  }

  @inline(never)
  private func makeRoom(_ count: Int) {
    let retired = self.output.readableBytes
    self.retireOutput()
    self.output = self.loop.chunks.take(count, self.loop.allocator)
    if self.pendingBytes > self.pendingBytesMax / 4 * 3 { self.loop.isCrowded = true }
    if retired > 0 { self.loop.noteUnflushed(retired) }
    // A flush in the line above may have handed the new chunk on, empty or not.
    if self.output.writableBytes < count {
      self.output = self.loop.chunks.take(count, self.loop.allocator)
    }
  }

  /// Moves what was gathered to the backlog.
  private func retireOutput() {
    guard self.output.readableBytes > 0 else { return }
    self.queue(self.output)
    self.output = ByteBuffer()
  }

  private func queue(_ buffer: ByteBuffer) {
    self.backlog.append(buffer)
    self.backlogBytes += buffer.readableBytes
  }

  /// Writes what was gathered. Called by the loop.
  func flushOutput() {
    self.isDirty = false
    guard let context = self.context, self.phase != .closed else { return }
    if self.backlogHead == self.backlog.count, self.output.readableBytes > 0,
      context.channel.isWritable
    {
      let chunk = self.output
      self.output = ByteBuffer()
      self.counters.bytesOut &+= UInt64(truncatingIfNeeded: chunk.readableBytes)
      context.writeAndFlush(self.wrapOutboundOut(chunk), promise: nil)
      self.loop.chunks.giveBack(chunk)
    } else {
      self.retireOutput()
      self.pump(context)
    }
    self.noteProgress(context)
    if self.phase == .closing { self.finishClosing() }
  }

  /// Hands the backlog to the channel as long as the channel takes it.
  private func pump(_ context: ChannelHandlerContext) {
    var wrote = false
    while self.backlogHead < self.backlog.count, context.channel.isWritable {
      let chunk = self.backlog[self.backlogHead]
      self.backlog[self.backlogHead] = ByteBuffer()
      self.backlogHead += 1
      self.backlogBytes -= chunk.readableBytes
      self.counters.bytesOut &+= UInt64(truncatingIfNeeded: chunk.readableBytes)
      context.write(self.wrapOutboundOut(chunk), promise: nil)
      wrote = true
      self.loop.chunks.giveBack(chunk)
      if self.backlogHead & 15 == 0 { context.flush() }
    }
    if self.backlogHead == self.backlog.count {
      self.backlog.removeAll(keepingCapacity: false)
      self.backlogHead = 0
    } else if self.backlogHead >= 64, self.backlogHead * 2 >= self.backlog.count {
      self.backlog.removeFirst(self.backlogHead)
      self.backlogHead = 0
    }
    if wrote { context.flush() }
  }

  private func noteProgress(_ context: ChannelHandlerContext) {
    if self.writeWatch == nil, self.writeDeadlineSeconds > 0 { self.beginWriteWatch(context) }
    let wasStuck = self.stuckSince != 0
    if context.channel.isWritable, self.backlogBytes == 0 {
      self.channelBytes = 0
      self.stuckSince = 0
    } else {
      self.channelBytes = Self.bufferedBytes(context)
      if self.stuckSince == 0 { self.stuckSince = self.loop.engine.now }
    }
    let pending = self.pendingBytes
    if pending > self.pendingBytesMax, self.phase == .open {
      self.wasOver = true
      self.session.outputOverflowed()
    } else if self.wasOver || wasStuck || pending > 0 || self.isDrainAwaited,
      pending <= self.pendingBytesMax / 4
    {
      self.wasOver = false
      self.isDrainAwaited = false
      if self.phase == .open, self.stuckSince != 0 || pending == 0 { self.session.outputDrained() }
    }
  }

  private static func bufferedBytes(_ context: ChannelHandlerContext) -> Int {
    (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
  }

  // MARK: Write deadline

  /// The socket has not taken everything: look again a moment later whether it has. One timer for
  /// all that is sent until then, and none for a connection whose socket keeps up.
  @inline(never)
  private func beginWriteWatch(_ context: ChannelHandlerContext) {
    let position = self.writePosition(context)
    guard self.phase == .open, position.waiting > 0 else { return }
    self.scheduleWriteCheck(WriteWatch(position, now: self.loop.engine.uptime))
  }

  private func writePosition(_ context: ChannelHandlerContext) -> WriteWatch.Position {
    let buffered = Self.bufferedBytes(context)
    return WriteWatch.Position(
      taken: Int64(truncatingIfNeeded: self.counters.bytesOut) &- Int64(buffered),
      waiting: self.backlogBytes &+ self.output.readableBytes &+ buffered)
  }

  private func scheduleWriteCheck(_ watch: WriteWatch) {
    self.writeWatch = watch
    watch.timer = self.loop.engine.timers.schedule(
      afterSeconds: self.writeDeadlineSeconds / 4, ConnectionDeadline(self, .write), kind: 0)
  }

  func checkWriting() {
    guard let watch = self.writeWatch else { return }
    watch.timer = nil
    self.writeWatch = nil
    guard self.phase == .open, self.writeDeadlineSeconds > 0, let context = self.context else {
      return
    }
    let now = self.loop.engine.uptime
    guard let idle = watch.idle(at: self.writePosition(context), now: now) else { return }
    if Double(idle) >= self.writeDeadlineSeconds * 1_000_000_000 {
      self.session.outputTimedOut()
    } else {
      self.scheduleWriteCheck(watch)
    }
  }

  // MARK: Reading

  /// Stops reading from the client, which is then slowed by its own full socket.
  public func pauseReading() {
    guard !self.isReadingPaused else { return }
    self.isReadingPaused = true
    self.setAutoRead(false)
  }

  /// Reads again, beginning with what the session has left.
  public func resumeReading() {
    guard self.isReadingPaused else { return }
    self.isReadingPaused = false
    self.noteHeard()
    if !self.isFeeding { self.feedTail() }
    guard !self.isReadingPaused, self.phase == .open else { return }
    if !self.isStalled { self.setAutoRead(true) }
    if self.isInputClosed { self.session.inputClosed() }
  }

  func setAutoRead(_ value: Bool) {
    // A channel that is closing refuses options; then there is nothing to read either.
    try? self.context?.channel.syncOptions?.setOption(.autoRead, value: value)
  }

  /// Bytes were read; called by the channel.
  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = self.unwrapInboundIn(data)
    self.noteHeard()
    self.counters.bytesIn &+= UInt64(truncatingIfNeeded: buffer.readableBytes)
    if self.phase == .open {
      self.feed(&buffer)
    } else {
      self.discardedReads &+= 1
      if self.discardedReads > Self.discardedReadsMax { self.closeNow() }
    }
    self.loop.receiveBuffer.giveBack(buffer)
    if self.loop.isCrowded { self.stall() }
  }

  /// A receiver of what was just published is nearly full: this publisher is read from again a
  /// moment later, so that the receiver has a chance.
  @inline(never)
  private func stall() {
    self.loop.isCrowded = false
    guard !self.isStalled, self.phase == .open else { return }
    self.isStalled = true
    self.counters.stalls &+= 1
    self.setAutoRead(false)
    _ = self.loop.engine.timers.schedule(
      afterSeconds: Self.stallSeconds, ConnectionDeadline(self, .stall), kind: 0)
  }

  private func feed(_ buffer: inout ByteBuffer) {
    self.isFeeding = true
    defer { self.isFeeding = false }
    if self.tail != nil { self.feedThroughTail(&buffer) }
    guard self.tail == nil, !self.isReadingPaused else {
      self.keep(&buffer)
      return
    }
    guard self.phase == .open, buffer.readableBytes > 0 else { return }
    let intake = self.session.receive(buffer)
    buffer.moveReaderIndex(forwardBy: min(intake.consumed, buffer.readableBytes))
    self.tailNeeded = intake.needed
    self.keep(&buffer)
  }

  /// Completes the frame that an earlier read began, copying no more than that frame wants.
  private func feedThroughTail(_ buffer: inout ByteBuffer) {
    while var tail = self.tail, buffer.readableBytes > 0, !self.isReadingPaused,
      self.phase == .open
    {
      self.tail = nil
      let before = tail.readableBytes
      let wanted = self.tailNeeded > before ? self.tailNeeded - before : 1_024
      let step = min(wanted, buffer.readableBytes)
      if let slice = buffer.getSlice(at: buffer.readerIndex, length: step) {
        tail.writeImmutableBuffer(slice)
      }
      guard tail.readableBytes >= self.tailNeeded else {
        buffer.moveReaderIndex(forwardBy: step)
        self.tail = tail
        return
      }
      let intake = self.session.receive(tail)
      self.tailNeeded = intake.needed
      let consumed = min(intake.consumed, tail.readableBytes)
      if consumed >= before {
        buffer.moveReaderIndex(forwardBy: consumed - before)
      } else {
        buffer.moveReaderIndex(forwardBy: step)
        tail.moveReaderIndex(forwardBy: consumed)
        self.tail = tail
      }
    }
  }

  /// Shows what was left after reading was resumed.
  private func feedTail() {
    guard var tail = self.tail, self.phase == .open else { return }
    self.isFeeding = true
    defer { self.isFeeding = false }
    self.tail = nil
    let intake = self.session.receive(tail)
    tail.moveReaderIndex(forwardBy: min(intake.consumed, tail.readableBytes))
    self.tailNeeded = intake.needed
    // A rest that is shown turn by turn is not copied each time.
    if self.phase == .open, tail.readableBytes > tail.capacity / 2 { return self.tail = tail }
    self.keep(&tail)
  }

  private func keep(_ rest: inout ByteBuffer) {
    guard rest.readableBytes > 0, self.phase == .open else { return }
    if self.tail == nil {
      var copy = self.loop.allocator.buffer(capacity: max(64, rest.readableBytes))
      copy.writeImmutableBuffer(rest)
      self.tail = copy
    } else {
      self.tail?.writeImmutableBuffer(rest)
    }
    rest.clear()
  }

  // MARK: Life

  /// Counts the connection from now on, although a handshake keeps it out of the pipeline as yet:
  /// should that never end, nobody but the channel's end tells it to let its session go.
  func awaitHandshake(on channel: any Channel) {
    self.handshaking = channel
    self.loop.connections.add(self)
    channel.closeFuture.assumeIsolated().whenComplete { _ in self.finish() }
  }

  /// The pipeline is complete; called by the channel.
  public func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    self.handshaking = nil
    self.loop.connections.add(self)
    self.handshakeTimer = self.loop.engine.timers.schedule(
      afterSeconds: self.handshakeSeconds, ConnectionDeadline(self, .handshake), kind: 0)
    if context.channel.isActive { self.openUnlessHandshaking() }
  }

  /// The socket is connected; called by the channel.
  public func channelActive(context: ChannelHandlerContext) {
    self.openUnlessHandshaking()
    context.fireChannelActive()
  }

  /// Under TLS over TCP the handshake comes first; a WebSocket connection gets here after its own.
  private func openUnlessHandshaking() {
    if self.peer.transport != .tls || !self.peer.isEncrypted { self.open() }
  }

  private func open() {
    guard self.phase == .handshaking else { return }
    self.phase = .open
    self.cancelHandshakeTimer()
    self.session.opened()
  }

  /// Begins TLS on a plain connection, after what was appended so far has been sent in the clear
  /// (NATS, where the server speaks first).
  ///
  /// - Parameter received: bytes of the client's handshake that the session was already shown.
  /// - Returns: `false` when the listener has no certificate, or TLS runs already.
  public func startTLS(
    replaying received: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) -> Bool {
    guard let context = self.context, let tls = self.tls, !self.peer.isEncrypted else {
      return false
    }
    self.flushOutput()
    guard tls.add(to: context) else { return false }
    self.peer.isEncrypted = true
    self.handshakeTimer = self.loop.engine.timers.schedule(
      afterSeconds: self.handshakeSeconds, ConnectionDeadline(self, .handshake), kind: 0)
    if !received.isEmpty {
      context.pipeline.fireChannelRead(ByteBuffer(bytes: received))
      context.pipeline.fireChannelReadComplete()
    }
    return true
  }

  func handshakeTimedOut() {
    self.handshakeTimer = nil
    self.close(.tlsError)
  }

  private func cancelHandshakeTimer() {
    if let timer = self.handshakeTimer { self.loop.engine.timers.cancel(timer) }
    self.handshakeTimer = nil
  }

  /// TLS is up, or the peer has ended its side; called by the channel.
  public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let facts = TLSUpgrade.facts(of: event, context: context) {
      self.peer.established(
        tls: facts.version, subject: facts.subject, commonName: facts.commonName)
      self.cancelHandshakeTimer()
      if self.phase == .handshaking { self.open() } else { self.session?.tlsEstablished() }
    } else if case ChannelEvent.inputClosed = event {
      self.isInputClosed = true
      self.loop.renewTime()
      if self.phase == .open, !self.isReadingPaused { self.session.inputClosed() }
    }
  }

  /// The socket takes bytes again; called by the channel.
  public func channelWritabilityChanged(context: ChannelHandlerContext) {
    guard context.channel.isWritable else { return }
    self.loop.renewTime()
    self.pump(context)
    self.noteProgress(context)
    if self.phase == .closing { self.finishClosing() }
  }

  /// Sends what was appended, then closes. The session's `closed` follows; nothing else is read
  /// or appended.
  public func close(_ reason: CloseReason) {
    guard self.phase == .open || self.phase == .handshaking else { return }
    self.closeReason = reason
    let wasOpen = self.phase == .open
    self.phase = .closing
    self.tail = nil
    guard wasOpen, self.context != nil else {
      self.closeNow()
      return
    }
    self.linger = self.loop.engine.timers.schedule(
      afterSeconds: 2, ConnectionDeadline(self, .linger), kind: 0)
    self.setAutoRead(true)
    self.markDirty()
  }

  /// Closes at once; what waits to be sent is lost.
  public func abort(_ reason: CloseReason) {
    guard self.phase != .closed else { return }
    if self.phase != .closing { self.closeReason = reason }
    self.phase = .closing
    self.loop.engine.whenQuiet { self.closeNow() }
  }

  /// Everything is written: end our side, and give the peer's last bytes a moment to arrive, or the
  /// kernel would answer them with a reset that may overtake our last words.
  private func finishClosing() {
    guard let context = self.context, self.backlogHead == self.backlog.count,
      self.output.readableBytes == 0, context.channel.isWritable
    else { return }
    if self.peer.transport == .tcp, !self.peer.isEncrypted, !self.isInputClosed {
      context.close(mode: .output, promise: nil)
    } else {
      // TLS closes with its peer's last word, or its end: half an end would be none.
      try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
      self.closeNow()
    }
  }

  func closeNow() {
    self.context?.close(promise: nil)
    self.handshaking?.close(promise: nil)
  }

  /// The socket is gone; called by the channel.
  public func channelInactive(context: ChannelHandlerContext) {
    self.finish()
    context.fireChannelInactive()
  }

  /// The pipeline is taken down; called by the channel.
  public func handlerRemoved(context: ChannelHandlerContext) {
    self.finish()
    self.context = nil
  }

  /// The socket, TLS or WebSocket framing failed; called by the channel.
  public func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if self.phase == .open { self.closeReason = .ioError }
    if self.phase == .handshaking || self.handshakeTimer != nil { self.closeReason = .tlsError }
    // A broken socket's channel closes by itself; TLS would wait seconds for a last word first.
    if !(error is IOError) { context.close(promise: nil) }
    // The channel says that it is inactive a turn of the loop later; a message that comes in before
    // must not count as sent to this client.
    self.finish()
  }

  func finish() {
    self.handshaking = nil
    guard self.phase != .closed else { return }
    // What now begins (a will's delay, a session's expiry) counts from this moment, not from the
    // last byte that somebody sent.
    self.loop.renewTime()
    self.phase = .closed
    self.cancelHandshakeTimer()
    if let linger = self.linger { self.loop.engine.timers.cancel(linger) }
    self.linger = nil
    if let timer = self.writeWatch?.timer { self.loop.engine.timers.cancel(timer) }
    self.writeWatch = nil
    self.tail = nil
    self.output = ByteBuffer()
    self.backlog = []
    self.backlogHead = 0
    self.backlogBytes = 0
    self.channelBytes = 0
    self.loop.connections.remove(self, because: self.closeReason)
    self.loop.engine.whenQuiet {
      self.session.closed(self.closeReason)
      self.session = nil
    }
  }
}
