import Godwit
import NATSWire
import NIOCore

/// A client's half of a NATS conversation, over any number of connections after one another: bytes
/// in, events and bytes out. No socket, no clock.
///
/// A publish is confirmed by the PONG to a PING that was sent behind it: the server has read it by
/// then, and has complained if it had to. While one such PING is unanswered the publishes that
/// follow wait for the next, which they share.
struct NATSClientMachine {
  /// What whoever drives the machine is to do or to tell.
  enum Event {
    /// TLS is to begin now.
    case secure
    /// Logged in, and every subscription made again.
    case connected
    case published([UInt64])
    case publishFailed([UInt64], GodwitError)
    case subscribed(UInt64)
    case subscriptionRefused(UInt64, GodwitError)
    /// A subscription that was made before is not allowed any more.
    case subscriptionLost(UInt64, GodwitError)
    case unsubscribed(UInt64)
    /// So many of those that have arrived (`takeArrived`), in order, are of that subscription.
    case delivered(UInt64, count: Int)
    /// Servers of the cluster, as `host:port`.
    case learnt(tcp: [String], webSocket: [String])
    /// The server is about to stop.
    case lameDuck
    /// Everything that was said before `flush` has been read by the server.
    case flushed
    /// The server complains and goes on.
    case warned(String)
  }

  enum Phase {
    case offline
    case awaitingInfo
    case securing
    case loggingIn
    /// Subscriptions are being made again.
    case restoring
    case connected
  }

  /// What a PONG answers.
  enum Question {
    case login
    case restored([UInt64])
    case publishes([Written])
    case subscription(UInt64)
    case unsubscription(UInt64)
    case flush
    case alive
  }

  /// A publish that the server has been told.
  struct Written {
    var token: UInt64
    var subjects: [String]
  }

  /// A publish that waits for a connection.
  struct Waiting {
    var publish: NATSPublish
    var token: UInt64?
  }

  /// Publishes that wait, in order; any of them may be taken back at little cost.
  struct WaitingLine {
    private var line: [Waiting?] = []
    private var places: [UInt64: Int] = [:]
    private var withdrawn = 0

    mutating func append(_ one: Waiting) {
      if let token = one.token { self.places[token] = self.line.count }
      self.line.append(one)
    }

    mutating func withdraw(_ token: UInt64) -> Waiting? {
      guard let place = self.places.removeValue(forKey: token), let one = self.line[place] else {
        return nil
      }
      self.line[place] = nil
      self.withdrawn += 1
      if self.withdrawn > 64, self.withdrawn > self.line.count / 2 {
        for one in self.takeAll() { self.append(one) }
      }
      return one
    }

    mutating func takeAll() -> [Waiting] {
      defer { self = Self() }
      return self.line.compactMap(\.self)
    }
  }

  struct Interest {
    var pattern: String
    var group: String?
    var isPaused = false
    /// Whether it is about to end: nothing makes it again.
    var isEnding = false
    /// Whether the server of this connection has it.
    var isConfirmed = false
    /// Whether whoever asked for it has been told.
    var isKnown = false
  }

  let login: NATSLogin
  let wantsTLS: Bool
  var phase = Phase.offline
  var isSecure = false
  /// Whether publishes wait although there is a connection: it is about to be left.
  var isHeld = false
  var parser = NATSParser(sender: .server, limits: .client)
  var info = NATSServerInfo()
  /// Questions whose answers are due, in their order.
  var questions: [Question] = []
  var questionHead = 0
  /// How many questions were answered, on all connections.
  var answers: UInt64 = 0
  var isPublishAsked = false
  var unasked: [Written] = []
  var waiting = WaitingLine()
  var waitingBytes = 0
  var interests: [UInt64: Interest] = [:]
  var deliveries: UInt64 = 0
  /// Messages that no event has handed over yet.
  var arrived: [IncomingMessage] = []

  /// - Parameter wantsTLS: whether the connection must not go on without TLS.
  init(login: NATSLogin, wantsTLS: Bool) {
    self.login = login
    self.wantsTLS = wantsTLS
  }

  var isConnected: Bool {
    if case .connected = self.phase { true } else { false }
  }

  /// Whether some PING has no answer yet.
  var awaitsAnswer: Bool { self.questionHead < self.questions.count }

  /// Whether the server has confirmed everything that it was told.
  var isSettled: Bool { self.unasked.isEmpty && !self.awaitsAnswer }

  /// The messages that events speak of.
  mutating func takeArrived() -> [IncomingMessage] {
    defer { self.arrived = [] }
    return self.arrived
  }

  // MARK: The connection

  /// A connection was made; the server speaks first.
  mutating func begin(isSecure: Bool) {
    self.phase = .awaitingInfo
    self.isSecure = isSecure
    self.isHeld = false
    self.parser = NATSParser(sender: .server, limits: .client)
    self.info = NATSServerInfo()
  }

  /// The TLS that was asked for stands.
  mutating func secured(into out: inout ByteBuffer) throws(GodwitError) {
    guard case .securing = self.phase else { return }
    self.isSecure = true
    try self.logIn(into: &out)
  }

  /// The connection is gone. What was written and not confirmed fails; the rest waits.
  mutating func end(events: inout [Event]) {
    let lost = GodwitError(
      .unconfirmed, "the connection broke: the message may have been published, or not")
    for question in self.questions[self.questionHead...] {
      switch question {
      case .publishes(let written): events.append(.publishFailed(written.map(\.token), lost))
      case .unsubscription(let number):
        self.interests[number] = nil
        events.append(.unsubscribed(number))
      default: break
      }
    }
    if !self.unasked.isEmpty { events.append(.publishFailed(self.unasked.map(\.token), lost)) }
    self.questions = []
    self.questionHead = 0
    self.unasked = []
    self.isPublishAsked = false
    for number in self.interests.keys { self.interests[number]?.isConfirmed = false }
    self.phase = .offline
  }

  /// No connection can be had: what waits for one fails.
  mutating func abandon(_ error: GodwitError, events: inout [Event]) {
    for one in self.waiting.takeAll() {
      if let token = one.token { events.append(.publishFailed([token], error)) }
    }
    self.waitingBytes = 0
    for (number, interest) in self.interests where !interest.isKnown {
      self.interests[number] = nil
      events.append(.subscriptionRefused(number, error))
    }
  }

  mutating func ask(_ question: Question, into out: inout ByteBuffer) {
    self.questions.append(question)
    NATSEncoder.ping(into: &out)
  }

  mutating func answered() -> Question? {
    guard self.questionHead < self.questions.count else { return nil }
    let question = self.questions[self.questionHead]
    self.questionHead += 1
    self.answers &+= 1
    if self.questionHead == self.questions.count {
      self.questions.removeAll(keepingCapacity: true)
      self.questionHead = 0
    } else if self.questionHead > 64, self.questionHead > self.questions.count / 2 {
      self.questions.removeFirst(self.questionHead)
      self.questionHead = 0
    }
    return question
  }
}
