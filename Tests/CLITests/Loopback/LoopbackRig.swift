import GodwitEngine
import GodwitWireTesting
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import GodwitCLI
@testable import GodwitFrontEndKit

/// Our clients' sessions against our server's, without a socket: bytes travel in pieces of random
/// sizes, in a random order, from a seed. For any protocol.
final class LoopbackRig {
  let eventLoop = EmbeddedEventLoop()
  let loop: Loop
  let frontEnd: any FrontEnd
  let seed: UInt64
  var random: SplitMix64
  private(set) var clients: [LoopbackClient] = []

  /// A front end with its default settings but for `settings`, where everybody may come in.
  init<Server: FrontEnd>(
    _ server: Server.Type, seed: UInt64, settings: [String: SettingValue] = [:]
  ) throws {
    self.seed = seed
    self.random = SplitMix64(seed: seed)
    self.loop = Loop(eventLoop: self.eventLoop, wallNanoseconds: 1_700_000_000_000_000_000)
    var values: [String: SettingValue] = [:]
    for setting in Server.settings.settings { values[setting.key] = setting.defaultValue }
    values.merge(settings) { _, own in own }
    self.frontEnd = try Server(
      FrontEndContext(
        loop: self.loop, access: AccessControl(OpenHouse(self.loop.engine)),
        logger: Logger(label: "loopback") { _ in SwiftLogNoOpLogHandler() }, serverName: "loopback",
        version: "0"),
      values: SettingsValues(path: Server.name, checked: values))
  }

  /// How to repeat a failing run.
  var comment: Comment { "seed \(self.seed)" }

  /// A number below `count`.
  func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self.random) }

  /// A client that has logged in.
  func client(
    _ url: String, _ change: (inout ClientConfiguration) -> Void = { _ in }
  ) throws -> LoopbackClient {
    var configuration = ClientConfiguration(address: try ServerAddress(url))
    configuration.name = "client\(self.clients.count)"
    change(&configuration)
    let client = try LoopbackClient(self, configuration.makeSession())
    self.clients.append(client)
    try self.settle()
    try #require(client.takeEvents() == [.ready], self.comment)
    return client
  }

  /// Moves some bytes of some client in some direction.
  func stir() throws {
    guard !self.clients.isEmpty else { return }
    try self.clients[self.pick(self.clients.count)].move()
  }

  /// Moves bytes, in a random order, until all have arrived.
  func settle() throws {
    while true {
      self.eventLoop.run()
      let busy = self.clients.filter(\.hasBytesOnTheWay)
      guard !busy.isEmpty else { return }
      try busy[self.pick(busy.count)].move()
    }
  }

  /// A size for the next piece: often a few bytes, sometimes all.
  fileprivate func piece(of count: Int) -> Int {
    switch self.pick(8) {
    case 0: min(count, 1)
    case 1...3: min(count, 1 + self.pick(12))
    case 4...6: min(count, 1 + self.pick(3_000))
    default: count
    }
  }
}

/// One client of a rig.
final class LoopbackClient {
  private let rig: LoopbackRig
  private let channel: EmbeddedChannel
  private var session: any ClientSession
  let connection: Connection
  /// What the client said, on its way.
  private var toServer = ByteBuffer()
  /// What the server said, on its way.
  private var toClient = ByteBuffer()
  /// What has come and is not a whole frame yet.
  private var input = ByteBuffer()
  private var events: [SessionEvent] = []
  /// What was delivered, in order.
  private(set) var messages: [IncomingMessage] = []

  fileprivate init(_ rig: LoopbackRig, _ session: any ClientSession) throws {
    self.rig = rig
    self.session = session
    self.channel = EmbeddedChannel(loop: rig.eventLoop)
    let frontEnd = rig.frontEnd
    self.connection = Connection(
      loop: rig.loop, frontEndName: type(of: frontEnd).name,
      peer: PeerInfo(address: "127.0.0.1", port: 5000, transport: .tcp, listener: "loopback"),
      tls: nil, handshakeSeconds: 5)
    self.connection.session = frontEnd.makeSession(for: self.connection)
    try self.channel.pipeline.syncOperations.addHandler(self.connection)
    try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    self.session.begin(into: &self.toServer)
  }

  // MARK: What the client does

  func subscribe(_ pattern: String, group: String? = nil) throws -> Int {
    try self.subscribe(SubscriptionRequest(pattern: pattern, group: group))
  }

  func subscribe(_ request: SubscriptionRequest) throws -> Int {
    try self.session.subscribe(request, into: &self.toServer)
  }

  /// - Returns: false when the session wants to wait for acknowledgements first.
  @discardableResult
  func publish(_ message: OutgoingMessage) throws -> Bool {
    try self.session.publish(message, into: &self.toServer)
  }

  func flush() {
    self.session.flush(into: &self.toServer)
  }

  /// Says something that the session has no word for.
  func say(_ words: (inout ByteBuffer) -> Void) {
    words(&self.toServer)
  }

  func takeEvents() -> [SessionEvent] {
    defer { self.events = [] }
    return self.events
  }

  func takeMessages() -> [IncomingMessage] {
    defer { self.messages = [] }
    return self.messages
  }

  func disconnect() {
    _ = try? self.channel.finish()
    self.rig.eventLoop.run()
  }

  // MARK: The way

  fileprivate var hasBytesOnTheWay: Bool {
    self.collect()
    return self.toServer.readableBytes > 0 || self.toClient.readableBytes > 0
  }

  private func collect() {
    while let buffer = try? self.channel.readOutbound(as: ByteBuffer.self) {
      self.toClient.writeImmutableBuffer(buffer)
    }
  }

  /// Brings a piece of what is on the way to its end, in one direction or the other.
  fileprivate func move() throws {
    self.collect()
    let goesOut = self.toServer.readableBytes > 0
    let goesIn = self.toClient.readableBytes > 0
    if goesOut, !goesIn || self.rig.pick(2) == 0 {
      let count = self.rig.piece(of: self.toServer.readableBytes)
      if let piece = self.toServer.readSlice(length: count) {
        // A copy: the server may keep no part of what the client will overwrite.
        try self.channel.writeInbound(ByteBuffer(bytes: piece.readableBytesView))
      }
      self.toServer.discardReadBytes()
      if self.rig.pick(3) > 0 { self.rig.eventLoop.run() }
    } else if goesIn {
      let count = self.rig.piece(of: self.toClient.readableBytes)
      if var piece = self.toClient.readSlice(length: count) { self.input.writeBuffer(&piece) }
      self.toClient.discardReadBytes()
      var come: [IncomingMessage] = []
      defer { self.messages += come }
      try self.session.receive(&self.input, into: &self.toServer, events: &self.events) {
        come.append(IncomingMessage($0))
      }
    }
  }
}

/// Lets everybody in.
private final class OpenHouse: Authenticator {
  private let principal: Principal

  init(_ engine: Engine) {
    self.principal = Principal(name: "", tenant: engine.tenant(named: "default"))
  }

  var requiresCredentials: Bool { false }
  var offersNonce: Bool { false }

  func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    completion(.success(self.principal))
  }

  func scramCredential(for user: String, hash: SCRAMHash) -> SCRAMCredential {
    SCRAMCredential(salt: [], iterations: 1, storedKey: [], serverKey: [])
  }

  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? { principal }
  func standing(of principal: Principal, peer: PeerIdentity) -> Principal? { principal }
}
