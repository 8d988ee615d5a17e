import GodwitEngine
import GodwitFrontEndKit
import NIOCore
import NIOHTTP1
import SchemaRegistryWire

/// One connection to the admin server: takes a request whole, answers it, and waits for the next.
final class AdminHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    /// Nothing is under way.
    case idle
    /// A request comes in.
    case reading(HTTPRequestHead, ByteBuffer)
    /// The request was refused before it ended; the rest is thrown away.
    case refused
    /// Somebody decides whether the sender may.
    case judging(HTTPRequestHead)
    /// The answer is made, which may take its time.
    case working(HTTPRequestHead)
    /// An answer is on its way to the socket; no further request is looked at.
    case answering
    /// A stream of events goes out.
    case streaming(TapStream)
    /// Nothing more is answered.
    case ended
  }

  let server: AdminServer
  private var state: State = .idle
  private var context: ChannelHandlerContext?
  private var deadline: Scheduled<Void>?
  /// Counts requests, so that an answer that comes late does not go to the next one.
  private var number: UInt64 = 0
  /// When it last began or ended something, in the engine's clock.
  private(set) var since: Int64

  init(server: AdminServer) {
    self.server = server
    self.since = server.loop.engine.now
  }

  // MARK: Life

  /// How readily it may be ended for somebody new: 0 when it waits for its client, 1 when its
  /// client waits for a verdict, `nil` when it was let in to watch and never.
  var yields: Int? {
    switch self.state {
    case .streaming: nil
    case .judging, .working: 1
    case .idle, .reading, .refused, .answering, .ended: 0
    }
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    self.expect(within: self.server.limits.requestSeconds)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.finish()
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.finish()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  /// Ends the connection.
  func end() {
    self.context?.close(promise: nil)
  }

  private func finish() {
    self.deadline?.cancel()
    self.deadline = nil
    if case .streaming(let stream) = self.state { stream.ended() }
    self.state = .ended
    self.context = nil
    self.server.gone(self)
  }

  private func touch() {
    self.server.loop.renewTime()
    self.since = self.server.loop.engine.now
  }

  /// Ends the connection unless something else is expected within `seconds`.
  private func expect(within seconds: Int64?) {
    self.deadline?.cancel()
    guard let seconds, let context = self.context else {
      self.deadline = nil
      return
    }
    self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(seconds)) {
      self.end()
    }
  }

  // MARK: A request

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch self.unwrapInboundIn(data) {
    case .head(let head): self.begin(head)
    case .body(let bytes): self.add(bytes)
    case .end: self.complete()
    }
  }

  private func begin(_ head: HTTPRequestHead) {
    guard case .idle = self.state else { return }
    self.number &+= 1
    self.touch()
    self.expect(within: self.server.limits.requestSeconds)
    let announced = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
    guard announced <= self.server.limits.bodyBytesMax else {
      self.refuseEarly(head, 413, "a body larger than \(self.server.limits.bodyBytesMax) bytes")
      return
    }
    self.state = .reading(head.inOriginForm, ByteBuffer())
    if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
      self.context?.writeAndFlush(
        self.wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))),
        promise: nil)
    }
  }

  private func add(_ bytes: ByteBuffer) {
    guard case .reading(let head, var body) = self.state else { return }
    guard body.readableBytes + bytes.readableBytes <= self.server.limits.bodyBytesMax else {
      self.refuseEarly(head, 413, "a body larger than \(self.server.limits.bodyBytesMax) bytes")
      return
    }
    self.state = .refused
    body.writeImmutableBuffer(bytes)
    self.state = .reading(head, body)
  }

  /// Answers before the request has ended; the connection ends with it.
  private func refuseEarly(_ head: HTTPRequestHead, _ status: Int, _ sentence: String) {
    self.state = .refused
    self.server.refusals &+= 1
    var reply = self.refusal(AdminRefusal(status, sentence), of: head)
    reply.closes = true
    self.send(reply, to: head)
  }

  private func complete() {
    guard case .reading(let head, let body) = self.state else { return }
    self.server.loop.renewTime()
    let path = head.uri.prefix { $0 != "?" }
    let isOfRegistry = self.isOfRegistry(head)
    if let refusal = self.server.requestGuard.refusal(
      head, path: path, isOfRegistry: isOfRegistry)
    {
      self.refuse(refusal, to: head)
      return
    }
    guard let access = self.server.access, !Self.isOpen(path) else {
      self.answer(head, body)
      return
    }
    self.state = .judging(head)
    self.expect(within: self.server.limits.requestSeconds)
    let number = self.number
    access.judge(
      head.headers.first(name: "authorization"), from: self.address,
      now: self.server.loop.engine.now, attemptsPerSecond: self.server.limits.attemptsPerSecond,
      wait: { self.after(nanoseconds: $0, of: number, $1) },
      { verdict in
        guard number == self.number, case .judging = self.state else { return }
        self.judged(verdict, head, body)
      })
  }

  private var address: String { self.context?.remoteAddress?.ipAddress ?? "" }

  /// Runs `body` later, if the request of that number is still to be judged.
  private func after(nanoseconds: Int64, of number: UInt64, _ body: @escaping () -> Void) {
    self.context?.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(nanoseconds)) {
      guard number == self.number, case .judging = self.state else { return }
      self.server.loop.renewTime()
      body()
    }
  }

  /// Whether a path tells nothing and so needs no credentials: probes have none.
  private static func isOpen(_ path: Substring) -> Bool {
    path == "/healthz" || path == "/readyz"
  }

  private func judged(
    _ verdict: AdminAccess.Verdict, _ head: HTTPRequestHead, _ body: ByteBuffer
  ) {
    switch verdict {
    case .granted:
      self.answer(head, body)
    case .busy:
      self.refuse(AdminRefusal(429, "too many attempts; try again in a second"), to: head)
    case .refused:
      self.server.refusals &+= 1
      var reply = self.refusal(AdminRefusal(401, "credentials are needed"), of: head)
      reply.headers.append(("WWW-Authenticate", "Basic realm=\"Godwit\", charset=\"UTF-8\""))
      self.send(reply, to: head)
    }
  }

  private func refuse(_ refusal: AdminRefusal, to head: HTTPRequestHead) {
    self.server.refusals &+= 1
    self.send(self.refusal(refusal, of: head), to: head)
  }

  /// A refusal in the form that the path's clients know.
  private func refusal(_ refusal: AdminRefusal, of head: HTTPRequestHead) -> AdminReply {
    guard self.isOfRegistry(head) else { return .refusal(refusal.status, refusal.sentence) }
    return AdminReply(
      .failure(RegistryError(refusal.status, refusal.sentence)),
      accepted: head.headers.first(name: "accept"))
  }

  private func isOfRegistry(_ head: HTTPRequestHead) -> Bool {
    self.server.registry != nil && RegistryRequest.owns(path: head.uri.prefix { $0 != "?" })
  }

  /// Hands a request to the registry.
  private func answer(_ head: HTTPRequestHead, _ body: ByteBuffer, by desk: SchemaRegistryDesk) {
    guard let request = RegistryRequest(head, body) else {
      self.refuse(AdminRefusal(400, "a path that is not well-formed"), to: head)
      return
    }
    self.server.requests &+= 1
    self.state = .working(head)
    self.expect(within: self.server.limits.requestSeconds)
    let number = self.number
    let who = self.server.access == nil ? "" : AdminAccess.name(in: head)
    let address = self.address
    desk.ask(
      request,
      note: { [server = self.server] result, done in
        server.note(
          head.method.rawValue, registry: head.uri, who: who, address: address, result, done)
      }
    ) { result in
      guard number == self.number, case .working = self.state else { return }
      if case .failure = result { self.server.refusals &+= 1 }
      self.send(AdminReply(result, accepted: head.headers.first(name: "accept")), to: head)
    }
  }

  private func answer(_ head: HTTPRequestHead, _ body: ByteBuffer) {
    if let desk = self.server.registry, self.isOfRegistry(head) {
      return self.answer(head, body, by: desk)
    }
    let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = String(parts.first ?? "")
    let method = head.method.rawValue
    switch self.server.router.find(method, path) {
    case .nothing:
      self.refuse(AdminRefusal(404, "no such path; GET /api lists them"), to: head)
    case .malformed:
      self.refuse(AdminRefusal(400, "a path that is not well-formed"), to: head)
    case .wrongMethod(let allowed):
      self.server.refusals &+= 1
      let methods = allowed.joined(separator: ", ")
      var reply = AdminReply.refusal(405, "this path answers \(methods)")
      reply.headers.append(("Allow", methods))
      self.send(reply, to: head)
    case .endpoint(let endpoint, let rest):
      guard let query = PercentCoding.query(parts.count > 1 ? parts[1] : "") else {
        self.refuse(AdminRefusal(400, "a query that is not well-formed"), to: head)
        return
      }
      var request = AdminRequest(
        method: method, rest: rest, query: query, body: Array(body.readableBytesView))
      request.address = self.address
      if self.server.access != nil { request.who = AdminAccess.name(in: head) }
      self.run(endpoint, request, head)
    }
  }

  private func run(_ endpoint: AdminEndpoint, _ request: AdminRequest, _ head: HTTPRequestHead) {
    self.server.requests &+= 1
    if let refusal = request.firstNonsense(in: endpoint.parameters) {
      self.refuse(refusal, to: head)
      return
    }
    switch endpoint.kind {
    case .json(let answer) where endpoint.isReading:
      self.send(AdminReply(answer(request)), to: head)
    case .json(let answer):
      self.work(for: head) { self.server.note(request, endpoint, answer(request), $0) }
    case .later(let answer):
      self.work(for: head) { done in
        answer(request) { response in
          guard !endpoint.isReading else { return done(response) }
          self.server.note(request, endpoint, response, done)
        }
      }
    case .reply(let answer):
      self.send(answer(request), to: head)
    case .tap(let open):
      switch open(request) {
      case .failure(let refusal): self.refuse(refusal, to: head)
      case .success(let tap): self.stream(tap, to: head)
      }
    }
  }

  /// Has an answer made that may take its time.
  private func work(
    for head: HTTPRequestHead, _ body: (_ done: @escaping (AdminResponse) -> Void) -> Void
  ) {
    self.state = .working(head)
    self.expect(within: self.server.limits.requestSeconds)
    let number = self.number
    body { response in
      guard number == self.number, case .working = self.state else { return }
      self.send(AdminReply(response), to: head)
    }
  }

  // MARK: Answers

  private func send(_ reply: AdminReply, to head: HTTPRequestHead) {
    guard let context = self.context else { return }
    let keepsAlive = head.isKeepAlive && !reply.closes
    var headers = self.headers(contentType: reply.contentType)
    for (name, value) in reply.headers { headers.replaceOrAdd(name: name, value: value) }
    headers.add(name: "Content-Length", value: "\(reply.body.readableBytes)")
    headers.add(name: "Connection", value: keepsAlive ? "keep-alive" : "close")
    let answer = HTTPResponseHead(version: head.version, status: reply.status, headers: headers)
    let hasBody = head.method != .HEAD && reply.body.readableBytes > 0
    var last = HTTPServerResponsePart.head(answer)
    if hasBody {
      context.write(self.wrapOutboundOut(last), promise: nil)
      last = .body(.byteBuffer(reply.body))
    }
    self.state = .answering
    self.touch()
    self.expect(within: self.server.limits.answerSeconds)
    context.writeAndFlush(self.wrapOutboundOut(last)).assumeIsolated().whenComplete { result in
      guard case .success = result, keepsAlive, let context = self.context else {
        return self.end()
      }
      // The end, which has no bytes, is what lets the next request in, from what was read or from
      // the socket: only now, or who asks and does not read would have all answers kept here. In
      // a turn of its own, or a heap of small requests would nest as deep as it is high.
      context.eventLoop.assumeIsolated().execute { self.answered() }
    }
  }

  /// An answer is out.
  private func answered() {
    guard let context = self.context, case .answering = self.state else { return }
    self.state = .idle
    self.touch()
    self.expect(within: self.server.limits.idleSeconds)
    context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
  }

  private func headers(contentType: String) -> HTTPHeaders {
    HTTPHeaders([
      ("Date", HTTPDate.text(nanoseconds: self.server.loop.engine.now)),
      ("Content-Type", contentType),
      ("Cache-Control", "no-store"),
      ("X-Content-Type-Options", "nosniff"),
      ("X-Frame-Options", "DENY"),
      ("Referrer-Policy", "no-referrer"),
      ("Cross-Origin-Resource-Policy", "same-origin"),
      ("Cross-Origin-Opener-Policy", "same-origin"),
    ])
  }

  // MARK: Streams

  private func stream(_ request: TapRequest, to head: HTTPRequestHead) {
    guard let context = self.context else { return }
    let answer = HTTPResponseHead(
      version: head.version, status: .ok, headers: self.headers(contentType: "text/event-stream"))
    context.write(self.wrapOutboundOut(.head(answer)), promise: nil)
    guard head.method != .HEAD else {
      self.state = .ended
      context.writeAndFlush(self.wrapOutboundOut(.end(nil))).assumeIsolated()
        .whenComplete { _ in self.end() }
      return
    }
    let stream = TapStream(request, desk: self.server.taps, eventLoop: context.eventLoop) {
      [weak self] bytes in self?.push(bytes) ?? false
    }
    self.state = .streaming(stream)
    self.expect(within: nil)
    stream.begin()
  }

  /// Sends a piece of a stream.
  ///
  /// - Returns: whether the socket took it; if not, nothing was sent, and `writable` follows.
  private func push(_ bytes: ByteBuffer) -> Bool {
    guard let context = self.context, case .streaming = self.state else { return false }
    guard context.channel.isWritable else {
      if self.deadline == nil { self.expect(within: self.server.limits.answerSeconds) }
      return false
    }
    self.expect(within: nil)
    context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
    return true
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, case .streaming(let stream) = self.state { stream.writable() }
    context.fireChannelWritabilityChanged()
  }
}
