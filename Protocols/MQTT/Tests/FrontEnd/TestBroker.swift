import GodwitEngine
import GodwitPrimitives
import GodwitSimulator
import GodwitStorage
import Logging
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GodwitFrontEndKit
@testable import MQTTFrontEnd

/// A front end on an embedded loop: no socket, no thread, and time that tests move.
final class TestBroker {
  let eventLoop = EmbeddedEventLoop()
  let loop: Loop
  let frontEnd: MQTTServer
  let access: TestAccess
  /// The disk, where there is one.
  let disk: SimulatedDisk?
  private var store: FileStore?
  var engine: Engine { loop.engine }

  /// - Parameters:
  ///   - disk: where the broker keeps things; memory without one.
  ///   - seconds: when it starts, after a fixed time.
  init(
    _ values: [String: SettingValue] = [:], groups: GroupNames = GroupNames(),
    disk: SimulatedDisk? = nil, seconds: Int64 = 0, passwords: [String: String] = [:],
    limits adjust: (inout EngineLimits) -> Void = { _ in }
  ) throws {
    self.disk = disk
    var limits = EngineLimits.defaults
    adjust(&limits)
    loop = Loop(
      eventLoop: eventLoop, limits: limits,
      wallNanoseconds: 1_800_000_000_000_000_000 + seconds * 1_000_000_000)
    access = TestAccess(engine: loop.engine)
    access.passwords = passwords
    var all: [String: SettingValue] = [:]
    for setting in MQTTServer.settings.settings { all[setting.key] = setting.defaultValue }
    all["sys_interval_seconds"] = .double(0)
    let context = FrontEndContext(
      loop: loop, access: AccessControl(access), logger: Logger(label: "test"),
      serverName: "godwit", version: "1.2.3", groupNames: groups)
    frontEnd = try MQTTServer(
      context,
      values: SettingsValues(path: "mqtt", checked: all.merging(values) { _, given in given }))
    if let disk { try open(disk) }
  }

  private func open(_ disk: SimulatedDisk) throws {
    let eventLoop = eventLoop
    var settings = StoreSettings()
    settings.sync = .always
    let store = try FileStore(
      folder: "data", disk: disk, engine: engine, settings: settings,
      atTurnEnd: { eventLoop.assumeIsolated().execute($0) }, report: { _ in })
    self.store = store
    let tenant = engine.tenant(named: "default")
    tenant.store = store
    try tenant.restoreMessages()
    frontEnd.restore()
    commit()
  }

  /// The disk does what it was asked for.
  func commit() {
    eventLoop.run()
    while let disk, disk.isBusy {
      disk.answer()
      eventLoop.run()
    }
  }

  /// The same disk after the process was killed.
  func restarted(
    afterSeconds seconds: Int64 = 0, _ values: [String: SettingValue] = [:],
    passwords: [String: String] = [:]
  ) throws -> TestBroker {
    disk?.crash(.process)
    let now = (engine.now - 1_800_000_000_000_000_000) / 1_000_000_000
    return try TestBroker(values, disk: disk, seconds: now + seconds, passwords: passwords)
  }

  /// A connection that has said nothing yet.
  func open(_ version: MQTTVersion = .v5) throws -> TestClient {
    try TestClient(self, version)
  }

  /// A connection whose CONNECT was accepted.
  func connect(
    _ name: String, _ version: MQTTVersion = .v5, clean: Bool = true,
    keepAliveSeconds: UInt16 = 0, will: MQTTConnect.Will? = nil, expirySeconds: UInt32 = 0,
    user: String? = nil,
    properties fill: (inout MQTTProperties) -> Void = { _ in }
  ) throws -> TestClient {
    let client = try open(version)
    var properties = MQTTProperties()
    if expirySeconds > 0 { properties.append(.sessionExpiryInterval, expirySeconds) }
    fill(&properties)
    client.send(
      .connect(
        MQTTConnect(
          version: version, clientID: ByteBuffer(string: name), cleanStart: clean,
          keepAliveSeconds: keepAliveSeconds, will: will,
          userName: user.map { ByteBuffer(string: $0) },
          password: user.flatMap { access.passwords[$0] }.map { ByteBuffer(string: $0) },
          properties: properties)))
    commit()
    guard case .connack(let connack) = try client.take() else {
      throw TestFailure("no CONNACK")
    }
    #expect(connack.code == 0)
    client.connack = connack
    return client
  }

  /// Lets `seconds` pass.
  func pass(_ seconds: Double) {
    engine.advance(to: engine.now + Int64(seconds * 1_000_000_000))
    _ = engine.timers.fireDue()
    eventLoop.run()
  }
}

struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// One client's end of an embedded connection.
final class TestClient {
  let channel: EmbeddedChannel
  let connection: Connection
  let version: MQTTVersion
  var connack = MQTTConnack(code: 0xFF)
  private var decoder: MQTTDecoder
  private var incoming = ByteBuffer()
  private let broker: TestBroker

  init(_ broker: TestBroker, _ version: MQTTVersion) throws {
    self.broker = broker
    self.version = version
    var limits = MQTTDecoder.Limits()
    limits.packetSizeMax = 1 << 28
    decoder = MQTTDecoder(version: version, limits: limits)
    connection = Connection(
      loop: broker.loop, frontEndName: "mqtt",
      peer: PeerInfo(address: "192.0.2.1", port: 4000, transport: .tcp, listener: "mqtt"),
      tls: nil, handshakeSeconds: 10)
    connection.session = broker.frontEnd.makeSession(for: connection)
    channel = EmbeddedChannel(loop: broker.eventLoop)
    try channel.pipeline.syncOperations.addHandler(connection)
    try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 4000)).wait()
  }

  var isOpen: Bool { channel.isActive }

  func send(_ packet: MQTTPacket) {
    var buffer = ByteBuffer()
    MQTTEncoder.encode(packet, version, into: &buffer)
    send(buffer)
  }

  func send(_ bytes: ByteBuffer) {
    _ = try? channel.writeInbound(bytes)
    broker.eventLoop.run()
  }

  /// The next packet; `nil` when there is none.
  func next() throws -> MQTTPacket? {
    broker.eventLoop.run()
    while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
      incoming.writeImmutableBuffer(bytes)
    }
    return try decoder.decode(&incoming)
  }

  /// The next packet, which must be there.
  func take() throws -> MQTTPacket {
    guard let packet = try next() else { throw TestFailure("nothing came") }
    return packet
  }

  /// The next packet, which must be a PUBLISH.
  func takePublish() throws -> MQTTPublish {
    let packet = try take()
    guard case .publish(let publish) = packet else { throw TestFailure("got \(packet)") }
    return publish
  }

  @discardableResult
  func subscribe(
    _ filter: String, _ qos: MQTTQoS = .atMostOnce, noLocal: Bool = false,
    retainAsPublished: Bool = false, identifier: UInt32? = nil
  ) throws -> MQTTReasonCode {
    var properties = MQTTProperties()
    if let identifier { properties.append(.subscriptionIdentifier, identifier) }
    send(
      .subscribe(
        MQTTSubscribe(
          packetID: 99,
          requests: [
            .init(
              filter: ByteBuffer(string: filter), qos: qos, noLocal: noLocal,
              retainAsPublished: retainAsPublished)
          ], properties: properties)))
    broker.commit()
    guard case .suback(let suback) = try take(), suback.packetID == 99,
      let reason = suback.reasons.first
    else { throw TestFailure("no SUBACK") }
    return reason
  }

  func publish(
    _ topic: String, _ payload: String = "x", _ qos: MQTTQoS = .atMostOnce,
    packetID: UInt16 = 7, retain: Bool = false,
    properties fill: (inout MQTTProperties) -> Void = { _ in }
  ) {
    var properties = MQTTProperties()
    fill(&properties)
    send(
      .publish(
        MQTTPublish(
          topic: ByteBuffer(string: topic), payload: ByteBuffer(string: payload), qos: qos,
          packetID: qos == .atMostOnce ? 0 : packetID, retain: retain, properties: properties)))
  }

  /// The connection breaks.
  func abort() {
    _ = try? channel.close().wait()
    broker.eventLoop.run()
  }
}

/// Lets everyone in who names a known user, or everyone when there are none.
final class TestAccess: Authenticator {
  private let engine: Engine
  var passwords: [String: String] = [:]
  var permissions: [String: Permissions] = [:]
  /// By user; `default` for the others.
  var tenants: [String: String] = [:]
  var credential = SCRAMCredential(salt: [], iterations: 1, storedKey: [], serverKey: [])

  /// Whether nobody gets in any more by what let them in.
  var hasChangedPasswords = false
  /// Whether answers wait for `answer`.
  var isSlow = false
  private var waiting: [(_ refusing: Bool) -> Void] = []

  init(engine: Engine) { self.engine = engine }

  /// Gives the answers that wait.
  func answer(refusing: Bool) {
    let answers = waiting
    waiting = []
    for answer in answers { answer(refusing) }
  }

  var requiresCredentials: Bool { !passwords.isEmpty }
  var offersNonce: Bool { false }

  func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    guard !isSlow else {
      waiting.append { [unowned self] refusing in
        refusing
          ? completion(.failure(.badCredentials)) : authenticate(credentials, completion)
      }
      return
    }
    authenticate(credentials, completion)
  }

  private func authenticate(
    _ credentials: Credentials, _ completion: (Result<Principal, AccessRefusal>) -> Void
  ) {
    guard requiresCredentials else { return completion(.success(principal(""))) }
    switch credentials {
    case .password(let user, let password) where passwords[user].map { Array($0.utf8) } == password:
      completion(.success(principal(user)))
    case .verified(let user, let credential) where credential == self.credential:
      completion(.success(principal(user)))
    case .none: completion(.failure(.credentialsRequired))
    default: completion(.failure(.badCredentials))
    }
  }

  func scramCredential(for user: String, hash: SCRAMHash) -> SCRAMCredential { credential }
  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? {
    hasChangedPasswords ? nil : standing(of: principal, peer: peer)
  }

  func standing(of principal: Principal, peer: PeerIdentity) -> Principal? {
    requiresCredentials && passwords[principal.name] == nil ? nil : self.principal(principal.name)
  }

  private func principal(_ name: String) -> Principal {
    Principal(
      name: name, tenant: engine.tenant(named: tenants[name] ?? "default"),
      permissions: permissions[name])
  }
}
