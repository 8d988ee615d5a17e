import GodwitEngine
public import GodwitFrontEndKit
public import GodwitPrimitives
import GodwitWire
import Logging
import NATSWire
import NIOCore

/// NATS for the broker: core protocol, its WebSocket form, and nats-server's monitoring pages.
public final class NATSServer: FrontEnd {
  /// `nats`.
  public static let name = "nats"
  /// The `nats` section.
  public static var settings: SettingsSection { NATSSettings.section }
  /// 4222, and 8080 for WebSocket.
  public static var defaultPorts: [Transport: Int] { [.tcp: 4222, .ws: 8080] }
  /// `*` and `>`.
  public static var wildcards: WildcardSyntax? {
    WildcardSyntax(separator: ".", oneLevel: "*", rest: ">", restIncludesParent: false)
  }

  /// The version that clients are told: the nats-server release whose core protocol this is.
  /// Clients look at it to learn what they may use; `server_name` says who we really are.
  static let protocolVersion = "2.12.15"

  let context: FrontEndContext
  let envelope: NATSEnvelope
  let serverID: String
  let startedAt: Int64
  private(set) var values: NATSSettings
  private(set) var info = NATSServerInfo()
  private(set) var sessions: [UInt64: NATSSession] = [:]
  private(set) var closedConnections: NATSClosedConnections
  var statistics = NATSStatistics()
  private(set) var reloadedAt: Int64
  private(set) var listeners: [Transport: BoundAddress] = [:]
  private(set) var adminAddress: BoundAddress?
  /// Batches of messages that wait for their ends, of all tenants.
  var batchCount = 0
  private var drain: NATSDrain?
  private var jetStreams: [ObjectIdentifier: JetStreamAccount] = [:]

  /// Makes the front end.
  public init(_ context: FrontEndContext, values: SettingsValues) throws(SettingsError) {
    self.context = context
    self.values = NATSSettings(values)
    let engine = context.loop.engine
    self.envelope = NATSEnvelope(engine: engine)
    let identity = (0..<32).map { _ in UInt8.random(in: 0...255) }
    self.serverID = NATSNkey(role: .server, publicKey: identity)?.text ?? ""
    self.startedAt = engine.now
    self.reloadedAt = engine.now
    self.closedConnections = NATSClosedConnections(
      countMax: NATSSettings(values).closedConnectionsMax)
    self.info = self.makeInfo()
  }

  private func makeInfo() -> NATSServerInfo {
    var info = NATSServerInfo()
    info.serverID = self.serverID
    info.serverName = self.context.serverName
    info.version = Self.protocolVersion
    info.go = "godwit \(self.context.version)"
    info.maxPayload = self.values.payloadBytesMax
    info.jetStream = true
    info.lameDuckMode = self.drain != nil
    return info
  }

  var authenticator: any Authenticator { self.context.access.authenticator }

  /// A fresh text for an nkey user to sign.
  func makeNonce() -> String {
    Base64.encodeURL((0..<11).map { _ in UInt8.random(in: 0...255) })
  }

  /// What NATS calls a tenant: the default one is the global account `$G`.
  func accountName(_ tenant: Tenant?) -> String {
    guard let name = tenant?.name, name != "default" else { return "$G" }
    return name
  }

  /// A tenant's streams as its NATS clients see them, from the first client on.
  func jetStream(of tenant: Tenant) -> JetStreamAccount {
    let key = ObjectIdentifier(tenant)
    if let account = self.jetStreams[key] { return account }
    let account = JetStreamAccount(frontEnd: self, tenant: tenant)
    self.jetStreams[key] = account
    return account
  }

  /// Where clients of a transport connect to.
  func address(of transport: Transport) -> BoundAddress? {
    self.listeners[transport] ?? self.listeners[.tcp]
  }

  // MARK: Connections

  /// Any path, no sub-protocol, frames that hold a batch of messages.
  public var webSocket: WebSocketRules? {
    WebSocketRules(
      paths: [], subprotocols: [], requiresSubprotocol: false,
      frameBytesMax: max(4 << 20, self.values.payloadBytesMax + (1 << 20)))
  }
  /// A client may begin TLS on the plain port when there is a certificate.
  public var upgradesToTLS: Bool { true }
  /// INFO comes before the handshake, unless the settings say otherwise.
  public var beginsTLSItself: Bool { !self.values.tlsFirst }
  /// From the settings.
  public var handshakeSeconds: Double { self.values.tlsTimeoutSeconds }

  /// A session for a new connection.
  public func makeSession(for connection: Connection) -> Session {
    NATSSession(connection: connection, frontEnd: self)
  }

  /// What is said when the whole process has too many connections.
  public var farewellWhenFull: [UInt8] {
    Array("-ERR '\(NATSServerError.maximumConnectionsExceeded.text)'\r\n".utf8)
  }

  /// Takes a session in; false when there are too many.
  func admit(_ session: NATSSession) -> Bool {
    self.statistics.connections &+= 1
    let isRoom =
      self.values.connectionsMax == 0 || self.sessions.count < self.values.connectionsMax
    self.sessions[session.connection.id] = session
    if !isRoom { self.statistics.refused &+= 1 }
    return isRoom
  }

  /// Forgets a session whose connection is gone.
  func forget(_ session: NATSSession, _ reason: CloseReason) {
    guard self.sessions.removeValue(forKey: session.connection.id) != nil else { return }
    self.statistics.closed.add(session)
    self.closedConnections.append(session, reason, stoppedAt: self.context.loop.engine.now)
    self.drain?.sessionEnded(left: self.sessions.count)
  }

  /// Counts and logs a client that is cut because it does not read.
  func noteSlowConsumer(_ session: NATSSession, _ reason: CloseReason) {
    self.statistics.slowConsumers &+= 1
    self.context.logger.notice(
      "\(reason): cut",
      metadata: [
        "cid": "\(session.connection.id)", "address": "\(session.connection.peer.address)",
        "pending": "\(session.connection.pendingBytes)",
      ])
  }

  // MARK: Life

  /// Remembers the addresses for INFO.
  public func started(listeners: [Transport: BoundAddress]) {
    self.listeners = listeners
    // What streams do by themselves waits for no client.
    for tenant in self.context.loop.engine.tenants where tenant.streams.count > 0 {
      _ = self.jetStream(of: tenant)
    }
  }

  /// Remembers the address for `/varz`.
  public func started(admin: BoundAddress) {
    self.adminAddress = admin
  }

  /// Takes over the values: limits at once, timers with their next turn. Clients that are no
  /// longer let in are cut; others get their new permissions.
  public func reload(values: SettingsValues) throws(SettingsError) {
    let old = self.values
    self.values = NATSSettings(values)
    self.closedConnections.keep(self.values.closedConnectionsMax)
    self.reloadedAt = self.context.loop.engine.now
    self.info = self.makeInfo()
    for session in Array(self.sessions.values) {
      session.connection.pendingBytesMax = self.values.pendingBytesMax
      session.connection.writeDeadlineSeconds = self.values.writeDeadlineSeconds
      session.parser.limits.controlLineBytesMax = self.values.controlLineBytesMax
      let own = session.principal?.payloadBytesMax ?? 0
      session.parser.limits.payloadBytesMax = own > 0 ? own : self.values.payloadBytesMax
      session.refresh()
      if old.payloadBytesMax != self.values.payloadBytesMax { session.announceInfo() }
    }
  }

  /// Lame duck: clients are told, and after a grace period closed one after the other.
  public func drain(done: @escaping () -> Void) {
    guard self.drain == nil else { return }
    let drain = NATSDrain(frontEnd: self, done: done)
    self.drain = drain
    self.info = self.makeInfo()
    for session in Array(self.sessions.values) { session.announceInfo() }
    drain.begin()
  }

  // MARK: Names

  /// NATS subjects are the canonical form.
  public func spell(_ topic: [UInt8]) -> Result<String, NameError> {
    guard let text = String(validating: topic, as: UTF8.self) else {
      return .failure(NameError("not UTF-8"))
    }
    return .success(text)
  }

  /// A subject with `*` and `>`, as in SUB.
  public func pattern(_ text: String) -> Result<TopicPattern, NameError> {
    self.canonical(text).map { TopicPattern(canonical: $0) }
  }

  /// An nkey of a user, as in `UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4`.
  public static func publicKey(_ text: String) -> [UInt8]? {
    guard let key = NATSNkey(text), key.role == .user else { return nil }
    return key.publicKey
  }

  /// Any subject without blanks and empty tokens.
  public func canonical(_ name: String) -> Result<[UInt8], NameError> {
    let bytes = Array(name.utf8)
    if bytes.contains(where: { $0 <= 0x20 || $0 == 0x7F }) {
      return .failure(NameError("a subject has no blanks or control characters"))
    }
    guard bytes.withUnsafeBytes({ NATSSubject.hasOnlyFullTokens($0) }) else {
      return .failure(NameError("a subject has no empty tokens"))
    }
    return .success(bytes)
  }
}
