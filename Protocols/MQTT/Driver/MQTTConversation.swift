import Godwit
import GodwitDriverKit
import Logging
import MQTTWire
import NIOCore

/// The client machine with a clock, and with everybody who waits for it. On its link's event loop.
final class MQTTConversation: Conversation {
  private struct Interest {
    let window: DeliveryWindow
    let pattern: String
    var waiter: Confirmation<Void>?
    /// Who waits for the end, or for a pause to begin or end.
    var endings: [Confirmation<Void>] = []
    /// Whether the end is what is waited for.
    var isEnding = false
    var isLosing = false
  }

  private enum Due {
    case publish(UInt64)
    case subscription(UInt64)
    case proof(UInt64)
  }

  private let settings: MQTTSettings
  private let logger: Logger
  private var machine: MQTTClientMachine
  private var events: [MQTTClientMachine.Event] = []
  private var publishes: [UInt64: Confirmation<[Int?]>] = [:]
  private var interests: [UInt64: Interest] = [:]
  /// Who waits until the password is proven again.
  private var proofs: [UInt64: Confirmation<Void>] = [:]
  /// In the order of time, since every call has the same patience.
  private var dues: [(at: NIODeadline, what: Due)] = []
  private var dueHead = 0
  private var lastHeard = NIODeadline.now()
  private var lastSaid = NIODeadline.now()
  private var askedAt: NIODeadline?
  private var answeredAt = NIODeadline.now()
  private var complaints = Complaints()

  init(_ settings: MQTTSettings, plan: MQTTSessionPlan, logger: Logger) {
    self.settings = settings
    self.logger = logger
    self.machine = MQTTClientMachine(plan: plan) { Message.makeID() }
  }

  var waitingBytes: Int { self.machine.pendingBytes }

  // MARK: The connection

  func begin(_ endpoint: Endpoint, _ turn: inout LinkTurn) throws(GodwitError) {
    self.lastHeard = turn.now
    self.answeredAt = turn.now
    self.complaints = Complaints()
    self.machine.begin(into: &turn.output)
  }

  func secured(_ turn: inout LinkTurn) throws(GodwitError) {}

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
    if turn.output.readableBytes > 0 { self.lastSaid = turn.now }
    if self.machine.pings == 0 {
      self.askedAt = nil
    } else if self.askedAt == nil {
      self.askedAt = turn.now
    }
  }

  func drain(_ turn: inout LinkTurn) {
    self.machine.leave(into: &turn.output, events: &self.events)
    self.endBurst(&turn)
    self.handleEvents(&turn)
  }

  func end(_ error: GodwitError) {
    self.machine.end(events: &self.events)
    self.askedAt = nil
    self.settleProofs(.failure(error))
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
      for ending in interest.endings { ending.settle(.success(())) }
      interest.window.close()
    }
    self.interests = [:]
  }

  // MARK: Time

  /// When the server is asked whether it lives: when nothing was said or heard for most of the
  /// keep-alive; sooner when it owes an answer and gives none, whatever else it says.
  private var askingAt: NIODeadline? {
    let seconds = self.machine.terms.keepAliveSeconds ?? self.settings.keepAliveSeconds
    let usual: NIODeadline? =
      seconds == 0
      ? nil : min(self.lastHeard, self.lastSaid) + .milliseconds(Int64(seconds) * 750)
    guard self.machine.awaitsAnswer else { return usual }
    let soon = self.answeredAt + TimeAmount(self.settings.pingTimeout / 2)
    return usual.map { min($0, soon) } ?? soon
  }

  var deadline: NIODeadline? {
    let due = self.dueHead < self.dues.count ? self.dues[self.dueHead].at : nil
    guard self.machine.isConnected else { return due }
    let life = self.askedAt.map { self.patience(since: $0) } ?? self.askingAt
    return due.map { due in life.map { min($0, due) } ?? due } ?? life
  }

  /// How long an answer is waited for: while the server says other things, since answers come
  /// behind them, but not for ever.
  private func patience(since askedAt: NIODeadline) -> NIODeadline {
    let timeout = TimeAmount(self.settings.pingTimeout)
    let quiet = max(askedAt, self.lastHeard) + timeout
    let seconds = self.settings.keepAliveSeconds
    let busy = askedAt + .seconds(seconds == 0 ? 30 : Int64(seconds)) + timeout
    return min(quiet, busy)
  }

  func timePassed(_ turn: inout LinkTurn) throws(GodwitError) {
    while self.dueHead < self.dues.count, self.dues[self.dueHead].at <= turn.now {
      let what = self.dues[self.dueHead].what
      self.dueHead += 1
      self.expire(what, &turn)
    }
    if self.dueHead > 1_024 || self.dueHead == self.dues.count {
      self.dues.removeFirst(self.dueHead)
      self.dueHead = 0
    }
    guard self.machine.isConnected else { return }
    if let askedAt {
      guard turn.now < self.patience(since: askedAt) else {
        throw GodwitError(.disconnected, "the server no longer answers")
      }
    } else if let askingAt, turn.now >= askingAt {
      self.machine.ping(into: &turn.output)
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
    case .proof(let number):
      self.proofs.removeValue(forKey: number)?.settle(
        .failure(GodwitError(.timeout, "the server did not take the proof in time")))
    }
  }

  // MARK: Commands

  func perform(_ batch: inout [MQTTCommand], _ turn: inout LinkTurn) {
    for command in batch { self.perform(command, &turn) }
    batch.removeAll(keepingCapacity: batch.count <= 1_024)
  }

  private func perform(_ command: MQTTCommand, _ turn: inout LinkTurn) {
    switch command {
    case .publish(let messages, let token, let waiter):
      if let token, let waiter {
        self.publishes[token] = waiter
        self.dues.append((turn.now + TimeAmount(self.settings.timeout), .publish(token)))
      }
      self.machine.publish(
        messages, token: token, into: &turn.output, events: &self.events)
    case .withdraw(let token):
      self.publishes[token] = nil
      _ = self.machine.withdraw(token)
    case .subscribe(let number, let interest, let window, let waiter):
      self.interests[number] = Interest(
        window: window, pattern: interest.pattern, waiter: waiter)
      self.dues.append((turn.now + TimeAmount(self.settings.timeout), .subscription(number)))
      self.machine.subscribe(number, interest, into: &turn.output, events: &self.events)
    case .settle(let token, let isDone):
      self.machine.settle(token, isDone: isDone, into: &turn.output)
    case .setPaused(let number, let isPaused, let waiter):
      guard self.interests[number] != nil else { return waiter.settle(.success(())) }
      self.interests[number]?.endings.append(waiter)
      self.machine.setPaused(isPaused, number, into: &turn.output, events: &self.events)
    case .unsubscribe(let number, let waiter):
      guard self.interests[number] != nil else {
        waiter?.settle(.success(()))
        return
      }
      if let waiter { self.interests[number]?.endings.append(waiter) }
      self.interests[number]?.isEnding = true
      self.machine.unsubscribe(number, into: &turn.output, events: &self.events)
    case .reauthenticate(let number, let waiter):
      self.proofs[number] = waiter
      self.dues.append((turn.now + TimeAmount(self.settings.timeout), .proof(number)))
      self.machine.reauthenticate(into: &turn.output, events: &self.events)
    }
    self.handleEvents(&turn)
  }

  func refuse(_ batch: [MQTTCommand], _ error: GodwitError) {
    for command in batch { self.refuse(command, error) }
  }

  private func refuse(_ command: MQTTCommand, _ error: GodwitError) {
    switch command {
    case .publish(_, _, let waiter): waiter?.settle(.failure(error))
    case .subscribe(_, _, _, let waiter): waiter.settle(.failure(error))
    case .unsubscribe(_, let waiter): waiter?.settle(.success(()))
    case .setPaused(_, _, let waiter): waiter.settle(.success(()))
    case .reauthenticate(_, let waiter): waiter.settle(.failure(error))
    case .withdraw, .settle: break
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
    let events = self.events
    self.events.removeAll(keepingCapacity: true)
    // What came in a row for one subscription is handed over at once.
    var row: (number: UInt64, isKept: Bool) = (0, false)
    var messages: [IncomingMessage] = []
    for event in events {
      if case .delivered(let number, let message, let isKept) = event {
        if (number, isKept) != row {
          self.deliver(messages, to: row.number, isKept: row.isKept)
          messages.removeAll(keepingCapacity: true)
          row = (number, isKept)
        }
        messages.append(message)
        continue
      }
      self.deliver(messages, to: row.number, isKept: row.isKept)
      messages.removeAll(keepingCapacity: true)
      self.handle(event, &turn)
    }
    self.deliver(messages, to: row.number, isKept: row.isKept)
  }

  private func deliver(_ messages: [IncomingMessage], to number: UInt64, isKept: Bool) {
    guard !messages.isEmpty, let interest = self.interests[number] else { return }
    if isKept { return interest.window.receiveKept(messages) }
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

  private func handle(_ event: MQTTClientMachine.Event, _ turn: inout LinkTurn) {
    switch event {
    case .connected: turn.isReady = true
    case .published(let token, let receivers):
      self.publishes.removeValue(forKey: token)?.settle(.success(receivers))
    case .publishFailed(let token, let error):
      self.publishes.removeValue(forKey: token)?.settle(.failure(error))
    case .subscribed(let number):
      self.interests[number]?.waiter?.settle(.success(()))
      self.interests[number]?.waiter = nil
      self.settleEndings(number)
    case .subscriptionRefused(let number, let error):
      self.interests.removeValue(forKey: number)?.waiter?.settle(.failure(error))
    case .subscriptionLost(let number, let error):
      self.logger.error("\(error)")
      self.settleEndings(number)
      self.interests.removeValue(forKey: number)?.window.close()
    case .unsubscribed(let number):
      self.settleEndings(number)
      if self.interests[number]?.isEnding == true { self.interests[number] = nil }
    case .delivered: break
    case .sessionLost:
      self.logger.warning(
        "the server has lost the session: what it kept for the client is gone",
        metadata: ["client": "\(self.machine.plan.clientID)"])
    case .reauthenticated: self.settleProofs(.success(()))
    case .left: turn.isDrained = true
    case .warned(let text): self.complaints.add(text, to: self.logger)
    }
  }

  private func settleProofs(_ result: Result<Void, GodwitError>) {
    let proofs = self.proofs.values
    self.proofs = [:]
    for proof in proofs { proof.settle(result) }
  }

  private func settleEndings(_ number: UInt64) {
    guard let endings = self.interests[number]?.endings, !endings.isEmpty else { return }
    self.interests[number]?.endings = []
    for ending in endings { ending.settle(.success(())) }
  }
}
