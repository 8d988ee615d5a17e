import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import NIOCore

/// A NATS client as the engine sees it: turns publications into MSG and HMSG.
///
/// Confined to the loop. A session makes one for the tenant its client belongs to, and retires it
/// before the connection goes away.
final class NATSReceiver: Subscriber {
  /// The forms of NATS messages: `Publication.nativeForm`.
  enum Form {
    static var plain: UInt8 { 0 }
    static var headers: UInt8 { 1 }
    /// Added to either: the message tells what subject its receivers are to see, behind two bytes
    /// of length before all else.
    static var shown: UInt8 { 2 }
    /// Added to `shown`: the message ends before its payload, which stands elsewhere.
    static var apart: UInt8 { 4 }
  }

  /// Above this many bytes a message's receivers share one copy; below, each gets its own.
  private static var sharedBytesMin: Int { 32_768 }
  /// How many subscriptions of a client that is gone end in one turn of the loop.
  private static var unsubscribedPerTurn: Int { 5_000 }

  let connection: Connection
  /// Owns this receiver, and retires it before it goes away.
  private unowned let session: NATSSession
  let envelope: NATSEnvelope
  let permissions: Permissions?
  var subscriptions = NATSSubscriptionTable()
  /// Payload and header bytes delivered.
  var bytesOut: UInt64 = 0

  /// Whom admin pages name.
  override var owner: SubscriberOwner {
    SubscriberOwner(
      protocolName: NATSServer.name, name: self.connection.clientName,
      connectionID: self.connection.id)
  }

  private let origin: Origin
  private var echo = true
  private var takesHeaders = false
  private var replies: NATSReplyPermits?
  private var isRetired = false
  /// Bit n: messages of form n may be passed on as they came.
  private var passable: UInt8 = 0

  init(tenant: Tenant, session: NATSSession, permissions: Permissions?) {
    self.connection = session.connection
    self.session = session
    self.envelope = session.frontEnd.envelope
    self.origin = session.frontEnd.envelope.origin
    self.permissions = permissions
    self.replies = permissions?.responses.map { NATSReplyPermits($0) }
    super.init(tenant: tenant)
  }

  /// Takes over what CONNECT says about deliveries.
  func configure(echo: Bool, takesHeaders: Bool) {
    self.echo = echo
    self.takesHeaders = takesHeaders
    if self.isRetired || !echo || self.replies != nil {
      self.passable = 0
    } else {
      self.passable = takesHeaders ? 0b1111_1111 : 0b0101_0101
    }
  }

  /// Ends all subscriptions; nothing is delivered from now on.
  func retire() {
    guard !self.isRetired else { return }
    self.isRetired = true
    self.isReady = false
    self.passable = 0
    self.unsubscribe(self.subscriptions.unsorted[...])
  }

  /// Takes subscriptions out, so many in one turn of the loop: a client may have hundreds of
  /// thousands, and others need not wait until it is gone.
  private func unsubscribe(_ subscriptions: ArraySlice<NATSSubscription>) {
    for subscription in subscriptions.prefix(Self.unsubscribedPerTurn) {
      self.tenant.router.unsubscribe(subscription)
    }
    let rest = subscriptions.dropFirst(Self.unsubscribedPerTurn)
    guard !rest.isEmpty else { return }
    self.connection.loop.later { self.unsubscribe(rest) }
  }

  /// Whether a message to `subject` answers a request that was delivered here; counts it.
  func mayAnswer(_ subject: UnsafeRawBufferPointer) -> Bool {
    self.replies?.take(subject, now: self.tenant.engine.now) ?? false
  }

  /// `HMSG subject sid `; without its first byte it is the front of a MSG.
  override func prefix(
    for topic: UnsafeRawBufferPointer, subscription: Subscription
  ) -> [UInt8] {
    guard !self.isRetired, let subscription = subscription as? NATSSubscription else { return [] }
    var prefix: [UInt8] = []
    prefix.reserveCapacity(7 + topic.count + subscription.sid.count)
    prefix += "HMSG ".utf8
    prefix += topic
    prefix.append(0x20)
    prefix += subscription.sid
    prefix.append(0x20)
    return prefix
  }

  override func deliver(
    _ publication: inout Publication, to subscription: Subscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    // Only `NATSSession.subscribe` makes subscriptions of this subscriber.
    let subscription = unsafeDowncast(subscription, to: NATSSubscription.self)
    let form = publication.nativeForm
    guard publication.origin == self.origin, (self.passable &>> form) & 1 == 1,
      !subscription.needsCare, publication.native.count <= Self.sharedBytesMin
    else { return self.deliverWithCare(&publication, to: subscription, prefix: prefix) }
    subscription.delivered &+= 1
    self.bytesOut &+= Self.messageBytes(publication)
    self.connection.counters.messagesOut &+= 1
    if form & Form.shown == 0 {
      self.connection.append(Self.front(prefix, form: form), publication.native)
    } else {
      self.sendShown(publication, to: subscription)
    }
    return true
  }

  /// Answers: nothing is made but the message.
  override func deliverOnce(
    _ publication: inout Publication, to subscription: Subscription
  ) -> Bool {
    let own = unsafeDowncast(subscription, to: NATSSubscription.self)
    let form = publication.nativeForm
    guard publication.origin == self.origin, (self.passable &>> form) & 1 == 1, !own.needsCare,
      publication.native.count <= Self.sharedBytesMin
    else { return super.deliverOnce(&publication, to: subscription) }
    own.delivered &+= 1
    self.bytesOut &+= Self.messageBytes(publication)
    self.connection.counters.messagesOut &+= 1
    if form & Form.shown == 0 {
      self.send(form, publication.topic, publication.native, to: own)
    } else {
      self.sendShown(publication, to: own)
    }
    return true
  }

  /// The part of a prefix that a message of this form begins with.
  @inline(__always)
  private static func front(
    _ prefix: UnsafeRawBufferPointer, form: UInt8
  ) -> UnsafeRawBufferPointer {
    guard form == Form.plain, let base = prefix.baseAddress else { return prefix }
    return UnsafeRawBufferPointer(start: base + 1, count: prefix.count &- 1)
  }

  /// Header block and payload together, where the publication knows; a stored one knows only its
  /// payload.
  @inline(__always)
  private static func messageBytes(_ publication: borrowing Publication) -> UInt64 {
    UInt64(truncatingIfNeeded: max(publication.frame.count, publication.payload.count))
  }

  @inline(never)
  private func deliverWithCare(
    _ publication: inout Publication, to subscription: NATSSubscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    guard !self.isRetired, subscription.isActive else { return false }
    if !self.echo, publication.publisherID == self.id {
      return false
    }
    if subscription.isPartlyDenied, self.isDenied(publication.topic, subscription) { return false }
    let max = subscription.deliveredMax
    guard max == 0 || subscription.delivered < max else { return false }
    let isNative = publication.origin == self.origin
    if self.replies != nil { self.noteReply(&publication, isNative: isNative) }
    let form = publication.nativeForm
    if isNative, form & Form.headers == 0 || self.takesHeaders {
      self.bytesOut &+= Self.messageBytes(publication)
      if form & Form.shown == 0 {
        self.send(Self.front(prefix, form: form), &publication)
      } else {
        self.sendShown(publication, to: subscription)
      }
    } else {
      let withHeaders = self.takesHeaders
      let engine = self.tenant.engine
      var tail = publication.sharedFrame(kind: self.envelope.frameKind(withHeaders: withHeaders)) {
        self.envelope.tail(of: &$0, engine: engine, withHeaders: withHeaders)
      }
      let tailForm = tail.readInteger(as: UInt8.self) ?? Form.plain
      self.bytesOut &+= UInt64(truncatingIfNeeded: publication.payload.count)
      self.connection.append(Self.front(prefix, form: tailForm))
      self.connection.append(tail)
    }
    self.connection.counters.messagesOut &+= 1
    subscription.delivered &+= 1
    if max > 0, subscription.delivered >= max { self.session.remove(subscription) }
    return true
  }

  /// Sends a message of this protocol as it came; a large one is copied once for all receivers.
  private func send(_ front: UnsafeRawBufferPointer, _ publication: inout Publication) {
    guard publication.native.count > Self.sharedBytesMin else {
      self.connection.append(front, publication.native)
      return
    }
    let tail = publication.sharedFrame(kind: self.envelope.nativeFrameKind) {
      ByteBuffer(bytes: $0.native)
    }
    self.connection.append(front)
    self.connection.append(tail)
  }

  /// Sends a message under another subject than the one by which it came here.
  private func sendShown(
    _ publication: borrowing Publication, to subscription: NATSSubscription
  ) {
    guard let (subject, tail) = NATSEnvelope.shown(publication) else { return }
    let form = publication.nativeForm
    if form & Form.apart == 0 {
      self.send(form, subject, tail, to: subscription)
    } else {
      self.send(form, subject, tail, publication.payload, to: subscription)
    }
  }

  /// Puts a message together where it is sent from.
  ///
  /// - Parameter payload: what follows `tail`, with the line end that belongs to it; `nil` where
  ///   that has all.
  @inline(__always)
  private func send(
    _ form: UInt8, _ subject: UnsafeRawBufferPointer, _ tail: UnsafeRawBufferPointer,
    _ payload: UnsafeRawBufferPointer? = nil, to subscription: NATSSubscription
  ) {
    let verb: StaticString = form & Form.headers == 0 ? "MSG " : "HMSG "
    let sid = subscription.sid
    let more = payload.map { $0.count + 2 } ?? 0
    let count = verb.utf8CodeUnitCount + subject.count + sid.count + 2 + tail.count + more
    self.connection.append(count: count) { target in
      var writer = RawWriter(target)
      writer.write(verb)
      writer.write(subject)
      writer.write(byte: 0x20)
      writer.write(sid)
      writer.write(byte: 0x20)
      writer.write(tail)
      if let payload {
        writer.write(payload)
        writer.write("\r\n")
      }
    }
  }

  private func isDenied(
    _ topic: UnsafeRawBufferPointer, _ subscription: NATSSubscription
  ) -> Bool {
    guard let permissions = self.permissions else { return false }
    let queue = subscription.queue
    return !permissions.mayReceive(topic, group: queue.isEmpty ? nil : queue)
  }

  private func noteReply(_ publication: inout Publication, isNative: Bool) {
    let now = self.tenant.engine.now
    if isNative {
      let reply = NATSEnvelope.Tail(publication).reply
      if !reply.isEmpty { self.replies?.note(reply, now: now) }
    } else if let reply = publication.metadata(self.tenant.engine).replyTopic {
      reply.withUnsafeBytes { self.replies?.note($0, now: now) }
    }
  }
}
