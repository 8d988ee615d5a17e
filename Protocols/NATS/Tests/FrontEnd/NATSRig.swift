import GodwitEngine
import Logging
import NIOCore
import NIOEmbedded

@testable import GodwitFrontEndKit
@testable import NATSFrontEnd

/// A front end on an embedded loop, with clients that are bytes in and bytes out.
final class NATSRig {
  let eventLoop = EmbeddedEventLoop()
  let loop: Loop
  let authenticator: TestAuthenticator
  let frontEnd: NATSServer

  init(
    settings: [String: SettingValue] = [:], configure: (TestAuthenticator) -> Void = { _ in }
  ) throws {
    self.loop = Loop(eventLoop: self.eventLoop, wallNanoseconds: 1_700_000_000_000_000_000)
    self.authenticator = TestAuthenticator(self.loop.engine)
    configure(self.authenticator)
    var values: [String: SettingValue] = [:]
    for setting in NATSServer.settings.settings { values[setting.key] = setting.defaultValue }
    for (key, value) in settings { values[key] = value }
    self.frontEnd = try NATSServer(
      FrontEndContext(
        loop: self.loop, access: AccessControl(self.authenticator),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, serverName: "rig",
        version: "1.2.3"),
      values: SettingsValues(path: "nats", checked: values))
    self.frontEnd.started(listeners: [.tcp: BoundAddress(host: "127.0.0.1", port: 4222)])
  }

  var engine: Engine { self.loop.engine }

  /// A connection that has read its INFO, and sent this CONNECT unless it is `nil`.
  func client(
    _ connect: String? = #"{"verbose":false,"pedantic":false,"headers":true}"#
  ) throws -> TestClient {
    let client = try TestClient(self)
    client.info = client.received()
    if let connect {
      client.send("CONNECT \(connect)\r\n")
    }
    return client
  }

  /// Moves the engine's clock on and fires what is due on the way.
  func pass(seconds: Double) {
    let end = self.engine.now + Int64(seconds * 1_000_000_000)
    while self.engine.now < end {
      self.engine.advance(to: min(end, self.engine.now + 10_000_000))
      _ = self.engine.timers.fireDue()
      self.eventLoop.run()
    }
  }

  /// What an admin page answers.
  func page(_ path: String, _ query: [(name: String, value: String)] = []) -> AdminResponse? {
    let request = AdminRequest(method: "GET", rest: "", query: query, body: [])
    return self.frontEnd.adminRoutes.first { $0.path == path }?.answer(request)
  }
}

/// One client of a rig.
final class TestClient {
  let rig: NATSRig
  let channel: EmbeddedChannel
  let connection: Connection
  var info = ""

  init(_ rig: NATSRig) throws {
    self.rig = rig
    self.channel = EmbeddedChannel(loop: rig.eventLoop)
    self.connection = Connection(
      loop: rig.loop, frontEndName: NATSServer.name,
      peer: PeerInfo(address: "127.0.0.1", port: 5000, transport: .tcp, listener: "nats"),
      tls: nil, handshakeSeconds: 5)
    self.connection.session = rig.frontEnd.makeSession(for: self.connection)
    try self.channel.pipeline.syncOperations.addHandler(self.connection)
    try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  /// The server's half.
  var session: NATSSession? { self.connection.session as? NATSSession }

  /// Sends text and lets the loop settle.
  func send(_ text: String) {
    self.send(Array(text.utf8))
  }

  /// Sends bytes and lets the loop settle.
  func send(_ bytes: [UInt8]) {
    guard self.channel.isActive else { return }
    _ = try? self.channel.writeInbound(ByteBuffer(bytes: bytes))
    self.rig.eventLoop.run()
  }

  /// Everything that has arrived since the last call.
  func receivedBytes() -> [UInt8] {
    self.rig.eventLoop.run()
    var bytes: [UInt8] = []
    while let buffer = try? self.channel.readOutbound(as: ByteBuffer.self) {
      bytes += buffer.readableBytesView
    }
    return bytes
  }

  /// The same as text.
  func received() -> String {
    String(decoding: self.receivedBytes(), as: UTF8.self)
  }

  /// Sends text and answers with what came back.
  func exchange(_ text: String) -> String {
    self.send(text)
    return self.received()
  }

  /// Whether the server has ended the connection.
  var isEnded: Bool { !self.connection.isOpen }

  /// Ends the connection from the client's side.
  func disconnect() {
    _ = try? self.channel.finish()
    self.rig.eventLoop.run()
  }
}

/// Users in a table; answers at once, or when a test says so.
final class TestAuthenticator: Authenticator {
  let engine: Engine
  var users: [String: (password: String, principal: Principal)] = [:]
  var token: String?
  var isSlow = false
  var waiting: [() -> Void] = []
  /// Whether slow answers are refusals when they come.
  var refusesAll = false
  var offersNonce = false
  var seen: [Credentials] = []
  private lazy var anonymous = Principal(name: "", tenant: self.engine.tenant(named: "default"))

  init(_ engine: Engine) {
    self.engine = engine
  }

  func add(
    _ name: String, tenant: String = "default", permissions: Permissions? = nil,
    subscriptionsMax: Int = 0, payloadBytesMax: Int = 0, revision: String = ""
  ) {
    self.users[name] = (
      "pw",
      Principal(
        name: name, tenant: self.engine.tenant(named: tenant), permissions: permissions,
        subscriptionsMax: subscriptionsMax, payloadBytesMax: payloadBytesMax, revision: revision)
    )
  }

  var requiresCredentials: Bool { !self.users.isEmpty || self.token != nil || self.offersNonce }

  func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    self.seen.append(credentials)
    let answer = self.answer(credentials)
    if self.isSlow {
      self.waiting.append { completion(self.refusesAll ? .failure(.badCredentials) : answer) }
    } else {
      completion(answer)
    }
  }

  private func answer(_ credentials: Credentials) -> Result<Principal, AccessRefusal> {
    guard self.requiresCredentials else { return .success(self.anonymous) }
    switch credentials {
    case .password(let name, let password):
      if let user = self.users[name], Array(user.password.utf8) == password {
        return .success(user.principal)
      }
    case .token(let token):
      if let expected = self.token, Array(expected.utf8) == token {
        return .success(self.anonymous)
      }
    case .nkey: return .success(self.anonymous)
    default: break
    }
    return .failure(.badCredentials)
  }

  func scramCredential(for user: String, hash: SCRAMHash) -> SCRAMCredential {
    SCRAMCredential(salt: [], iterations: 1, storedKey: [], serverKey: [])
  }

  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? {
    self.requiresCredentials ? self.users[principal.name]?.principal : self.anonymous
  }

  func standing(of principal: Principal, peer: PeerIdentity) -> Principal? {
    refresh(principal, peer: peer)
  }
}
