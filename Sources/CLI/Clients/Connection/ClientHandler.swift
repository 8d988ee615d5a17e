import MQTTWire
import NIOCore
import NIOTLS

/// Who is told what happens on a connection, on its event loop.
protocol ClientObserver: AnyObject {
  /// A message came in; it is valid during this call, in which nothing may be published.
  func deliver(_ delivery: Delivery)
  /// What was read at once has been handed over; what is published now is written right after.
  func burstEnded()
  /// Messages were settled, or the socket takes bytes again: there may be room to publish.
  func roomMade()
  /// One message with QoS 1 or 2 was settled.
  func settled(_ settlement: SessionEvent.Settlement)
  /// The server complained and goes on.
  func warned(_ warning: ClientError)
  /// The connection is gone; `nil` when we ended it.
  func ended(_ error: ClientError?)
}

/// Moves bytes between a socket and a `ClientSession`, and remembers who waits for which answer.
///
/// Everything here runs on the channel's event loop.
final class ClientHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  typealias Waiter = CheckedContinuation<Void, any Error>

  private let configuration: ClientConfiguration
  private var session: any ClientSession
  private var context: ChannelHandlerContext?
  private var input = ByteBuffer()
  private var output = ByteBuffer()
  private var events: [SessionEvent] = []
  private static let keepAliveSeconds: Int64 = 25
  private var keepAlivesUnanswered = 0
  private var isReady = false
  private var isReceiving = false
  private var isPaused = false
  private var isReadAsked = false
  /// Why the connection ended; set once.
  private var ending: Result<Void, ClientError>?
  private var readyWaiter: Waiter?
  /// In the order of the questions; `nil` where only life is to be shown.
  private var flushWaiters: [Waiter?] = []
  private var subscribeWaiters: [Int: Waiter] = [:]
  private var roomWaiters: [Waiter] = []
  private var settledWaiters: [Waiter] = []
  private var unsettled = 0

  /// Who is told about messages.
  var observer: (any ClientObserver)?

  init(_ configuration: ClientConfiguration) {
    self.configuration = configuration
    self.session = configuration.makeSession()
  }

  // MARK: Channel events

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
    self.session.begin(into: &self.output)
    self.write()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard self.ending == nil else { return }
    var bytes = self.unwrapInboundIn(data)
    self.keepAlivesUnanswered = 0
    self.isReceiving = true
    defer { self.isReceiving = false }
    do throws(ClientError) {
      if self.input.readableBytes > 0 {
        self.input.writeBuffer(&bytes)
        try self.receive(&self.input)
        if self.input.readableBytes == 0 { self.input.clear() }
      } else {
        try self.receive(&bytes)
        if bytes.readableBytes > 0 { self.input = bytes }
      }
    } catch {
      self.finish(.failure(error))
    }
  }

  private func receive(_ bytes: inout ByteBuffer) throws(ClientError) {
    let observer = self.observer
    let result: Result<Void, ClientError>
    do throws(ClientError) {
      try self.session.receive(&bytes, into: &self.output, events: &self.events) {
        observer?.deliver($0)
      }
      result = .success(())
    } catch {
      result = .failure(error)
    }
    self.handleEvents()
    try result.get()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    self.observer?.burstEnded()
    self.write()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { self.roomMade() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent {
      do throws(ClientError) {
        try self.session.secured(into: &self.output)
        self.write()
      } catch {
        self.finish(.failure(error))
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.finish(.failure(ClientError("the server closed the connection")))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    self.finish(.failure(ConnectionFailure.explain(error)))
  }

  func read(context: ChannelHandlerContext) {
    if self.isPaused { self.isReadAsked = true } else { context.read() }
  }

  // MARK: What sessions report

  private func handleEvents() {
    guard !self.events.isEmpty else { return }
    let events = self.events
    self.events.removeAll(keepingCapacity: true)
    var madeRoom = false
    for event in events {
      switch event {
      case .secure: self.startTLS()
      case .ready:
        self.isReady = true
        self.scheduleKeepAlive()
        self.readyWaiter?.resume()
        self.readyWaiter = nil
      case .subscribed(let number): self.subscribeWaiters.removeValue(forKey: number)?.resume()
      case .refused(let number, let error):
        self.subscribeWaiters.removeValue(forKey: number)?.resume(throwing: error)
      case .flushed:
        if !self.flushWaiters.isEmpty { self.flushWaiters.removeFirst()?.resume() }
      case .settled(let settlement):
        self.unsettled -= 1
        madeRoom = true
        self.observer?.settled(settlement)
      case .warned(let warning): self.observer?.warned(warning)
      }
    }
    if madeRoom { self.roomMade() }
  }

  private func roomMade() {
    self.observer?.roomMade()
    let waiters = self.roomWaiters
    self.roomWaiters.removeAll()
    for waiter in waiters { waiter.resume() }
    guard self.unsettled == 0 else { return }
    let settled = self.settledWaiters
    self.settledWaiters.removeAll()
    for waiter in settled { waiter.resume() }
  }

  private func startTLS() {
    guard let context = self.context else { return }
    do {
      let handler = try ClientTLS.makeHandler(self.configuration)
      try context.pipeline.syncOperations.addHandler(handler, position: .first)
    } catch {
      self.finish(.failure(ConnectionFailure.explain(error)))
    }
  }

  /// Asks now and then, so that neither side takes the other for dead.
  private func scheduleKeepAlive() {
    guard let loop = self.context?.eventLoop else { return }
    loop.assumeIsolated().scheduleTask(in: .seconds(Self.keepAliveSeconds)) { self.keepAlive() }
  }

  private func keepAlive() {
    guard self.ending == nil else { return }
    guard self.keepAlivesUnanswered < 2 else {
      return self.finish(.failure(ClientError("the server no longer answers")))
    }
    self.keepAlivesUnanswered += 1
    self.flushWaiters.append(nil)
    self.session.flush(into: &self.output)
    self.write()
    self.scheduleKeepAlive()
  }

  // MARK: Output

  /// Hands what was said to the socket, unless the end of a read does so anyway.
  func write() {
    guard self.output.readableBytes > 0, !self.isReceiving, let context = self.context else {
      return
    }
    let bytes = self.output
    // Half of what is written at once is a good guess for the next time.
    self.output = context.channel.allocator.buffer(capacity: bytes.readableBytes / 2)
    context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
  }

  /// Whether the socket takes more without queueing much.
  var isWritable: Bool { self.context?.channel.isWritable ?? false }

  /// Whether the connection has ended.
  var isEnded: Bool { self.ending != nil }

  /// Bytes that were said and not handed to the socket.
  var unwrittenBytes: Int { self.output.readableBytes }

  /// Ends the connection, tells everyone who waits.
  private func finish(_ ending: Result<Void, ClientError>) {
    guard self.ending == nil else { return }
    self.ending = ending
    let error = self.endError
    self.readyWaiter?.resume(throwing: error)
    self.readyWaiter = nil
    let waiters =
      self.flushWaiters.compactMap { $0 } + self.roomWaiters + self.settledWaiters
      + self.subscribeWaiters.values
    self.flushWaiters.removeAll()
    self.roomWaiters.removeAll()
    self.settledWaiters.removeAll()
    self.subscribeWaiters.removeAll()
    for waiter in waiters { waiter.resume(throwing: error) }
    if case .failure(let failure) = ending {
      self.observer?.ended(failure)
    } else {
      self.observer?.ended(nil)
    }
    self.observer = nil
    self.context?.close(promise: nil)
  }

  private var endError: ClientError {
    if case .failure(let error)? = self.ending { return error }
    return ClientError("the connection was closed")
  }
}

extension ClientHandler {
  // MARK: What clients ask for, on the event loop

  /// Resumes `waiter` once the server has let us in.
  func awaitReady(_ waiter: Waiter) {
    if self.ending != nil {
      waiter.resume(throwing: self.endError)
    } else if self.isReady {
      waiter.resume()
    } else {
      self.readyWaiter = waiter
    }
  }

  /// Gives up on connecting.
  func giveUp(_ error: ClientError) {
    if !self.isReady { self.finish(.failure(error)) }
  }

  /// Asks for a subscription; `waiter` resumes when the server has answered.
  func subscribe(_ request: SubscriptionRequest, _ waiter: Waiter) -> Int {
    guard self.ending == nil else {
      waiter.resume(throwing: self.endError)
      return 0
    }
    do throws(ClientError) {
      let number = try self.session.subscribe(request, into: &self.output)
      self.subscribeWaiters[number] = waiter
      self.write()
      return number
    } catch {
      waiter.resume(throwing: error)
      return 0
    }
  }

  /// Publishes, without writing to the socket yet.
  ///
  /// - Returns: false when there is no room now; `roomMade` says when there is.
  func publish(_ message: OutgoingMessage) throws(ClientError) -> Bool {
    guard self.ending == nil else { throw self.endError }
    guard try self.session.publish(message, into: &self.output) else { return false }
    if message.qos != .atMostOnce { self.unsettled += 1 }
    return true
  }

  /// Resumes `waiter` when there is room to publish.
  func awaitRoom(_ waiter: Waiter) {
    if self.ending != nil {
      waiter.resume(throwing: self.endError)
    } else {
      self.roomWaiters.append(waiter)
    }
  }

  /// Resumes `waiter` when no message is unsettled.
  func awaitSettled(_ waiter: Waiter) {
    if self.ending != nil {
      waiter.resume(throwing: self.endError)
    } else if self.unsettled == 0 {
      waiter.resume()
    } else {
      self.settledWaiters.append(waiter)
    }
  }

  /// Resumes `waiter` when the server has handled everything that was said before.
  func flush(_ waiter: Waiter) {
    guard self.ending == nil else {
      waiter.resume(throwing: self.endError)
      return
    }
    self.flushWaiters.append(waiter)
    self.session.flush(into: &self.output)
    self.write()
  }

  /// Stops and starts reading, so that a slow reader slows the server down.
  func setPaused(_ isPaused: Bool) {
    self.isPaused = isPaused
    guard !isPaused, self.isReadAsked else { return }
    self.isReadAsked = false
    self.context?.read()
  }

  /// The connection's protocol.
  var language: ServerAddress.Language { self.configuration.address.language }

  /// A name for answers to this client.
  func inbox(_ unique: String) -> String { self.session.inbox(unique) }

  /// What separates the levels of a topic.
  var separator: String { self.session.separator }

  /// Says goodbye and closes.
  func end() {
    guard self.ending == nil else { return }
    self.session.end(into: &self.output)
    self.isReceiving = false
    self.write()
    self.finish(.success(()))
  }
}
