import Godwit
import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// The most bytes that wait for a server beside publishes.
private let linkAnswersMax = 16 << 20
/// The most room for output that is kept for the next turn, in bytes, and in times of what was used
/// of it: it goes when there is little to say again.
private let roomKeptMax = (bytes: 256 << 10, times: 16)

/// One connection after another, for one conversation. Confined to its event loop.
final class Link<Dialect: Conversation>: LinkOwner {
  private enum Phase {
    case idle
    /// Connecting, or waiting for the conversation to be ready.
    case opening
    case ready(since: NIODeadline)
    /// Waiting before another attempt.
    case pausing
    case ended(Result<Void, GodwitError>)
  }

  private let loop: any EventLoop
  private let settings: LinkSettings
  private let stateChanged: (ConnectionState) -> Void
  private let logger: Logger
  private let mailbox: Mailbox<Dialect.Batch>
  private let dialect: Dialect
  private var endpoints: EndpointList
  private var context: NIOSSLContext?

  private var phase = Phase.idle
  private var endpoint: Endpoint?
  private var handler: LinkHandler?
  private var output = ByteBuffer()
  /// Empty, with room for the commands of another turn.
  private var spareBatch = Dialect.Batch()
  private var isReading = false
  private var isStopping = false
  private var hasBeenReady = false
  /// Attempts since a connection was good.
  private var attempts = 0
  private var starters: [Confirmation<Void>] = []
  private var enders: [Confirmation<Void>] = []
  /// Opening's time-out, a pause, or the drain's time-out.
  private var patience: Scheduled<Void>?
  private var alarm: (at: NIODeadline, task: Scheduled<Void>)?
  private var lastMail = NIODeadline.uptimeNanoseconds(0)
  private var isComing = false

  init(
    loop: any EventLoop, settings: LinkSettings,
    stateChanged: @escaping (ConnectionState) -> Void, logger: Logger,
    mailbox: Mailbox<Dialect.Batch>, dialect: Dialect
  ) {
    self.loop = loop
    self.settings = settings
    self.stateChanged = stateChanged
    self.logger = logger
    self.mailbox = mailbox
    self.dialect = dialect
    self.endpoints = EndpointList(settings.endpoints, keepsOrder: settings.keepsOrder)
  }

  // MARK: What the driver asks

  /// Connects, when nobody has asked before.
  func start(_ starter: Confirmation<Void>) {
    switch self.phase {
    case .ready: starter.settle(.success(()))
    case .ended(.failure(let error)): starter.settle(.failure(error))
    case .ended: starter.settle(.failure(Self.closed))
    case .idle:
      self.starters.append(starter)
      self.open()
    case .opening, .pausing: self.starters.append(starter)
    }
  }

  /// Settles `ender` when the link has ended.
  func awaitEnd(_ ender: Confirmation<Void>) {
    if case .ended(let result) = self.phase { return ender.settle(result) }
    self.enders.append(ender)
  }

  /// Ends in good order.
  func stop() {
    guard !self.isStopping else { return }
    self.isStopping = true
    self.work()
    switch self.phase {
    case .ready:
      self.schedule(after: self.settings.drainTimeout) { link in
        link.logger.warning("stopped before everything was confirmed")
        link.finish(.success(()))
      }
      self.turn { turn in self.dialect.drain(&turn) }
    case .idle, .opening, .pausing: self.finish(.success(()))
    case .ended: break
    }
  }

  /// Looks into the mailbox.
  func work() {
    var spare = Dialect.Batch()
    swap(&spare, &self.spareBatch)
    var mail = self.mailbox.take(leaving: spare)
    defer { self.spareBatch = mail.batch }
    guard !mail.batch.isEmpty else { return }
    self.attend(mail)
    if case .ended = self.phase {
      self.dialect.refuse(mail.batch, Self.closed)
      mail.batch = Dialect.Batch()
      return
    }
    if case .idle = self.phase { self.open() }
    self.turn { turn in
      self.dialect.perform(&mail.batch, &turn)
      self.dialect.endBurst(&turn)
    }
  }

  /// How long what nobody waits for may wait for more of the kind.
  private static var company: TimeAmount { .microseconds(100) }

  /// When much is sent that nobody waits for, looks by itself into the mailbox rather than be woken
  /// for each message: waking a thread costs more than writing a hundred small messages.
  private func attend(_ mail: borrowing Mailbox<Dialect.Batch>.Mail) {
    guard mail.hasPatient else { return }
    let now = NIODeadline.now()
    defer { self.lastMail = now }
    guard mail.isAttended || now - self.lastMail < Self.company else { return }
    if !mail.isAttended { self.mailbox.attend() }
    guard !self.isComing else { return }
    self.isComing = true
    self.loop.assumeIsolated().scheduleTask(in: Self.company) { [weak self] in
      guard let self else { return }
      self.isComing = false
      self.work()
    }
  }

  // MARK: Turns

  private func turn(_ body: (inout LinkTurn) throws(GodwitError) -> Void) {
    var turn = LinkTurn(output: self.output, now: .now())
    // Given away, so that the turn writes into it in place.
    self.output = ByteBuffer()
    var failure: GodwitError?
    do throws(GodwitError) {
      try body(&turn)
    } catch {
      failure = error
    }
    self.output = turn.output
    if let learnt = turn.learnt { self.endpoints.learn(learnt) }
    // Last words are not kept until the end of the burst: there will be none.
    if !self.isReading || turn.wantsTLS || turn.isDrained || failure != nil { self.flush() }
    if let failure { return self.lose(failure) }
    if turn.wantsTLS { self.beginTLS() }
    if turn.isReady { self.becomeReady() }
    if turn.isDrained, self.isStopping { return self.finish(.success(())) }
    if turn.wantsMove { return self.move() }
    self.noteBytes()
    self.setAlarm()
  }

  private func flush() {
    guard let handler = self.handler, self.output.readableBytes > 0 else { return }
    var bytes = self.output
    self.output = ByteBuffer()
    handler.write(bytes)
    // What the socket has taken at once leaves its room to the next turn.
    guard handler.unwrittenBytes == 0, bytes.capacity <= roomKeptMax.bytes,
      bytes.capacity / roomKeptMax.times <= bytes.readableBytes
    else { return }
    bytes.clear()
    self.output = bytes
  }

  private var unsentBytes: Int {
    self.output.readableBytes + (self.handler?.unwrittenBytes ?? 0)
  }

  private func noteBytes() {
    self.mailbox.note(bytesAhead: self.dialect.waitingBytes + self.unsentBytes)
  }

  private func setAlarm() {
    let wanted = self.dialect.deadline
    if let alarm = self.alarm {
      // One that fires early finds nothing to do and is set again.
      if let wanted, alarm.at <= wanted { return }
      alarm.task.cancel()
      self.alarm = nil
    }
    guard let wanted else { return }
    let task = self.loop.assumeIsolated().scheduleTask(deadline: wanted) { [weak self] in
      guard let self else { return }
      self.alarm = nil
      self.turn { turn throws(GodwitError) in
        try self.dialect.timePassed(&turn)
        self.dialect.endBurst(&turn)
      }
    }
    self.alarm = (wanted, task)
  }

  private func schedule(after delay: Duration, _ body: @escaping (Link) -> Void) {
    self.patience?.cancel()
    self.patience = self.loop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [weak self] in
      if let self { body(self) }
    }
  }

  // MARK: Connecting

  private func open() {
    guard let endpoint = self.endpoints.next() else {
      return self.finish(.failure(GodwitError(.invalidArgument, "no server to connect to")))
    }
    self.phase = .opening
    self.endpoint = endpoint
    self.schedule(after: self.settings.connectTimeout) { link in
      link.lose(GodwitError(.timeout, "\(endpoint) did not let us in in time"))
    }
    let dialer = Dialer(settings: self.settings, endpoint: endpoint)
    let handler = LinkHandler(owner: self)
    self.handler = handler
    do throws(GodwitError) {
      let context = endpoint.usesTLS ? try self.tlsContext() : nil
      dialer.connect(on: self.loop, handler: handler, context: context) { [weak self] error in
        guard let self, self.handler === handler else { return }
        self.lose(ConnectionFailure.explain(error, connectingTo: endpoint))
      }
      self.setAlarm()
    } catch {
      self.lose(error)
    }
  }

  private func tlsContext() throws(GodwitError) -> NIOSSLContext {
    if let context = self.context { return context }
    let context = try self.settings.tls.makeContext()
    self.context = context
    return context
  }

  private func beginTLS() {
    guard let handler = self.handler, let endpoint = self.endpoint else { return }
    // TLS keeps the end of this read to itself.
    self.isReading = false
    do {
      try handler.addFirst(self.settings.tls.makeHandler(self.tlsContext(), for: endpoint))
    } catch {
      self.lose(ConnectionFailure.explain(error))
    }
  }

  private func becomeReady() {
    guard case .opening = self.phase else { return }
    self.patience?.cancel()
    self.patience = nil
    self.phase = .ready(since: .now())
    self.hasBeenReady = true
    self.logger.info("connected", metadata: ["server": "\(self.endpoint?.description ?? "")"])
    self.stateChanged(.connected)
    self.settleStarters(.success(()))
  }

  private func settleStarters(_ result: Result<Void, GodwitError>) {
    let starters = self.starters
    self.starters = []
    for starter in starters { starter.settle(result) }
  }

  // MARK: Losing the connection

  private func drop() {
    self.patience?.cancel()
    self.patience = nil
    self.alarm?.task.cancel()
    self.alarm = nil
    self.isReading = false
    self.output.clear(minimumCapacity: 0)
    let handler = self.handler
    self.handler = nil
    handler?.close()
  }

  /// A connection that was good for a while was good.
  private func forgetAttempts() {
    if case .ready(let since) = self.phase, NIODeadline.now() - since > .seconds(10) {
      self.attempts = 0
    }
  }

  /// The connection, or the attempt, has failed.
  private func lose(_ error: GodwitError) {
    if case .ended = self.phase { return }
    self.forgetAttempts()
    self.drop()
    self.dialect.end(error)
    self.noteBytes()
    if self.isStopping { return self.finish(.success(())) }
    self.attempts += 1
    guard self.hasBeenReady else {
      if self.attempts < self.endpoints.count { return self.open() }
      self.attempts = 0
      self.phase = .idle
      self.dialect.abandon(error)
      self.noteBytes()
      return self.settleStarters(.failure(error))
    }
    if let max = self.settings.attemptsMax, self.attempts > max {
      return self.finish(.failure(error))
    }
    self.logger.warning("reconnecting: \(error)", metadata: ["attempt": "\(self.attempts)"])
    self.stateChanged(.reconnecting(error))
    self.phase = .pausing
    self.setAlarm()
    self.schedule(after: self.pause()) { $0.open() }
  }

  /// A round goes through all servers; between rounds the waits grow.
  private func pause() -> Duration {
    let (rounds, place) = (self.attempts - 1).quotientAndRemainder(dividingBy: self.endpoints.count)
    let isFirst = rounds == 0 && place == 0
    if isFirst || place > 0 {
      // Those who lost the same server do not come to the next all at once.
      return self.settings.backoff.initial * Double.random(in: 0...0.5)
    }
    return self.settings.backoff.delay(afterAttempts: rounds)
  }

  /// Goes to another server, in good order.
  private func move() {
    self.forgetAttempts()
    self.drop()
    let error = GodwitError(.disconnected, "the server is about to stop")
    self.dialect.end(error)
    self.noteBytes()
    self.stateChanged(.reconnecting(error))
    self.attempts += 1
    guard self.attempts > 1 else { return self.open() }
    // Servers that send each other whoever comes are not run between.
    self.phase = .pausing
    self.setAlarm()
    self.schedule(after: self.pause()) { $0.open() }
  }

  private static var closed: GodwitError { GodwitError(.closed, "the driver was stopped") }

  /// The end of the link.
  func finish(_ result: Result<Void, GodwitError>) {
    if case .ended = self.phase { return }
    self.phase = .ended(result)
    self.drop()
    let error: GodwitError
    switch result {
    case .success:
      error = Self.closed
      self.stateChanged(.closed)
    case .failure(let failure):
      error = failure
      self.stateChanged(.failed(failure))
    }
    self.dialect.refuse(self.mailbox.close(error), error)
    self.dialect.close(error)
    self.settleStarters(.failure(error))
    let enders = self.enders
    self.enders = []
    for ender in enders { ender.settle(result) }
  }

  // MARK: The connection

  func opened(_ handler: LinkHandler) {
    guard self.handler === handler, let endpoint = self.endpoint else { return }
    self.turn { turn throws(GodwitError) in try self.dialect.begin(endpoint, &turn) }
  }

  func secured(_ handler: LinkHandler) {
    guard self.handler === handler, self.endpoint?.usesTLS == false else { return }
    self.turn { turn throws(GodwitError) in try self.dialect.secured(&turn) }
  }

  func received(_ input: inout ByteBuffer, by handler: LinkHandler) {
    guard self.handler === handler else { return }
    self.isReading = true
    self.turn { turn throws(GodwitError) in try self.dialect.receive(&input, &turn) }
    // Publishes are bounded where they come in; what is beyond are answers to a server that asks
    // on and on.
    if self.unsentBytes > linkAnswersMax,
      self.unsentBytes > linkAnswersMax + self.mailbox.bytesPossible
    {
      self.lose(GodwitError(.disconnected, "the server does not read what it asks for"))
    }
  }

  func burstEnded(_ handler: LinkHandler) {
    guard self.handler === handler else { return }
    self.isReading = false
    self.turn { turn in self.dialect.endBurst(&turn) }
  }

  func written(_ handler: LinkHandler) {
    if self.handler === handler { self.noteBytes() }
  }

  func lost(_ handler: LinkHandler, _ error: GodwitError) {
    guard self.handler === handler else { return }
    self.lose(error)
  }
}
