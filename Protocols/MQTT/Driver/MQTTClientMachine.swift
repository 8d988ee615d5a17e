import Godwit
import MQTTWire
import NIOCore

/// A client's half of an MQTT conversation, over any number of connections after one another: bytes
/// in, events and bytes out. No socket, no clock.
///
/// Publishes that are not acknowledged when a connection breaks are repeated on the next: with DUP
/// and the same identifier when the server has the session, else as new. Messages are acknowledged
/// when they are settled, in the order in which they came (MQTT 5.0, 4.6).
struct MQTTClientMachine {
  /// What whoever drives the machine is to do or to tell.
  enum Event {
    /// Let in, and every subscription made again.
    case connected
    case published(UInt64, [Int?])
    case publishFailed(UInt64, GodwitError)
    case subscribed(UInt64)
    case subscriptionRefused(UInt64, GodwitError)
    /// A subscription that was made before is not allowed any more.
    case subscriptionLost(UInt64, GodwitError)
    case unsubscribed(UInt64)
    /// A message; whether the server keeps it until it is acknowledged.
    case delivered(UInt64, IncomingMessage, isKept: Bool)
    /// The server has forgotten what it kept for this client.
    case sessionLost
    /// The password was proven again, or there is no connection that it could be proven on.
    case reauthenticated
    /// Everything is confirmed that was said before `leave`.
    case left
    case warned(String)
  }

  enum Phase {
    case offline
    case connecting
    /// Subscriptions are being made again.
    case restoring
    case connected
  }

  /// What a SUBSCRIBE or UNSUBSCRIBE was for.
  enum Question {
    case subscription(UInt64)
    /// To be over for good.
    case unsubscription(UInt64)
    /// To take no part for a while.
    case pause(UInt64)
  }

  let plan: MQTTSessionPlan
  let makeNonce: @Sendable () -> String
  var phase = Phase.offline
  var terms = MQTTServerTerms()
  var decoder: MQTTDecoder
  var scram: SCRAMClient?
  /// Whether the password is being proven again.
  var isProving = false
  /// Whether the server may have a session of ours.
  var hasSession = false
  var isLeaving = false
  /// PINGREQs without their PINGRESP.
  var pings = 0
  /// How often the server has answered what it was asked or told, on all connections.
  var answers: UInt64 = 0

  // What we publish.
  var waiting: [MQTTPending] = []
  var waitingHead = 0
  var inflight: [UInt16: MQTTPending] = [:]
  var pendingBytes = 0
  var batches: [UInt64: MQTTBatch] = [:]
  var lastID: UInt16 = 0
  var publishCount: UInt64 = 0
  var aliases: [ByteBuffer: UInt16] = [:]
  var lastAlias: (topic: ByteBuffer, alias: UInt16)?

  // What we subscribe to.
  var interests: [UInt64: MQTTInterest] = [:]
  var questions: [UInt16: Question] = [:]
  var inbox = MQTTInbox()
  /// Whether it was said that the server sends more than it may.
  var isCrowded = false
  /// Topics by the aliases that the server gave.
  var aliasesIn: [UInt16: String] = [:]
  /// The last topic that came, in both forms.
  var lastTopic: (name: ByteBuffer, topic: String)?

  init(plan: MQTTSessionPlan, makeNonce: @escaping @Sendable () -> String) {
    self.plan = plan
    self.makeNonce = makeNonce
    self.decoder = MQTTDecoder(version: plan.version, limits: Self.limits(plan))
  }

  private static func limits(_ plan: MQTTSessionPlan) -> MQTTDecoder.Limits {
    var limits = MQTTDecoder.Limits()
    limits.packetSizeMax = plan.packetBytesMax
    return limits
  }

  var isConnected: Bool {
    if case .connected = self.phase { true } else { false }
  }

  /// Whether the server owes an answer.
  var awaitsAnswer: Bool { self.pings > 0 || !self.inflight.isEmpty || !self.questions.isEmpty }

  // MARK: The connection

  /// A connection was made.
  mutating func begin(into out: inout ByteBuffer) {
    self.phase = .connecting
    self.decoder = MQTTDecoder(version: self.plan.version, limits: Self.limits(self.plan))
    self.terms = MQTTServerTerms()
    var proof: ByteBuffer?
    if let credentials = self.plan.login.scram { proof = self.beginProof(credentials) }
    let connect = self.plan.connect(hasSession: self.hasSession, authenticationData: proof)
    MQTTEncoder.encode(.connect(connect), self.plan.version, into: &out)
  }

  /// The connection is gone. What is not acknowledged waits for the next.
  mutating func end(events: inout [Event]) {
    self.phase = .offline
    self.pings = 0
    self.isProving = false
    self.aliases = [:]
    self.lastAlias = nil
    self.aliasesIn = [:]
    self.inbox.connectionEnded()
    for question in self.questions.values {
      switch question {
      case .unsubscription(let number):
        self.interests[number] = nil
        events.append(.unsubscribed(number))
      case .pause(let number):
        self.interests[number]?.isEstablished = false
        events.append(.unsubscribed(number))
      case .subscription: break
      }
    }
    self.questions = [:]
  }

  /// No connection can be had: what waits for one fails.
  mutating func abandon(_ error: GodwitError, events: inout [Event]) {
    let lost = GodwitError(
      .unconfirmed, "the connection broke: the message may have been published, or not")
    for pending in self.waiting[self.waitingHead...] {
      self.fail(pending, pending.wasWritten ? lost : error, &events)
    }
    self.waiting = []
    self.waitingHead = 0
    for pending in self.inflight.values { self.fail(pending, lost, &events) }
    self.inflight = [:]
    self.pendingBytes = 0
    for (number, interest) in self.interests where !interest.isKnown {
      self.interests[number] = nil
      events.append(.subscriptionRefused(number, error))
    }
  }

  /// Asks whether the server is alive.
  mutating func ping(into out: inout ByteBuffer) {
    guard self.isConnected else { return }
    self.pings += 1
    MQTTEncoder.encode(.pingreq, self.plan.version, into: &out)
  }

  // MARK: Leaving

  /// Ends in good order: `left` tells when all is confirmed and the farewell is said.
  mutating func leave(into out: inout ByteBuffer, events: inout [Event]) {
    guard !self.isLeaving else { return }
    self.isLeaving = true
    guard self.isConnected else { return events.append(.left) }
    // Its answer comes behind everything that the server was told.
    self.ping(into: &out)
  }

  mutating func finishLeaving(into out: inout ByteBuffer, events: inout [Event]) {
    guard self.isLeaving, self.isConnected, self.pings == 0, self.inflight.isEmpty,
      self.waitingHead == self.waiting.count
    else { return }
    var farewell = MQTTDisconnect()
    if self.plan.endsSession, self.plan.sessionExpiry > 0 {
      farewell.properties.append(.sessionExpiryInterval, 0)
    }
    MQTTEncoder.encode(.disconnect(farewell), self.plan.version, into: &out)
    self.phase = .offline
    events.append(.left)
  }

  /// Tells the server why the connection ends, where the version can.
  mutating func complain(_ reason: MQTTReasonCode, into out: inout ByteBuffer) {
    guard self.plan.version == .v5 else { return }
    MQTTEncoder.encode(.disconnect(MQTTDisconnect(reason: reason)), .v5, into: &out)
  }

  // MARK: Identifiers

  /// An identifier that nothing uses; there is one, since fewer than all are handed out.
  mutating func nextID() -> UInt16 {
    repeat {
      self.lastID = self.lastID == .max ? 1 : self.lastID + 1
    } while self.inflight[self.lastID] != nil || self.questions[self.lastID] != nil
    return self.lastID
  }
}
