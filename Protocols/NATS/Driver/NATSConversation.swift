import Godwit
import GodwitDriverKit
import Logging
import NATSWire
import NIOCore
import Synchronization

/// What tasks may know of the server without asking the event loop.
final class NATSServerFacts: Sendable {
  /// The most bytes of headers and body together; the largest number before a server said it.
  let maxPayload = Atomic(Int.max)
}

/// The client machine with a clock, and with everybody who waits for it. On its link's event loop.
final class NATSConversation: Conversation {
  private struct Interest {
    let window: DeliveryWindow
    let isSettled: Bool
    let pattern: String
    var waiter: Confirmation<Void>?
    /// Who waits for the end.
    var ending: Confirmation<Void>?
    var isLosing = false
  }

  private enum Due {
    case publish(UInt64)
    case subscription(UInt64)
  }

  private let settings: NATSSettings
  private let facts: NATSServerFacts
  private let logger: Logger
  private var machine: NATSClientMachine
  private var events: [NATSClientMachine.Event] = []
  private var publishes: [UInt64: Confirmation<Void>] = [:]
  private var interests: [UInt64: Interest] = [:]
  /// In the order of time, since every call has the same patience.
  private var dues: [(at: NIODeadline, what: Due)] = []
  private var dueHead = 0
  private var endpoint: Endpoint?
  private var lastHeard = NIODeadline.now()
  private var askedAt: NIODeadline?
  private var answeredAt = NIODeadline.now()
  private var complaints = Complaints()
  private var isDraining = false
  private var isLeaving = false
  private var knownServers = 0

  init(
    _ settings: NATSSettings, login: NATSLogin, facts: NATSServerFacts, logger: Logger
  ) {
    self.settings = settings
    self.facts = facts
    self.logger = logger
    self.machine = NATSClientMachine(login: login, wantsTLS: settings.requiresTLS)
  }

  var waitingBytes: Int { self.machine.waitingBytes }

  // MARK: The connection

  func begin(_ endpoint: Endpoint, _ turn: inout LinkTurn) throws(GodwitError) {
    self.endpoint = endpoint
    self.lastHeard = turn.now
    self.answeredAt = turn.now
    self.complaints = Complaints()
    self.isLeaving = false
    self.machine.begin(isSecure: endpoint.usesTLS)
  }

  func secured(_ turn: inout LinkTurn) throws(GodwitError) {
    try self.machine.secured(into: &turn.output)
  }

  func receive(_ input: inout ByteBuffer, _ turn: inout LinkTurn) throws(GodwitError) {
    self.lastHeard = turn.now
    let answers = self.machine.answers
    defer { if self.machine.answers != answers { self.answeredAt = turn.now } }
    do throws(GodwitError) {
      try self.machine.receive(&input, into: &turn.output, events: &self.events)
    } catch {
      self.handleEvents(&turn)
      throw error
    }
    self.handleEvents(&turn)
  }

  func endBurst(_ turn: inout LinkTurn) {
    self.machine.endBurst(into: &turn.output)
    if !self.machine.awaitsAnswer {
      self.askedAt = nil
    } else if self.askedAt == nil {
      self.askedAt = turn.now
    }
    if self.isLeaving, self.machine.isSettled { turn.wantsMove = true }
  }

  func drain(_ turn: inout LinkTurn) {
    self.isDraining = true
    self.machine.flush(into: &turn.output)
    self.endBurst(&turn)
  }

  func end(_ error: GodwitError) {
    self.machine.end(events: &self.events)
    self.isLeaving = false
    self.askedAt = nil
    self.handleEvents()
  }

  func abandon(_ error: GodwitError) {
    self.machine.abandon(error, events: &self.events)
    self.handleEvents()
  }

  func close(_ error: GodwitError) {
    self.end(error)
    self.abandon(error)
    for interest in self.interests.values {
      interest.waiter?.settle(.failure(error))
      interest.ending?.settle(.success(()))
      interest.window.close()
    }
    self.interests = [:]
  }

  // MARK: Time

  var deadline: NIODeadline? {
    let due = self.dueHead < self.dues.count ? self.dues[self.dueHead].at : nil
    guard self.machine.isConnected else { return due }
    let life =
      if let askedAt { self.patience(since: askedAt) } else {
        self.lastHeard + TimeAmount(self.settings.pingInterval)
      }
    return due.map { min($0, life) } ?? life
  }

  /// How long an answer is waited for: while the server says other things, since answers come
  /// behind them, but not for ever.
  private func patience(since askedAt: NIODeadline) -> NIODeadline {
    let timeout = TimeAmount(self.settings.pingTimeout)
    let quiet = max(askedAt, self.lastHeard) + timeout
    let busy = max(askedAt, self.answeredAt) + TimeAmount(self.settings.pingInterval) + timeout
    return min(quiet, busy)
  }

  func timePassed(_ turn: inout LinkTurn) throws(GodwitError) {
    while self.dueHead < self.dues.count, self.dues[self.dueHead].at <= turn.now {
      let what = self.dues[self.dueHead].what
      self.dueHead += 1
      self.expire(what, &turn)
    }
    self.forgetDues()
    guard self.machine.isConnected else { return }
    if let askedAt {
      guard turn.now < self.patience(since: askedAt) else {
        throw GodwitError(.disconnected, "the server no longer answers")
      }
    } else if turn.now - self.lastHeard >= TimeAmount(self.settings.pingInterval) {
      self.machine.ping(into: &turn.output)
    }
  }

  /// Forgets in front what nobody waits for any more.
  private func forgetDues() {
    while self.dueHead < self.dues.count, !self.isAwaited(self.dues[self.dueHead].what) {
      self.dueHead += 1
    }
    if self.dueHead == self.dues.count {
      self.dues.removeAll(keepingCapacity: self.dueHead <= 1_024)
      self.dueHead = 0
    } else if self.dueHead > 1_024, self.dueHead > self.dues.count / 2 {
      self.dues.removeFirst(self.dueHead)
      self.dueHead = 0
    }
  }

  private func isAwaited(_ what: Due) -> Bool {
    switch what {
    case .publish(let token): self.publishes[token] != nil
    case .subscription(let number): self.interests[number]?.waiter != nil
    }
  }

  private func expire(_ what: Due, _ turn: inout LinkTurn) {
    switch what {
    case .publish(let token):
      guard let waiter = self.publishes.removeValue(forKey: token) else { return }
      let error =
        self.machine.withdraw(token)
        ? GodwitError(.disconnected, "no connection in time: the message was not published")
        : GodwitError(.unconfirmed, "no confirmation in time: the message may have been published")
      waiter.settle(.failure(error))
    case .subscription(let number):
      guard let waiter = self.interests[number]?.waiter else { return }
      self.interests[number] = nil
      self.machine.unsubscribe(number, into: &turn.output, events: &self.events)
      waiter.settle(.failure(GodwitError(.timeout, "the subscription was not confirmed in time")))
      self.handleEvents(&turn)
    }
  }

  // MARK: Commands

  func perform(_ batch: inout NATSBatch, _ turn: inout LinkTurn) {
    // Frames in a row that go out as they stand.
    var row = 0
    for command in batch.commands {
      if case .publish(let bytes, let sizeMax, let waiter) = command,
        self.machine.takes(size: sizeMax)
      {
        row += bytes
        guard let waiter else { continue }
        self.machine.await(.init(token: waiter.token, subjects: waiter.subjects))
        self.await(waiter, turn.now)
        continue
      }
      batch.moveFrames(row, to: &turn.output)
      row = 0
      if case .publish(let bytes, let sizeMax, let waiter) = command {
        self.publish(batch.takeFrames(bytes), sizeMax, waiter, &turn)
      } else {
        self.perform(command, &turn)
      }
    }
    batch.moveFrames(row, to: &turn.output)
    batch.clear()
  }

  /// Publishes what cannot go out as it stands: it waits for a connection, or fails.
  private func publish(
    _ frames: ByteBuffer, _ sizeMax: Int, _ waiter: NATSCommand.Waiter?, _ turn: inout LinkTurn
  ) {
    let publish = NATSPublish(frames: frames, subjects: waiter?.subjects ?? [], sizeMax: sizeMax)
    do throws(GodwitError) {
      try self.machine.publish(publish, token: waiter?.token, into: &turn.output)
    } catch {
      waiter?.confirmation.settle(.failure(error))
      return
    }
    if let waiter { self.await(waiter, turn.now) }
  }

  private func await(_ waiter: NATSCommand.Waiter, _ now: NIODeadline) {
    self.publishes[waiter.token] = waiter.confirmation
    self.dues.append((now + TimeAmount(self.settings.timeout), .publish(waiter.token)))
  }

  private func perform(_ command: NATSCommand, _ turn: inout LinkTurn) {
    switch command {
    case .publish: break
    case .withdraw(let token):
      self.publishes[token] = nil
      _ = self.machine.withdraw(token)
    case .subscribe(let number, let request, let window, let waiter):
      self.interests[number] = Interest(
        window: window, isSettled: request.isSettled, pattern: request.pattern, waiter: waiter)
      self.dues.append((turn.now + TimeAmount(self.settings.timeout), .subscription(number)))
      self.machine.subscribe(
        number, to: request.pattern, group: request.group, into: &turn.output)
    case .setPaused(let number, let isPaused):
      self.machine.setPaused(isPaused, number, into: &turn.output)
    case .unsubscribe(let number, let waiter):
      self.interests[number]?.ending = waiter
      if self.interests[number] == nil { waiter?.settle(.success(())) }
      self.machine.unsubscribe(number, into: &turn.output, events: &self.events)
      self.handleEvents(&turn)
    }
  }

  func refuse(_ batch: NATSBatch, _ error: GodwitError) {
    for command in batch.commands {
      switch command {
      case .publish(_, _, let waiter): waiter?.confirmation.settle(.failure(error))
      case .subscribe(_, _, _, let waiter): waiter.settle(.failure(error))
      case .unsubscribe(_, let waiter): waiter?.settle(.success(()))
      case .withdraw, .setPaused: break
      }
    }
  }

  // MARK: Events

  /// Events of a connection that is gone.
  private func handleEvents() {
    var turn = LinkTurn(output: ByteBuffer(), now: .now())
    self.handleEvents(&turn)
  }

  private func handleEvents(_ turn: inout LinkTurn) {
    guard !self.events.isEmpty else { return }
    var events: [NATSClientMachine.Event] = []
    swap(&events, &self.events)
    let arrived = self.machine.takeArrived()
    var place = 0
    for event in events {
      guard case .delivered(let number, let count) = event else {
        self.handle(event, &turn)
        continue
      }
      // What came in a row for one subscription is handed over at once; mostly it is all there is.
      let isAll = count == arrived.count
      self.deliver(isAll ? arrived : Array(arrived[place..<(place + count)]), to: number)
      place += count
    }
    events.removeAll(keepingCapacity: events.count <= 1_024)
    // Unless what was handled has caused others.
    if self.events.isEmpty { swap(&events, &self.events) }
  }

  private func deliver(_ messages: [IncomingMessage], to number: UInt64) {
    guard let interest = self.interests[number] else { return }
    // A status stands for an answer; nobody but who waits for answers can tell it from a message.
    let hasStatus = interest.isSettled && messages.contains { $0.failure != nil }
    let messages = hasStatus ? messages.filter { $0.failure == nil } : messages
    let lost = interest.window.receive(messages)
    if lost > 0, !interest.isLosing {
      self.logger.error(
        "messages are lost: a subscription does not keep up",
        metadata: ["pattern": "\(interest.pattern)", "lost": "\(interest.window.dropped)"])
    } else if lost == 0, interest.isLosing {
      self.logger.notice(
        "a subscription keeps up again",
        metadata: ["pattern": "\(interest.pattern)", "lost": "\(interest.window.dropped)"])
    }
    if interest.isLosing != (lost > 0) { self.interests[number]?.isLosing = lost > 0 }
  }

  private func handle(_ event: NATSClientMachine.Event, _ turn: inout LinkTurn) {
    switch event {
    case .secure: turn.wantsTLS = true
    case .connected:
      self.facts.maxPayload.store(self.machine.info.maxPayload, ordering: .relaxed)
      turn.isReady = true
    case .published(let tokens):
      for token in tokens { self.publishes.removeValue(forKey: token)?.settle(.success(())) }
      self.forgetDues()
    case .publishFailed(let tokens, let error):
      for token in tokens { self.publishes.removeValue(forKey: token)?.settle(.failure(error)) }
    case .subscribed(let number):
      self.interests[number]?.waiter?.settle(.success(()))
      self.interests[number]?.waiter = nil
    case .subscriptionRefused(let number, let error):
      self.interests.removeValue(forKey: number)?.waiter?.settle(.failure(error))
    case .subscriptionLost(let number, let error):
      guard let interest = self.interests.removeValue(forKey: number) else { return }
      self.logger.error("\(error)", metadata: ["pattern": "\(interest.pattern)"])
      interest.window.close()
      interest.ending?.settle(.success(()))
    case .unsubscribed(let number):
      self.interests.removeValue(forKey: number)?.ending?.settle(.success(()))
    case .delivered: break
    case .learnt(let tcp, let webSocket): turn.learnt = self.learn(tcp, webSocket)
    case .lameDuck:
      guard max(self.settings.servers.count, self.knownServers) > 1 else { return }
      self.logger.notice("the server is about to stop: going to another")
      self.isLeaving = true
      self.machine.isHeld = true
    case .flushed: if self.isDraining { turn.isDrained = true }
    case .warned(let text): self.complaints.add("the server says: \(text)", to: self.logger)
    }
  }

  /// Other servers of the cluster are spoken to as this one is.
  private func learn(_ tcp: [String], _ webSocket: [String]) -> [Endpoint]? {
    guard self.settings.learnsServers, let endpoint = self.endpoint else { return nil }
    var learnt: [Endpoint] = []
    for address in endpoint.webSocketPath == nil ? tcp : webSocket {
      guard let url = try? EndpointURL(address, defaultScheme: "nats"), let port = url.port else {
        continue
      }
      var other = endpoint
      other.host = url.host
      other.port = port
      // Clusters tell addresses; certificates are for names.
      if (try? SocketAddress(ipAddress: url.host, port: port)) != nil {
        other.tlsName = endpoint.tlsName ?? endpoint.host
      }
      learnt.append(other)
    }
    self.knownServers = Set(learnt + [endpoint]).count
    return learnt
  }
}
