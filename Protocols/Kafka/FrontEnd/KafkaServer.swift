import GodwitEngine
public import GodwitFrontEndKit
public import GodwitPrimitives
import GodwitWire
import KafkaWire
import Logging
import NIOCore

/// Kafka over TCP and TLS: one broker that leads everything.
public final class KafkaServer: FrontEnd {
  /// `kafka`.
  public static let name = "kafka"
  /// The `kafka` section.
  public static var settings: SettingsSection { KafkaSettings.section }
  /// 9092.
  public static var defaultPorts: [Transport: Int] { [.tcp: 9092] }

  let context: FrontEndContext
  let engine: Engine
  let origin: Origin
  let clock: KafkaEngineClock
  private(set) var values: KafkaSettings
  var statistics = KafkaStatistics()
  /// Bytes of requests that are not whole, beyond what each connection may have.
  var incomingBytes = 0
  /// Bytes of answers that wait to be sent.
  var outgoingBytes = 0
  let fetchSessions: KafkaFetchSessions
  /// Tells other protocols' listeners what is in batches.
  let teller: KafkaTeller
  private(set) var sessions: [UInt64: KafkaSession] = [:]
  private var tenants: [ObjectIdentifier: KafkaTenant] = [:]
  private var lastProducerID: Int64 = 0

  /// Makes the front end.
  ///
  /// - Throws: `SettingsError` where values contradict each other.
  public init(_ context: FrontEndContext, values: SettingsValues) throws(SettingsError) {
    self.context = context
    engine = context.loop.engine
    clock = KafkaEngineClock(engine)
    self.values = try KafkaSettings(values)
    fetchSessions = KafkaFetchSessions(countMax: self.values.fetchSessionsMax)
    context.access.users.onlyBy = self.values.usersElsewhere ? nil : Self.name
    origin = engine.register(origin: Self.name, reader: KafkaEnvelope())
    teller = KafkaTeller(engine, origin: origin) { [engine, logger = context.logger] topic in
      engine.counters.dropped &+= 1
      logger.notice("kafka: a batch to \(topic.name) cannot be opened for others")
    }
  }

  /// Kafka does not travel over WebSocket.
  public var webSocket: WebSocketRules? { nil }
  /// Kafka has no such upgrade.
  public var upgradesToTLS: Bool { false }
  /// As long as a client may take to say who it is.
  public var handshakeSeconds: Double { values.authTimeoutSeconds }
  /// Kafka has no word before the first request.
  public var farewellWhenFull: [UInt8] { [] }

  /// Milliseconds since 1970.
  var now: Int64 { engine.now / 1_000_000 }

  var authenticator: any Authenticator { context.access.authenticator }

  /// A session for a new connection.
  public func makeSession(for connection: Connection) -> Session {
    KafkaSession(connection: connection, server: self)
  }

  func admit(_ session: KafkaSession) {
    sessions[session.connection.id] = session
  }

  func forget(_ session: KafkaSession) {
    sessions[session.connection.id] = nil
  }

  /// A tenant as its Kafka clients see it, from the first client on.
  func tenant(_ tenant: Tenant) -> KafkaTenant {
    if let known = tenants[ObjectIdentifier(tenant)] { return known }
    let made = KafkaTenant(tenant, server: self)
    tenants[ObjectIdentifier(tenant)] = made
    return made
  }

  /// A tenant as its Kafka clients see it, if there is or was one.
  func known(_ tenant: Tenant) -> KafkaTenant? { tenants[ObjectIdentifier(tenant)] }

  /// A number that no producer had before: microseconds since 1970, or one more than the last.
  func makeProducerID() -> Int64 {
    lastProducerID = max(lastProducerID &+ 1, engine.now / 1_000)
    return lastProducerID
  }

  /// A number that a producer has from an earlier life of the process.
  func sawProducerID(_ id: Int64) { lastProducerID = max(lastProducerID, id) }

  // MARK: Life

  /// Takes up the transactions that were open or decided.
  public func restore() {
    for tenant in engine.tenants { _ = self.tenant(tenant) }
  }

  /// Nothing to do.
  public func started(listeners: [Transport: BoundAddress]) {}

  /// Takes over the values; clients that are no longer let in are cut.
  public func reload(values: SettingsValues) throws(SettingsError) {
    self.values = try KafkaSettings(values)
    fetchSessions.countMax = self.values.fetchSessionsMax
    context.access.users.onlyBy = self.values.usersElsewhere ? nil : Self.name
    for tenant in tenants.values { tenant.settingsChanged() }
    for session in Array(sessions.values) { session.settingsChanged() }
  }

  /// Kafka has no word for it either: clients see the end of the connection, and try again.
  public func drain(done: @escaping () -> Void) {
    for session in Array(sessions.values) { session.evict(.shutdown) }
    done()
  }

  /// None yet.
  public var adminRoutes: [AdminRoute] { [] }

  /// Requests, and what was refused.
  public var metrics: [Metric] {
    [
      Metric(
        "godwit_kafka_requests_total", "Requests of Kafka clients.", .counter,
        Double(statistics.requests)),
      Metric(
        "godwit_kafka_batches_in_total", "Batches of messages that Kafka clients have sent.",
        .counter, Double(statistics.batchesIn)),
      Metric(
        "godwit_kafka_messages_in_total", "Messages that Kafka clients have sent.", .counter,
        Double(statistics.messagesIn)),
      Metric(
        "godwit_kafka_batches_refused_total", "Batches that were not kept.", .counter,
        Double(statistics.batchesRefused)),
      Metric(
        "godwit_kafka_duplicates_total", "Batches that idempotent producers have sent again.",
        .counter, Double(statistics.duplicates)),
      Metric(
        "godwit_kafka_protocol_errors_total", "Connections cut for what no client sends.",
        .counter, Double(statistics.protocolErrors)),
      Metric(
        "godwit_kafka_authentication_failures_total", "Clients that were not let in.", .counter,
        Double(statistics.authenticationFailures)),
      Metric(
        "godwit_kafka_fetch_sessions", "What clients read, as remembered between their requests.",
        .gauge, Double(fetchSessions.count)),
      Metric(
        "godwit_kafka_fetch_sessions_evicted_total", "Fetch sessions that gave way to others.",
        .counter, Double(fetchSessions.evicted)),
      Metric(
        "godwit_kafka_throttled_total", "Requests after which a client was held back by a quota.",
        .counter, Double(statistics.throttled)),
      Metric(
        "godwit_kafka_groups", "Consumer groups with members.", .gauge,
        Double(tenants.values.reduce(0) { $0 + $1.groups.count })),
    ]
  }

  // MARK: Names

  /// The name of a topic.
  public func spell(_ topic: [UInt8]) -> Result<String, NameError> {
    guard let name = KafkaTopicCodec.name(topic) else {
      return .failure(
        NameError(
          "Kafka has no name for it: longer than \(KafkaTopicCodec.sizeMax) bytes when escaped, "
            + "`.`, `..`, or with an empty level or a control character"))
    }
    return .success(String(decoding: name, as: UTF8.self))
  }

  /// A topic; Kafka has no patterns.
  public func pattern(_ text: String) -> Result<TopicPattern, NameError> {
    canonical(text).map { TopicPattern(canonical: $0) }
  }

  /// The canonical topic of a name.
  public func canonical(_ name: String) -> Result<[UInt8], NameError> {
    guard let topic = KafkaTopicCodec.canonical(Array(name.utf8)) else {
      return .failure(
        NameError(
          "a Kafka topic has 1 to \(KafkaTopicCodec.sizeMax) letters, digits, `.`, `_` and `-`"))
    }
    return .success(topic)
  }
}

/// Totals of the front end.
struct KafkaStatistics {
  var requests: UInt64 = 0
  var batchesIn: UInt64 = 0
  var messagesIn: UInt64 = 0
  var batchesRefused: UInt64 = 0
  var duplicates: UInt64 = 0
  var protocolErrors: UInt64 = 0
  var authenticationFailures: UInt64 = 0
  var throttled: UInt64 = 0
}
