import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import MQTTWire

/// What the server keeps of a client, with or without a connection (MQTT 5.0, 4.1): subscriptions,
/// messages under way and waiting, the will.
final class MQTTSession: Subscriber {
  /// The front end, which outlives every session.
  unowned let frontEnd: MQTTServer
  /// The client identifier.
  let clientID: [UInt8]
  /// The same as text, for people.
  var clientName: String { String(decoding: clientID, as: UTF8.self) }
  /// Whom the session acts for.
  var principal: Principal
  /// By filter, as the client knows it.
  var subscriptions: [[UInt8]: MQTTSubscription] = [:]
  /// How long the session outlives its connection, in seconds; `.max` for ever.
  var expirySeconds: UInt32 = 0
  /// What to publish when the client goes without a word.
  var will: MQTTWill?
  /// QoS 2 messages from the client that are not yet released, where nothing outlives the process.
  private(set) var unreleased: Set<UInt16> = []
  /// Those that are not yet kept, and who waits to hear whether they are.
  var undecided: [UInt16: [(EngineError?) -> Void]] = [:]
  /// What of the session outlives the process; `nil` where nothing does.
  let queue: Queue?
  /// Retained messages that new subscriptions still get.
  var walks: [MQTTRetainedDelivery.Walk] = []
  /// What the session takes from its tenant's budget, when it outlives its connection.
  var charge: MemoryCharge?
  /// Messages to the client that want an answer; made with the first one.
  var outbox: MQTTOutbox?
  /// Whether messages are held back one by one because some of what a filter matches is denied.
  var checksDelivery = false
  /// When the session lost its connection, in the engine's clock; 0 while it has one.
  var disconnectedAt: Int64 = 0
  /// Whether it has come to its end; then nothing refers to it any more.
  private(set) var isEnded = false

  /// Whom admin pages name.
  override var owner: SubscriberOwner {
    SubscriberOwner(
      protocolName: MQTTServer.name, name: self.clientName,
      connectionID: self.client?.connection.id)
  }

  /// Where deliveries are counted; see `MQTTServer.counters`.
  let counters: UnsafeMutablePointer<MQTTStatistics>
  /// What the engine calls this protocol.
  let origin: Origin
  /// Bytes that may wait for the client before QoS 0 messages are dropped.
  var pendingBytesMax = 0

  // MARK: The connection, copied here because the message path needs it

  /// The client's half, while there is one.
  private(set) var client: MQTTClient?
  /// Its connection; lives as long as `client` does.
  private(set) var link: Unmanaged<Connection>?
  /// The connection's version.
  private(set) var version = MQTTVersion.v311
  /// Which frames can be handed on as they are; 0 for none.
  private(set) var frameKind: UInt32 = 0
  /// The largest packet that the client takes.
  private(set) var packetSizeMax = Int.max
  /// How many QoS 1 and 2 messages may be under way.
  private(set) var window = 0
  /// Topics that the client knows by number; `nil` when it wants none.
  private(set) var aliases: MQTTAliases?

  /// Whose connection the session has lost, when it outlives it or leaves a will.
  private(set) var absentee: MQTTSender?
  private var expiryTimer: Timers.Token?
  private var willTimer: Timers.Token?

  init(
    clientID: [UInt8], principal: Principal, frontEnd: MQTTServer, queue: Queue? = nil
  ) {
    self.frontEnd = frontEnd
    self.queue = queue
    counters = frontEnd.counters
    origin = frontEnd.origin
    self.clientID = clientID
    self.principal = principal
    super.init(tenant: principal.tenant)
    isReady = false
    queue?.whenReady = { [unowned self] in pump() }
  }

  /// What a session of that client identifier takes, without its subscriptions and messages.
  static func byteCount(_ clientID: [UInt8]) -> Int { 1_024 + 2 * clientID.count }

  /// Whether the client is there.
  var isOnline: Bool { link != nil }

  /// How many messages wait or are under way.
  var queuedCount: Int { outbox?.count ?? 0 }

  override func deliver(
    _ publication: inout Publication, to subscription: Subscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    // Sessions subscribe with nothing else.
    take(&publication, unsafeDowncast(subscription, to: MQTTSubscription.self), prefix)
  }

  override func prefix(
    for topic: UnsafeRawBufferPointer, subscription: Subscription
  ) -> [UInt8] {
    guard let own = subscription as? MQTTSubscription else { return [] }
    if own.group != nil {
      return own.identifier.isEmpty ? [] : MQTTDeliveryPlan.encode([own])
    }
    guard subscriptions.count > 1 else {
      return own.identifier.isEmpty ? [] : MQTTDeliveryPlan.encode([own])
    }
    let all = frontEnd.table(of: tenant).matching(topic, of: self)
    guard all.count > 1 else {
      return own.identifier.isEmpty ? [] : MQTTDeliveryPlan.encode([own])
    }
    return all.first === own ? MQTTDeliveryPlan.encode(all) : MQTTDeliveryPlan.passedOver
  }

  // MARK: Life

  /// A connection continues or begins the session.
  func attach(_ client: MQTTClient, terms: MQTTTerms, principal: Principal) {
    self.client = client
    link = Unmanaged.passUnretained(client.connection)
    version = terms.version
    pendingBytesMax = frontEnd.settings.pendingBytesMax
    packetSizeMax = terms.packetSizeMax
    window = terms.window
    aliases = terms.aliasMaximum > 0 ? MQTTAliases(maximum: terms.aliasMaximum) : nil
    let kind = terms.version == .v5 ? MQTTFrame.kind5 : MQTTFrame.kind3
    frameKind = aliases == nil ? kind : 0
    expirySeconds = terms.expirySeconds
    changePrincipal(principal)
    disconnectedAt = 0
    absentee = nil
    isReady = true
    cancelTimers()
    will = nil
    noteHead()
  }

  /// The connection is gone.
  ///
  /// - Parameter publishesWill: whether it ended without DISCONNECT, or with one that wants it.
  func detach(publishesWill: Bool) {
    guard link != nil else { return }
    if let client, will != nil || expirySeconds > 0 {
      absentee = MQTTSender(principal, client.peerIdentity)
      will?.sender = absentee
    }
    client = nil
    link = nil
    aliases = nil
    isReady = false
    disconnectedAt = frontEnd.engine.now
    outbox?.connectionLost()
    if !publishesWill {
      will = nil
      noteWill()
    }
    noteHead()
    beginAbsence()
  }

  /// Has will and session end in time, counted from when the connection was lost.
  private func beginAbsence() {
    let timers: Timers = frontEnd.engine.timers
    if let will {
      if will.delaySeconds == 0 || expirySeconds == 0 {
        publishWill()
      } else {
        willTimer = timers.schedule(
          at: disconnectedAt + Int64(min(will.delaySeconds, expirySeconds)) * 1_000_000_000, self,
          kind: Self.willKind)
      }
    }
    if expirySeconds == 0 {
      end()
    } else if expirySeconds != .max {
      expiryTimer = timers.schedule(
        at: disconnectedAt + Int64(expirySeconds) * 1_000_000_000, self, kind: Self.expiryKind)
    }
  }

  /// Takes up what an earlier life of the process has kept of an absent client.
  func restore(_ head: MQTTSessionHead, _ absentee: MQTTSender) {
    expirySeconds = head.expirySeconds
    // One that was connected lost its connection with the process.
    disconnectedAt = head.disconnectedAt == 0 ? frontEnd.engine.now : head.disconnectedAt
    self.absentee = absentee
    if let queue, queue.count > 0 { outbox = makeOutbox() }
    changePrincipal(principal)
    if head.disconnectedAt == 0 { noteHead() }
  }

  /// The sessions of all clients are there: wills may go out, and time goes on.
  func goOn() {
    will?.sender = absentee
    beginAbsence()
  }

  // MARK: QoS 2 from the client

  /// Whether a message was received by that identifier, and is not yet released.
  func holds(_ packetID: UInt16) -> Bool {
    queue?.received.contains(packetID) ?? unreleased.contains(packetID)
  }

  /// How many were received and are not yet released.
  var heldCount: Int { queue?.received.count ?? unreleased.count }

  /// Notes a message that nothing keeps.
  func hold(_ packetID: UInt16) { unreleased.insert(packetID) }

  /// A message may come by that identifier again.
  ///
  /// - Returns: whether it was known.
  @discardableResult
  func forget(_ packetID: UInt16) -> Bool {
    guard let queue else { return unreleased.remove(packetID) != nil }
    guard queue.received.contains(packetID) else { return false }
    queue.release(packetID)
    return true
  }

  /// Ends the session: a will that still waits is published now (MQTT 5.0, 3.1.3.2.2).
  func end() {
    guard !isEnded else { return }
    isEnded = true
    cancelTimers()
    publishWill()
    for subscription in subscriptions.values { frontEnd.removed(subscription, of: self) }
    subscriptions = [:]
    outbox?.endHolds()
    let orphans = frontEnd.isDraining ? [] : outbox?.orphans ?? []
    outbox = nil
    unreleased = []
    walks = []
    charge = nil
    frontEnd.table(of: tenant).remove(self)
    if !orphans.isEmpty { handBack(orphans) }
    if let queue { tenant.queues?.delete(queue) }
  }

  /// The settings changed what the client may do: subscriptions that it may no longer have go.
  func changePrincipal(_ principal: Principal) {
    self.principal = principal
    checksDelivery = principal.permissions?.deniesAny == true
    guard let permissions = principal.permissions else { return }
    for (filter, subscription) in subscriptions
    where !permissions.maySubscribe(subscription.pattern, group: subscription.share) {
      subscriptions[filter] = nil
      frontEnd.removed(subscription, of: self)
    }
  }

  /// The settings changed while the client is away: what it may no longer have goes, and all of it
  /// with its user. A password that has changed is a matter of coming back, not of staying.
  func settingsChangedWhileAway() {
    guard !isOnline, !isEnded, let absentee else { return }
    guard let today = absentee.standing(frontEnd.context.access.authenticator) else {
      end()
      return
    }
    changePrincipal(today)
  }

  private func publishWill() {
    guard let will else { return }
    self.will = nil
    frontEnd.publish(will, from: self)
    noteWill()
  }

  private func cancelTimers() {
    if let expiryTimer { frontEnd.engine.timers.cancel(expiryTimer) }
    if let willTimer { frontEnd.engine.timers.cancel(willTimer) }
    expiryTimer = nil
    willTimer = nil
  }
}

extension MQTTSession: TimerTarget {
  private static var willKind: Int { 1 }
  private static var expiryKind: Int { 2 }

  func timerFired(_ kind: Int) {
    if kind == Self.willKind {
      willTimer = nil
      publishWill()
    } else {
      expiryTimer = nil
      frontEnd.statistics.clientsExpired &+= 1
      end()
    }
  }
}

/// What CONNECT and the settings agreed on for one connection.
struct MQTTTerms {
  var version: MQTTVersion
  /// The largest packet that the client takes.
  var packetSizeMax = Int.max
  /// How many QoS 1 and 2 messages may be under way to the client.
  var window: Int
  /// How many topics the client wants to know by number.
  var aliasMaximum = 0
  /// How long the session outlives the connection, in seconds.
  var expirySeconds: UInt32 = 0
}
