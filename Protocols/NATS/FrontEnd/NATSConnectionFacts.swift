import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import NATSWire

/// What `/connz` shows of one connection, open or closed.
struct NATSConnectionFacts {
  /// One subscription of it.
  struct SubscriptionFacts {
    var subject: String
    var queue: String
    var sid: String
    var delivered: UInt64
    var deliveredMax: UInt64
  }

  var id: UInt64
  var peer: PeerInfo
  var openedAt: Int64
  var lastActivityAt: Int64
  /// When it ended; 0 while it is open.
  var stoppedAt: Int64 = 0
  var reason = ""
  var roundTrip: Int64
  var pendingBytes: Int
  var messagesIn: UInt64
  var messagesOut: UInt64
  var bytesIn: UInt64
  var bytesOut: UInt64
  var stalls: UInt64
  var tlsFirst: Bool
  var subscriptionCount: Int
  var name: String
  var language: String
  var version: String
  var user: String
  var account: String
  /// Filled on demand.
  var subscriptions: [SubscriptionFacts] = []

  init(_ session: NATSSession) {
    let connection = session.connection
    self.id = connection.id
    self.peer = connection.peer
    self.openedAt = connection.openedAt
    self.lastActivityAt = session.lastActivityAt
    self.roundTrip = session.roundTrip
    self.pendingBytes = connection.pendingBytes
    self.messagesIn = connection.counters.messagesIn
    self.messagesOut = connection.counters.messagesOut
    self.bytesIn = session.bytesIn
    self.bytesOut = session.receiver?.bytesOut ?? 0
    self.stalls = connection.counters.stalls
    self.tlsFirst = connection.peer.transport == .tls && session.frontEnd.values.tlsFirst
    self.subscriptionCount = session.receiver?.subscriptions.count ?? 0
    self.name = session.options.name
    self.language = session.options.language
    self.version = session.options.version
    self.user = session.principal?.name ?? ""
    self.account = session.frontEnd.accountName(session.principal?.tenant)
  }

  /// The subscriptions of a session.
  static func subscriptions(of session: NATSSession) -> [SubscriptionFacts] {
    (session.receiver?.subscriptions.all ?? []).map(SubscriptionFacts.init)
  }

  /// Since when the connection has been idle, and how long it has lived: until `now`, or until it
  /// ended.
  func end(_ now: Int64) -> Int64 { self.stoppedAt > 0 ? self.stoppedAt : now }

  /// The connection's members in nats-server's order.
  func json(now: Int64, showsAuth: Bool, lists: NATSConnectionQuery.Lists) -> JSONValue {
    var json: [JSONValue.Member] = [
      .init("cid", .integer(Int64(clamping: self.id))), .init("kind", .string("Client")),
      .init("type", .string(self.peer.transport.isWebSocket ? "websocket" : "nats")),
      .init("ip", .string(self.peer.address)), .init("port", .integer(Int64(self.peer.port))),
      .init("start", .string(NATSTimestamp.text(self.openedAt))),
      .init("last_activity", .string(NATSTimestamp.text(self.lastActivityAt))),
    ]
    if self.stoppedAt > 0 {
      json.append(.init("stop", .string(NATSTimestamp.text(self.stoppedAt))))
      json.append(.init("reason", .string(self.reason)))
    }
    if self.roundTrip > 0 { json.append(.init("rtt", .string(NATSDuration.short(self.roundTrip)))) }
    let end = self.end(now)
    json += [
      .init("uptime", .string(NATSDuration.uptime(end - self.openedAt))),
      .init("idle", .string(NATSDuration.uptime(end - self.lastActivityAt))),
      .init("pending_bytes", .integer(Int64(self.pendingBytes))),
      .init("in_msgs", .integer(Int64(clamping: self.messagesIn))),
      .init("out_msgs", .integer(Int64(clamping: self.messagesOut))),
      .init("in_bytes", .integer(Int64(clamping: self.bytesIn))),
      .init("out_bytes", .integer(Int64(clamping: self.bytesOut))),
    ]
    if self.stalls > 0 { json.append(.init("stalls", .integer(Int64(clamping: self.stalls)))) }
    json.append(.init("subscriptions", .integer(Int64(self.subscriptionCount))))
    json.appendText("name", self.name)
    json.appendText("lang", self.language)
    json.appendText("version", self.version)
    json.appendText("tls_version", self.peer.tlsVersion ?? "")
    if let subject = self.peer.certificateSubject {
      json.append(
        .init("tls_peer_certs", .array([.object([.init("subject", .string(subject))])])))
    }
    if self.tlsFirst { json.append(.init("tls_first", .bool(true))) }
    if showsAuth {
      json.appendText("authorized_user", self.user)
      if self.account != "$G" { json.append(.init("account", .string(self.account))) }
      json.append(.init("name_tag", .string(self.account)))
    }
    switch lists {
    case .none: break
    case .subjects where !self.subscriptions.isEmpty:
      let subjects = self.subscriptions.map { JSONValue.string($0.subject) }
      json.append(.init("subscriptions_list", .array(subjects)))
    case .details where !self.subscriptions.isEmpty:
      let details = self.subscriptions.map { JSONValue.object($0.json(id: self.id)) }
      json.append(.init("subscriptions_list_detail", .array(details)))
    default: break
    }
    return .object(json)
  }
}

extension NATSConnectionFacts.SubscriptionFacts {
  init(_ subscription: NATSSubscription) {
    self.subject = subscription.pattern.description
    self.queue = String(decoding: subscription.queue, as: UTF8.self)
    self.sid = String(decoding: subscription.sid, as: UTF8.self)
    self.delivered = subscription.delivered
    self.deliveredMax = subscription.deliveredMax
  }

  /// The members of nats-server's subscription detail.
  func json(id: UInt64) -> [JSONValue.Member] {
    var json: [JSONValue.Member] = [.init("subject", .string(self.subject))]
    json.appendText("qgroup", self.queue)
    json.append(.init("sid", .string(self.sid)))
    json.append(.init("msgs", .integer(Int64(clamping: self.delivered))))
    if self.deliveredMax > 0 {
      json.append(.init("max", .integer(Int64(clamping: self.deliveredMax))))
    }
    json.append(.init("cid", .integer(Int64(clamping: id))))
    return json
  }
}

extension [JSONValue.Member] {
  /// Appends a text unless it is empty, as Go's `omitempty`.
  mutating func appendText(_ name: String, _ text: String) {
    if !text.isEmpty { self.append(.init(name, .string(text))) }
  }
}
