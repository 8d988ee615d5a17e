import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import Logging
import NIOCore
import NIOPosix

@testable import GodwitBroker

/// An engine, a line protocol and the admin server on one loop, on free ports.
final class AdminHarness: Sendable {
  /// What lives on the loop.
  final class Parts {
    let loop: Loop
    let facts: BrokerFacts
    let frontEnd: FakeFrontEnd
    var server: AdminServer?
    var listener: Listener?

    init(loop: Loop, facts: BrokerFacts, frontEnd: FakeFrontEnd) {
      self.loop = loop
      self.facts = facts
      self.frontEnd = frontEnd
    }
  }

  private final class NobodyAsks: Authenticator {
    var requiresCredentials: Bool { false }
    var offersNonce: Bool { false }

    func authenticate(
      _ credentials: Credentials, peer: PeerIdentity,
      completion: @escaping (Result<Principal, AccessRefusal>) -> Void
    ) {
      completion(.failure(.badCredentials))
    }

    func scramCredential(for user: String, hash: SCRAMHash) -> SCRAMCredential {
      SCRAMCredential(salt: [], iterations: 1, storedKey: [], serverKey: [])
    }

    func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? { principal }
    func standing(of principal: Principal, peer: PeerIdentity) -> Principal? { principal }
  }

  let port: Int
  let clientPort: Int
  private let eventLoop: any EventLoop
  private let parts: NIOLoopBound<Parts>

  private init(eventLoop: any EventLoop, parts: NIOLoopBound<Parts>, port: Int, clientPort: Int) {
    self.eventLoop = eventLoop
    self.parts = parts
    self.port = port
    self.clientPort = clientPort
  }

  /// Starts everything, runs `body`, and takes it down again.
  static func run(
    secret: (user: String, password: String, token: String)? = nil, hostNames: [String] = [],
    limits: AdminLimits = .defaults, state: BrokerFacts.State = .serving,
    _ body: (AdminHarness) async throws -> Void
  ) async throws {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let parts = try await eventLoop.submit {
      NIOLoopBound(Self.make(eventLoop, state), eventLoop: eventLoop)
    }.get()
    let ports = try await eventLoop.flatSubmit { () -> EventLoopFuture<[Int]> in
      let admin = eventLoop.makePromise(of: Int.self)
      let client = eventLoop.makePromise(of: Int.self)
      let parts = parts.value
      let access = secret.map {
        AdminAccess(user: $0.user, password: $0.password, token: $0.token)
      }
      AdminServer.start(
        host: "127.0.0.1", port: 0, routes: parts.frontEnd.adminRoutes, loop: parts.loop,
        facts: parts.facts, access: access, hostNames: hostNames, limits: limits
      ) { result in
        parts.server = try? result.get()
        admin.completeWith(result.map(\.address.port))
      }
      let settings = ListenerSettings(
        name: "fake", host: "127.0.0.1", port: 0, transport: .tcp, tls: nil,
        connectionsMax: 100, connectionsPerAddressMax: 0)
      Listener.bind(settings, frontEnd: parts.frontEnd, loop: parts.loop) { result in
        parts.listener = try? result.get()
        client.completeWith(result.map(\.address.port))
      }
      return EventLoopFuture.whenAllSucceed(
        [admin.futureResult, client.futureResult], on: eventLoop)
    }.get()
    let harness = AdminHarness(
      eventLoop: eventLoop, parts: parts, port: ports[0], clientPort: ports[1])
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(harness)) } catch { outcome = .failure(error) }
    try await harness.onLoop { parts in
      parts.server?.close()
      parts.listener?.close()
      for connection in parts.loop.connections.all { connection.abort(.shutdown) }
      parts.loop.stop()
    }
    try outcome.get()
  }

  private static func make(_ eventLoop: any EventLoop, _ state: BrokerFacts.State) -> Parts {
    let loop = Loop(eventLoop: eventLoop, wallNanoseconds: 1_800_000_000_000_000_000)
    let context = FrontEndContext(
      loop: loop, access: AccessControl(NobodyAsks()),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, serverName: "test",
      version: "0.0.1")
    let frontEnd = FakeFrontEnd(context, values: SettingsValues(path: "fake", checked: [:]))
    let facts = BrokerFacts(
      serverName: "test", version: "0.0.1", startedAt: loop.engine.now, frontEnds: [frontEnd])
    facts.state = state
    facts.listeners = [
      .init(name: "fake", address: BoundAddress(host: "127.0.0.1", port: 1))
    ]
    facts.limits = [
      .init(name: "fake.lines_max", value: .integer(7), meaning: "lines")
    ]
    return Parts(loop: loop, facts: facts, frontEnd: frontEnd)
  }

  /// Runs `body` on the loop.
  func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (Parts) throws -> Value
  ) async throws -> Value {
    let parts = self.parts
    return try await self.eventLoop.submit { try body(parts.value) }.get()
  }

  /// Asks the loop until `condition` holds, for what the loop learns in its own time: that a peer
  /// has gone. Five seconds at the most.
  func until(_ condition: @escaping @Sendable (Parts) -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
      if try await self.onLoop(condition) { return true }
    }
    return false
  }

  /// A connection to the admin server.
  func connect() throws -> AdminClient { AdminClient(try BlockingSocket(port: self.port)) }

  /// A client of the line protocol that has said its name.
  func lineClient(_ name: String) throws -> BlockingSocket {
    let client = try BlockingSocket(port: self.clientPort)
    try client.send("NAME \(name)\n")
    _ = try client.read(until: "OK\n")
    return client
  }
}

/// Speaks HTTP/1.1 to the admin server.
struct AdminClient {
  struct Reply {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: self.body, as: UTF8.self) }
    var json: JSONValue { (try? JSONValue(parsing: self.body)) ?? .null }
  }

  let socket: BlockingSocket

  init(_ socket: BlockingSocket) {
    self.socket = socket
  }

  /// Sends a request and reads its answer.
  func request(
    _ method: String, _ path: String, headers: [String] = [], body: String? = nil,
    host: String = "127.0.0.1"
  ) throws -> Reply {
    var lines = ["\(method) \(path) HTTP/1.1", "Host: \(host)"] + headers
    if let body { lines.append("Content-Length: \(body.utf8.count)") }
    try self.socket.send(lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
    return try self.reply(hasBody: method != "HEAD")
  }

  /// POSTs JSON.
  func post(_ path: String, _ body: String) throws -> Reply {
    try self.request("POST", path, headers: ["Content-Type: application/json"], body: body)
  }

  /// Reads one answer.
  func reply(hasBody: Bool = true) throws -> Reply {
    let head = try self.socket.read(until: "\r\n\r\n")
    var lines = head.split(separator: "\r\n")
    let status = Int(lines.removeFirst().split(separator: " ")[1]) ?? 0
    var headers: [String: String] = [:]
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
    }
    let count = hasBody ? headers["content-length"].flatMap { Int($0) } ?? 0 : 0
    return Reply(status: status, headers: headers, body: try self.socket.read(count: count))
  }
}
