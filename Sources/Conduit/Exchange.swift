import Godwit
import Logging
import NIOCore
import Synchronization

/// What a conduit's parts share: who is bound, which streams arrive, which sends are under way.
///
/// Frames come in on the driver's own thread, one after the other, and nothing here waits; answers
/// go out by `Driver.send`.
final class Exchange: Sendable {
  struct State {
    var bindings: [String: [BindingQueue]] = [:]
    /// Who waits for replies, by the event that replies are sent as.
    var replies: [String: BindingQueue] = [:]
    /// By the last level of the subject they arrive on.
    var streams: [String: InboundStream] = [:]
    var sends: [UInt64: OutboundSend] = [:]
    /// Sends that are done, and still serve who comes late, the oldest first.
    var late: [(number: UInt64, until: ContinuousClock.Instant, bytes: Int)] = []
    var lateBytes = 0
    var number: UInt64 = 0
    var isDraining = false
    var isClosed = false
    var subscriptions: [any DriverSubscription] = []

    var isQuiet: Bool { self.streams.isEmpty && self.sends.isEmpty }
  }

  /// Bytes and number of messages that are kept for who comes late.
  private static let lateBytesMax = 16 << 20
  private static let lateCountMax = 10_000

  let service: String
  /// The service's name with this instance's own level: replies to it come to this instance only.
  let ownName: String
  let settings: ConduitSettings
  let logger: Logger
  let broker: Broker
  /// What the subjects begin with on which this instance alone is sent something.
  let inbox: String
  let state = Mutex(State())
  private let starting = AsyncOnce()
  private let unread = Atomic<Int>(0)
  private let wakeUps: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation

  init(_ service: String, on broker: Broker, settings: ConduitSettings, logger: Logger) {
    // Letters that a service's name keeps as they are.
    let instance = Message.makeID().lowercased()
    self.service = service
    self.ownName = "\(service).\(instance)"
    self.inbox = "_INBOX.\(Message.makeID())"
    self.broker = broker
    self.settings = settings
    self.logger = logger
    (self.wakeUps, self.wake) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  // MARK: The beginning

  /// Subscribes to what comes to this instance alone, the first time.
  func start() async throws(GodwitError) {
    try await self.starting.run { () async throws(GodwitError) in
      try await self.subscribe("\(self.inbox).*") { [weak self] in self?.receiveInbox($0) }
      try await self.subscribe(ConduitSubjects.service(self.ownName)) { [weak self] in
        self?.receiveHandshake($0, by: .own)
      }
      // Ends when the exchange is closed.
      Self.background { await self.keepTime() }
    }
  }

  func subscribe(
    _ pattern: String, group: String? = nil,
    _ receive: @escaping @Sendable (IncomingMessage) -> Void
  ) async throws(GodwitError) {
    let subscription = try await self.broker.driver.subscribe(
      SubscriptionRequest(
        pattern: pattern, group: group, id: "conduit-\(self.ownName)", prefetch: .max,
        isSettled: false),
      into: DeliveryQueue(sink: receive))
    let isClosed = self.state.withLock { state in
      if !state.isClosed { state.subscriptions.append(subscription) }
      return state.isClosed
    }
    guard isClosed else { return }
    await subscription.cancel()
    throw Self.closed
  }

  // MARK: Going out

  /// Leaves a frame for the broker, from wherever.
  func post(_ frame: ByteBuffer, to subject: String) {
    do throws(GodwitError) {
      try self.broker.driver.send(Message(bare: frame, to: subject))
    } catch {
      self.logger.warning("a frame was not sent", metadata: ["error": "\(error)"])
    }
  }

  /// Tells receivers that their stream ends here.
  func postFailure(_ text: String, to subjects: [String]) {
    guard !subjects.isEmpty, let frame = try? StreamSender.frames(ofFailure: text).first else {
      return
    }
    for subject in subjects { self.post(frame, to: subject) }
  }

  /// Accounts for bytes that wait in streams without flow control.
  ///
  /// - Returns: whether no more wait than may.
  @discardableResult
  func note(unread bytes: Int) -> Bool {
    guard bytes != 0 else { return true }
    return self.unread.wrappingAdd(bytes, ordering: .relaxed).newValue
      <= self.settings.unreadBytesMaxInAll
  }

  // MARK: Payloads

  /// What a value is written as.
  func encode<Value: Sendable>(
    _ value: Value
  ) throws(GodwitError) -> (payload: ByteBuffer, contentType: String) {
    let contentType = MediaType.answer(Value.self, to: self.settings.contentType)
    return (try self.broker.codecs.encode(value, as: contentType), contentType)
  }

  func decode<Value: Sendable>(
    _ type: Value.Type, from payload: ByteBuffer, contentType: String?
  ) throws(GodwitError) -> Value {
    try self.broker.codecs.decode(
      type, from: payload,
      contentType: contentType ?? MediaType.answer(type, to: self.settings.contentType))
  }

  // MARK: Tables

  func bind(_ queue: BindingQueue) throws(GodwitError) {
    let isClosed = self.state.withLock { state in
      if !state.isClosed, !state.isDraining {
        state.bindings[queue.event, default: []].append(queue)
        return false
      }
      return true
    }
    if isClosed { throw Self.closed }
  }

  func unbind(_ queue: BindingQueue) {
    self.state.withLock { state in
      guard var queues = state.bindings[queue.event] else { return }
      queues.removeAll { $0 === queue }
      state.bindings[queue.event] = queues.isEmpty ? nil : queues
    }
  }

  func expect(_ queue: BindingQueue) throws(GodwitError) {
    let isClosed = self.state.withLock { state in
      if !state.isClosed { state.replies[queue.event] = queue }
      return state.isClosed
    }
    if isClosed { throw Self.closed }
  }

  func forget(_ queue: BindingQueue) {
    self.state.withLock { _ = $0.replies.removeValue(forKey: queue.event) }
    queue.discard()
  }

  /// Begins a send.
  ///
  /// - Parameter patience: how long after the first answer it is believed that nobody is bound.
  func open(patience: Duration) throws(GodwitError) -> OutboundSend {
    let deadline = ContinuousClock.now + self.settings.acknowledgeTimeout
    let send = self.state.withLock { state -> OutboundSend? in
      guard !state.isClosed else { return nil }
      state.number += 1
      let send = OutboundSend(
        state.number, exchange: self, deadline: deadline, patience: patience)
      state.sends[send.number] = send
      return send
    }
    guard let send else { throw Self.closed }
    self.wake.yield()
    return send
  }

  /// Ends a send.
  ///
  /// - Parameter bytes: of the message that is still given to who comes late; `nil`: it is not.
  func close(_ send: OutboundSend, lateBytes bytes: Int? = nil) {
    let now = ContinuousClock.now
    self.state.withLock { state in
      guard let bytes, bytes <= Self.lateBytesMax - state.lateBytes,
        state.late.count < Self.lateCountMax
      else {
        state.sends[send.number] = nil
        return
      }
      state.late.append((send.number, now + self.settings.lateTime, bytes))
      state.lateBytes += bytes
    }
  }

  /// A stream has come to its end.
  func ended(_ stream: InboundStream) {
    // One for every instance is remembered for a while: the handshake's second copy may be late.
    if case .original(isShared: true) = stream.origin { return }
    let level = String(ConduitSubjects.lastLevel(of: stream.dataSubject))
    self.state.withLock { _ = $0.streams.removeValue(forKey: level) }
  }

  static let closed = GodwitError(.closed, "the conduit was closed")

  // MARK: Time

  func wakeUp() { self.wake.yield() }

  /// Looks at the clock while there is something to look at, until the task is cancelled.
  func keepTime() async {
    for await _ in self.wakeUps {
      var sweeps = 0
      while !Task.isCancelled, !self.state.withLock({ $0.isQuiet }) {
        // Precise enough for the time to gather; streams have longer deadlines.
        try? await Task.sleep(for: .milliseconds(10))
        sweeps += 1
        self.sweepSends()
        if sweeps % 10 == 0 { self.sweepStreams() }
      }
    }
  }

  private func sweepSends() {
    let now = ContinuousClock.now
    let sends = self.state.withLock { state in
      let due = state.late.prefix { $0.until <= now }
      for (number, _, bytes) in due {
        state.sends[number] = nil
        state.lateBytes -= bytes
      }
      state.late.removeFirst(due.count)
      return Array(state.sends.values)
    }
    for send in sends { send.timePassed(now) }
  }

  private func sweepStreams() {
    let now = ContinuousClock.now
    let streams = self.state.withLock { $0.streams }
    let done = streams.filter { $0.value.timePassed(now) }
    guard !done.isEmpty else { return }
    self.state.withLock { state in
      for (level, stream) in done where state.streams[level] === stream {
        state.streams[level] = nil
      }
    }
  }

  // MARK: The end

  /// Whether nothing is under way but messages at hand that still serve who comes late.
  var hasSettled: Bool {
    self.state.withLock { state in
      state.sends.count <= state.late.count && state.streams.values.allSatisfy(\.hasArrived)
    }
  }

  /// Takes no more messages; readers get those that wait.
  func drain() async {
    let (queues, subscriptions) = self.state.withLock { state in
      state.isDraining = true
      let queues = state.bindings.values.flatMap(\.self)
      // The inbox, and where replies come to, are needed to the end.
      let subscriptions = Array(state.subscriptions.dropFirst(2))
      state.subscriptions = Array(state.subscriptions.prefix(2))
      state.bindings = [:]
      return (queues, subscriptions)
    }
    for subscription in subscriptions { await subscription.cancel() }
    for queue in queues { queue.end() }
  }

  /// Ends everything that goes on.
  ///
  /// - Returns: subscriptions that are to be cancelled.
  func close() -> [any DriverSubscription] {
    let state = self.state.withLock { state in
      defer {
        state = State()
        state.isClosed = true
      }
      return state
    }
    self.wake.finish()
    for queue in state.bindings.values.flatMap(\.self) { queue.end() }
    for queue in state.replies.values { queue.end() }
    for stream in state.streams.values { stream.fail(Self.closed) }
    for send in state.sends.values { send.fail(Self.closed) }
    return state.subscriptions
  }
}
