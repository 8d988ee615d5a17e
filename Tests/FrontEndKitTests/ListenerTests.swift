import GodwitEngine
import GodwitPrimitives
import NIOCore
import NIOPosix
import Testing

@testable import GodwitFrontEndKit

/// A front end whose sessions send back what they get.
private final class EchoFrontEnd: FrontEnd {
  static let name = "echo"
  static let settings = SettingsSection("echo", "For tests.", [])
  static let defaultPorts: [Transport: Int] = [:]
  let webSocket: WebSocketRules? = WebSocketRules(
    paths: [], subprotocols: [], requiresSubprotocol: false, frameBytesMax: 1_000)
  let upgradesToTLS = false
  let handshakeSeconds = 600.0
  let farewellWhenFull = Array("full\n".utf8)
  let adminRoutes: [AdminRoute] = []
  let metrics: [Metric] = []

  init(_ context: FrontEndContext, values: SettingsValues) {}
  init() {}

  final class EchoSession: Session {
    override func receive(_ bytes: UnsafeRawBufferPointer) -> Intake {
      self.connection.append(bytes)
      return Intake(consumed: bytes.count)
    }
  }

  func makeSession(for connection: Connection) -> Session { EchoSession(connection: connection) }
  func started(listeners: [Transport: BoundAddress]) {}
  func reload(values: SettingsValues) {}
  func drain(done: @escaping () -> Void) { done() }
  func spell(_ topic: [UInt8]) -> Result<String, NameError> { .failure(NameError("none")) }
  func canonical(_ name: String) -> Result<[UInt8], NameError> { .failure(NameError("none")) }
  func pattern(_ text: String) -> Result<TopicPattern, NameError> { .failure(NameError("none")) }
}

/// A listener on a port of the system's choice, on a loop of its own.
private struct Served: Sendable {
  let eventLoop: any EventLoop
  let port: Int
  private let held: NIOLoopBound<Held>

  private final class Held {
    let loop: Loop
    var listener: Listener?
    init(_ loop: Loop) { self.loop = loop }
  }

  static func start(
    port: Int = 0, transport: Transport = .tcp, connectionsMax: Int = 100,
    connectionsPerAddressMax: Int = 0
  ) async throws -> Served {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
    let bound = eventLoop.makePromise(of: Int.self)
    let held = try await eventLoop.submit {
      let held = Held(Loop(eventLoop: eventLoop, wallNanoseconds: 1_000_000_000))
      let settings = ListenerSettings(
        name: "echo", host: "127.0.0.1", port: port, transport: transport, tls: nil,
        connectionsMax: connectionsMax, connectionsPerAddressMax: connectionsPerAddressMax)
      Listener.bind(settings, frontEnd: EchoFrontEnd(), loop: held.loop) { result in
        held.listener = try? result.get()
        bound.completeWith(result.map(\.address.port))
      }
      return NIOLoopBound(held, eventLoop: eventLoop)
    }.get()
    return Served(eventLoop: eventLoop, port: try await bound.futureResult.get(), held: held)
  }

  private init(eventLoop: any EventLoop, port: Int, held: NIOLoopBound<Held>) {
    self.eventLoop = eventLoop
    self.port = port
    self.held = held
  }

  func connect() async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
    try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: self.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel(wrappingChannelSynchronously: channel)
        }
      }
  }

  /// How many connections there are, and how many were refused.
  func counts() async throws -> [Int] {
    try await self.eventLoop.submit {
      let table = self.held.value.loop.connections
      return [table.count, Int(table.refused)]
    }.get()
  }

  func stop() async throws {
    try await self.eventLoop.submit {
      self.held.value.listener?.close()
      for connection in self.held.value.loop.connections.all { connection.close(.shutdown) }
    }.get()
  }
}

@Suite struct ListenerTests {
  /// Sends text and reads until as much has come back.
  private static func echo(
    _ text: String, over channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
  ) async throws -> String {
    try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(string: text))
      var answer = ""
      for try await buffer in inbound {
        answer += String(buffer: buffer)
        if answer.utf8.count >= text.utf8.count { break }
      }
      return answer
    }
  }

  private static func everything(
    from channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
  ) async throws -> String {
    try await channel.executeThenClose { inbound, _ in
      var answer = ""
      for try await buffer in inbound { answer += String(buffer: buffer) }
      return answer
    }
  }

  @Test func bytesGoInAndOut() async throws {
    let served = try await Served.start()
    let text = String(repeating: "0123456789", count: 50_000)
    #expect(try await Self.echo(text, over: served.connect()) == text)
    try await served.stop()
  }

  @Test func oneTooManyIsBidFarewell() async throws {
    let served = try await Served.start(connectionsMax: 1)
    let first = try await served.connect()
    try await first.executeThenClose { inbound, outbound in
      // An answer shows that the first has been accepted.
      try await outbound.write(ByteBuffer(string: "a"))
      for try await _ in inbound { break }
      #expect(try await Self.everything(from: served.connect()) == "full\n")
      #expect(try await served.counts() == [1, 1])
    }
    try await served.stop()
  }

  @Test func oneAddressMayHaveSoManyConnections() async throws {
    let served = try await Served.start(connectionsPerAddressMax: 2)
    let first = try await served.connect()
    let second = try await served.connect()
    try await first.executeThenClose { firstInbound, firstOutbound in
      try await second.executeThenClose { secondInbound, secondOutbound in
        try await firstOutbound.write(ByteBuffer(string: "a"))
        for try await _ in firstInbound { break }
        try await secondOutbound.write(ByteBuffer(string: "b"))
        for try await _ in secondInbound { break }
        #expect(try await Self.everything(from: served.connect()) == "full\n")
      }
    }
    try await served.stop()
  }

  @Test(arguments: [(2, 0), (100, 2)])
  func webSocketHandshakesCountFromTheFirstMoment(max: Int, perAddress: Int) async throws {
    let served = try await Served.start(
      transport: .ws, connectionsMax: max, connectionsPerAddressMax: perAddress)
    let first = try await served.connect()
    let second = try await served.connect()
    try await first.executeThenClose { firstInbound, firstOutbound in
      try await second.executeThenClose { _, _ in
        // None of them has said a word. There is nobody to read the farewell.
        let farewell = try await Self.everything(from: served.connect())
        #expect(farewell == "")
        let counts = try await served.counts()
        #expect(counts == [2, 1])
      }
      // Room again, at once, for the one that has gone.
      let deadline = ContinuousClock.now + .seconds(5)
      while try await served.counts() != [1, 1], ContinuousClock.now < deadline {}
      let third = try await served.connect()
      try await third.executeThenClose { inbound, outbound in
        try await outbound.write(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
        var answer = ""
        for try await buffer in inbound { answer += String(buffer: buffer) }
        #expect(answer.hasPrefix("HTTP/1.1 400 "))
      }
    }
    try await served.stop()
  }

  @Test func aTakenPortIsAnError() async throws {
    let served = try await Served.start()
    await #expect(throws: (any Error).self) { try await Served.start(port: served.port) }
    try await served.stop()
  }
}
