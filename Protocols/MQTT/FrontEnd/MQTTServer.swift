import GodwitEngine
public import GodwitFrontEndKit
public import GodwitPrimitives
import GodwitWire
import Logging
import MQTTWire
import NIOCore

/// MQTT 3.1, 3.1.1 and 5.0 over TCP, TLS and WebSocket.
public final class MQTTServer: FrontEnd {
  /// `mqtt`.
  public static let name = "mqtt"
  /// The keys of `MQTTSettings`.
  public static let settings = MQTTSettings.section
  /// The registered port, and the usual one for WebSocket.
  public static let defaultPorts: [Transport: Int] = [.tcp: 1883, .ws: 8083]
  /// `+` and `#` (MQTT 5.0, 4.7.1).
  public static let wildcards: WildcardSyntax? = WildcardSyntax(
    separator: "/", oneLevel: "+", rest: "#", restIncludesParent: true)

  /// The loop, the engine and the settings of access.
  let context: FrontEndContext
  /// The kernel.
  let engine: Engine
  /// What the engine calls this protocol.
  let origin: Origin
  /// Today's settings.
  private(set) var settings: MQTTSettings
  /// Totals, behind a pointer that connections and sessions keep, which do not outlive the front
  /// end: the message path counts without touching a reference.
  let counters: UnsafeMutablePointer<MQTTStatistics>
  /// Totals.
  var statistics: MQTTStatistics {
    _read { yield counters.pointee }
    _modify { yield &counters.pointee }
  }
  /// Retained messages on their way to new subscriptions.
  let retained: MQTTRetainedDelivery
  /// Bans, when there may be any.
  var flapping: MQTTFlapping?
  /// The slowest subscriptions, when they are listed.
  var slow: MQTTSlowSubscriptions?
  /// Whose queue the last message has filled by half; see `MQTTHold`.
  var crowded: MQTTSession?
  /// Which life of the process it is.
  let runID = UInt64.random(in: 1 ... .max)
  /// Whether clients are being sent away.
  private(set) var isDraining = false

  private var tables: [ObjectIdentifier: MQTTSessionTable] = [:]
  private var rewriter: MQTTRewriter?
  private var systemTopics: MQTTSystemTopics?
  private var lastClientNumber: UInt64 = 0

  /// A front end on one loop.
  ///
  /// - Throws: `SettingsError` for a filter or an expression that is none.
  public init(_ context: FrontEndContext, values: SettingsValues) throws(SettingsError) {
    self.context = context
    counters = .allocate(capacity: 1)
    counters.initialize(to: MQTTStatistics())
    engine = context.loop.engine
    retained = MQTTRetainedDelivery(loop: context.loop)
    settings = try MQTTSettings(values)
    origin = engine.register(origin: Self.name, reader: MQTTEnvelope())
    apply()
  }

  deinit { counters.deallocate() }

  /// A few milliseconds' worth.
  private static var judgedPerTurn: Int { 100 }

  private func apply() {
    rewriter = settings.rewriteRules.isEmpty ? nil : try? MQTTRewriter(settings.rewriteRules)
    // What was learned stays when the rule does.
    if flapping?.rule != settings.flapping {
      flapping = settings.flapping.map { MQTTFlapping($0) }
    }
    if slow?.rule != settings.slowSubscriptions {
      slow = settings.slowSubscriptions.map { MQTTSlowSubscriptions($0) }
    }
  }

  /// Path `/mqtt`, sub-protocol `mqtt` (MQTT 5.0, 6). A frame may be somewhat larger than a packet,
  /// so that a packet that is too large is refused in MQTT's own words.
  public var webSocket: WebSocketRules? {
    WebSocketRules(
      paths: ["/mqtt"], subprotocols: ["mqtt", "mqttv3.1"], requiresSubprotocol: true,
      frameBytesMax: settings.packetBytesMax + 65_536)
  }
  /// MQTT has no such upgrade.
  public var upgradesToTLS: Bool { false }
  /// As long as CONNECT may take.
  public var handshakeSeconds: Double { settings.connectTimeoutSeconds }
  /// MQTT has no word before CONNECT.
  public var farewellWhenFull: [UInt8] { [] }

  /// A client that has yet to say CONNECT.
  public func makeSession(for connection: Connection) -> Session {
    MQTTClient(connection: connection, frontEnd: self)
  }

  /// `$SYS` topics begin.
  public func started(listeners: [Transport: BoundAddress]) {
    systemTopics = MQTTSystemTopics(frontEnd: self)
    systemTopics?.start()
  }

  /// Takes new settings; clients that are no longer let in are told and closed, and sessions
  /// without a client keep what their users may still have.
  public func reload(values: SettingsValues) throws(SettingsError) {
    settings = try MQTTSettings(values)
    apply()
    systemTopics?.start()
    for connection in context.loop.connections.all {
      (connection.session as? MQTTClient)?.settingsChanged()
    }
    judgeAbsent(sessions.filter { !$0.isOnline }[...])
  }

  /// Has sessions without a client keep what their users may still have: so many in one turn of the
  /// loop, as there may be a million. What comes to one before its turn is judged when it goes out.
  private func judgeAbsent(_ absent: ArraySlice<MQTTSession>) {
    for session in absent.prefix(Self.judgedPerTurn) { session.settingsChangedWhileAway() }
    let rest = absent.dropFirst(Self.judgedPerTurn)
    guard !rest.isEmpty else { return }
    context.loop.later { [weak self] in self?.judgeAbsent(rest) }
  }

  /// Tells every client that the server stops.
  public func drain(done: @escaping () -> Void) {
    isDraining = true
    systemTopics?.stop()
    for connection in context.loop.connections.all {
      (connection.session as? MQTTClient)?.disconnect(.serverShuttingDown, CloseReason.shutdown)
    }
    done()
  }

  /// The topic name of a canonical topic.
  public func spell(_ topic: [UInt8]) -> Result<String, NameError> {
    guard let name = MQTTTopicCodec.name(topic) else {
      return .failure(
        NameError(
          "MQTT has no name for it: a level holds a single `/`, a control character or text that "
            + "is not UTF-8"))
    }
    return .success(String(decoding: name, as: UTF8.self))
  }

  /// `$share/GROUP/`, `$exclusive/` and `$delayed/SECONDS/`.
  public static func prefix(of name: String) -> NamePrefix? {
    let levels = name.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    switch levels[0] {
    case "$share" where levels.count == 3 && !levels[1].isEmpty:
      return NamePrefix(
        "$share/\(levels[1])/", meaning: "one member of the group `\(levels[1])` gets each message")
    case "$exclusive" where levels.count > 1:
      return NamePrefix("$exclusive/", meaning: "one session at a time may subscribe")
    case "$delayed" where levels.count == 3:
      guard let number = UInt32(levels[1]) else { return nil }
      let when =
        number <= MQTTDelay.intervalMax
        ? "\(number) seconds later" : "\(number) seconds after 1970 began"
      return NamePrefix("$delayed/\(levels[1])/", meaning: "published \(when)")
    default: return nil
    }
  }

  /// A topic filter with `+` and `#`, as in SUBSCRIBE; not a shared one.
  public func pattern(_ text: String) -> Result<TopicPattern, NameError> {
    Array(text.utf8).withUnsafeBytes { bytes in
      guard bytes.count <= Int(UInt16.max), let filter = MQTTTopicFilter(bytes),
        filter.shareName == nil
      else { return .failure(NameError("not an MQTT topic filter")) }
      return .success(
        TopicPattern(
          canonical: MQTTTopicCodec.canonical(bytes), openTail: .zeroOrMore, reserved: .dollar))
    }
  }

  /// The canonical topic of a topic name.
  public func canonical(_ name: String) -> Result<[UInt8], NameError> {
    Array(name.utf8).withUnsafeBytes { bytes in
      guard bytes.count <= Int(UInt16.max), MQTTTopicName.isValid(bytes) else {
        return .failure(NameError("not an MQTT topic name: empty, too long, or with a wildcard"))
      }
      return .success(MQTTTopicCodec.canonical(bytes))
    }
  }
}

// MARK: Sessions

extension MQTTServer {
  /// The sessions of a tenant.
  func table(of tenant: Tenant) -> MQTTSessionTable {
    if let table = tables[ObjectIdentifier(tenant)] { return table }
    let table = MQTTSessionTable(tenant: tenant)
    tables[ObjectIdentifier(tenant)] = table
    takeDelayed(of: tenant)
    systemTopics?.welcome(tenant)
    return table
  }

  /// Every session there is.
  var sessions: [MQTTSession] { tables.values.flatMap(\.sessions.values) }

  /// The sessions of one tenant.
  func sessions(of tenant: Tenant) -> [MQTTSession] {
    tables[ObjectIdentifier(tenant)].map { Array($0.sessions.values) } ?? []
  }

  /// How many sessions there are.
  var sessionCount: Int { tables.values.reduce(0) { $0 + $1.sessions.count } }

  /// A client identifier that nobody has.
  func makeClientID() -> [UInt8] {
    lastClientNumber &+= 1
    let salt = UInt64.random(in: .min ... .max)
    return Array("auto-\(String(lastClientNumber, radix: 16))-\(String(salt, radix: 16))".utf8)
  }

  /// A message could not be delivered to somebody.
  func dropped() {
    statistics.publishesDropped &+= 1
    engine.counters.dropped &+= 1
  }

  /// A subscription begins, to a filter that the session did not have.
  func added(_ subscription: MQTTSubscription, to session: MQTTSession) {
    session.subscriptions[subscription.filter] = subscription
    statistics.subscriptions += 1
    if subscription.group != nil { statistics.sharedSubscriptions += 1 }
  }

  /// A subscription ends.
  func removed(_ subscription: MQTTSubscription, of session: MQTTSession) {
    session.tenant.router.unsubscribe(subscription)
    session.forget(filter: subscription.filter)
    if subscription.isExclusive {
      table(of: session.tenant).release(subscription.filter, of: session)
    }
    statistics.subscriptions -= 1
    if subscription.group != nil { statistics.sharedSubscriptions -= 1 }
  }
}

// MARK: Publishing

extension MQTTServer {
  /// Why a name or filter is refused under `strict_names`.
  static let strictNameMessage: StaticString = "NATS has no plain name for it, and names are strict"

  /// Finds where a message goes that names `topic`.
  ///
  /// - Throws: malformed packet for an ill-formed name, topic name invalid for one that is too long,
  ///   has too many levels or a wrong `$delayed/`.
  func resolve(
    _ topic: UnsafeRawBufferPointer, _ principal: Principal
  ) throws(MQTTWireError) -> MQTTResolvedTopic {
    var name = topic
    var delay: MQTTDelay?
    if topic.first == UInt8(ascii: "$"), let split = try MQTTDelay.parse(topic) {
      name = split.rest
      delay = split.delay
    }
    guard MQTTTopicName.isValid(name) else {
      throw MQTTWireError(.malformedPacket, "topic is ill-formed or has a wildcard")
    }
    var resolved = MQTTResolvedTopic(name: Array(name), canonical: [], delay: delay)
    resolved.isRenamed = delay != nil
    if let rewriter,
      let other = try rewriter.rewrite(
        String(decoding: name, as: UTF8.self), for: .publish, tenant: principal.tenant.name)
    {
      resolved.name = Array(other.utf8)
      resolved.isRenamed = true
      guard resolved.name.count <= Int(UInt16.max),
        resolved.name.withUnsafeBytes({ MQTTTopicName.isValid($0) })
      else { throw MQTTWireError(.topicNameInvalid, "topic was rewritten to none") }
    }
    resolved.canonical = resolved.name.withUnsafeBytes { MQTTTopicCodec.canonical($0) }
    guard resolved.canonical.withUnsafeBytes({ engine.limits.allows(topic: $0) }) else {
      throw MQTTWireError(.topicNameInvalid, "topic is too long or has too many levels")
    }
    if settings.hasStrictNames, resolved.name.withUnsafeBytes({ MQTTTopicCodec.needsEscape($0) }) {
      resolved.refusal = .needsEscape
    }
    let isDenied = resolved.canonical.withUnsafeBytes { canonical in
      // What the server says about itself is the server's alone.
      canonical.isSystemTopic || principal.permissions?.publish.permits(canonical) == false
    }
    if isDenied { resolved.refusal = .notPermitted }
    return resolved
  }

  /// The other name that a rule gives a filter of a tenant's client; `filter` when there is none.
  ///
  /// - Throws: topic name invalid for a filter that is too long to be tried.
  func rewrite(filter: String, tenant: String) throws(MQTTWireError) -> String {
    try rewriter?.rewrite(filter, for: .subscribe, tenant: tenant) ?? filter
  }

  /// Hands a message to everyone it is for, or to the schedule.
  ///
  /// - Parameter sender: who is judged again when a delay is over.
  /// - Returns: how many took it; 1 for a scheduled one.
  /// - Throws: `EngineError` when a delayed or retained message cannot be kept.
  func publish(
    _ publication: inout Publication, _ tenant: Tenant, delay: MQTTDelay?,
    sender: @autoclosure () -> MQTTSender?, memo: inout Route?
  ) throws(EngineError) -> Int {
    if let delay {
      try self.delay(
        &publication, tenant, until: delay.deadline(now: engine.now), sender())
      return 1
    }
    if publication.isRetained {
      publication.add(try Self.retain(publication.record(engine), tenant))
    }
    return tenant.publish(&publication, memo: &memo)
  }

  /// The time of a delayed message has come.
  func publishDelayed(_ record: Record, _ tenant: Tenant, _ sender: MQTTSender?) {
    guard isPermitted(record, from: sender) else { return dropped() }
    if record.isRetained { _ = try? Self.retain(record, tenant) }
    tenant.publish(record)
  }

  private func isPermitted(_ record: Record, from sender: MQTTSender?) -> Bool {
    guard let sender else { return true }
    return record.topic.withUnsafeBytes { sender.mayPublish($0, context.access.authenticator) }
  }

  /// Keeps a message as its topic's last value, or forgets that when it is empty (MQTT 5.0,
  /// 3.3.1.3).
  ///
  /// - Returns: what its acknowledgement waits for.
  private static func retain(
    _ record: Record, _ tenant: Tenant
  ) throws(EngineError) -> Receipt? {
    try record.body.readableBytes == 0
      ? tenant.retained.clear(topic: record.topic) : tenant.retained.set(record)
  }

  /// Publishes a will on behalf of its session, if its sender may still publish there.
  func publish(_ will: MQTTWill, from session: MQTTSession) {
    will.packet.withUnsafeReadableBytes { packet in
      guard let frame = MQTTFrame(packet, form: will.form) else { return }
      will.topic.canonical.withUnsafeBytes { canonical in
        let access = context.access.authenticator
        guard will.sender?.mayPublish(canonical, access) != false else { return dropped() }
        var publication = Publication(
          topic: canonical, payload: frame.payload, origin: origin, native: packet,
          quality: Publication.Quality(rawValue: will.qos.rawValue) ?? .atMostOnce)
        publication.nativeForm = will.form
        publication.isRetained = will.retain && settings.isRetainAvailable
        publication.publisherID = session.id
        if let seconds = will.expirySeconds {
          publication.expiresAt = engine.now + Int64(seconds) * 1_000_000_000
        }
        var memo: Route?
        do throws(EngineError) {
          _ = try publish(
            &publication, session.tenant, delay: will.topic.delay, sender: will.sender, memo: &memo)
        } catch {
          dropped()
        }
      }
    }
  }
}
