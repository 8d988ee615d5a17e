import Godwit
import GodwitDriverKit
import GodwitNATS
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// What the NATS driver bears of a server that means no good, or is broken.
@Suite(.timeLimit(.minutes(2))) struct NATSHostileServerTests {
  private func settings(_ port: Int) throws -> NATSSettings {
    var settings = try NATSSettings(url: "nats://127.0.0.1:\(port)")
    settings.backoff = .init(initial: .milliseconds(40), max: .milliseconds(80))
    return settings
  }

  private func message(_ topic: String, bytes: Int = 1) -> Message {
    Message(topic: topic, body: ByteBuffer(repeating: 1, count: bytes))
  }

  @Test func aServerThatAlwaysSendsAwayIsGoneToSlowly() async throws {
    let visits = Visits()
    // Of a cluster in its own words, and about to stop whenever somebody has come.
    let server = try await ScriptedServer(greeting: { _ in visits.come("") }) { line, _ in
      line == "PING" ? "PONG\r\n" + visits.info(",\"ldm\":true") : ""
    }
    visits.port.store(server.port, ordering: .relaxed)
    let broker = try Godwit.Broker.nats(self.settings(server.port), logger: .silent)
    defer { broker.driver.stop() }
    let clock = ContinuousClock()
    let start = clock.now
    try? await broker.start()
    while visits.count.load(ordering: .relaxed) < 10 { try await Task.sleep(for: .milliseconds(1)) }
    // Ten visits have nine waits between them, most of 20 ms at least.
    #expect(clock.now - start > .milliseconds(100))
  }

  @Test func pingsWhoseAnswersNobodyReadsEndTheConnection() async throws {
    let server = try await FloodingServer(
      greeting: "INFO {\"headers\":true}\r\nPONG\r\n",
      flood: String(repeating: "PING\r\n", count: 10_000))
    var settings = try self.settings(server.port)
    settings.pendingBytesMax = 1 << 20
    let broker = try Godwit.Broker.nats(settings, logger: .silent)
    defer { broker.driver.stop() }
    try await broker.start()
    for await state in broker.states() {
      if case .reconnecting(let error) = state {
        #expect(error.message.contains("does not read"), "\(error)")
        break
      }
    }
  }

  @Test func aServerThatOnlyTalksIsLeft() async throws {
    let server = try await TalkingServer(
      greeting: ByteBuffer(string: "INFO {\"headers\":true}\r\nPONG\r\n"),
      talk: ByteBuffer(string: "+OK\r\n"))
    var settings = try self.settings(server.port)
    settings.pingInterval = .milliseconds(50)
    settings.pingTimeout = .milliseconds(50)
    settings.timeout = .milliseconds(20)
    let broker = try Godwit.Broker.nats(settings, logger: .silent)
    defer { broker.driver.stop() }
    let states = broker.states()
    try await broker.start()
    // The question behind it is not answered.
    await #expect(throws: GodwitError.self) { try await broker.publish(self.message("a")) }
    for await state in states {
      guard case .reconnecting(let error) = state else { continue }
      #expect(error.message == "the server no longer answers")
      break
    }
    for await state in states where state.isConnected { break }
    #expect(server.visitors > 1)
  }

  @Test func aPublishWaitsNoLongerThanItSays() async throws {
    // Nobody is let in; publishes of several times what may wait.
    let server = try await ScriptedServer(greeting: { _ in "" }) { _, _ in "" }
    var settings = try self.settings(server.port)
    settings.pendingBytesMax = 10_000
    settings.timeout = .milliseconds(400)
    settings.connectTimeout = .seconds(60)
    let broker = try Godwit.Broker.nats(settings, logger: .silent)
    defer { broker.driver.stop() }
    let codes = await withTaskGroup(of: GodwitError.Code?.self) { group in
      for _ in 0..<8 {
        group.addTask {
          do throws(GodwitError) {
            try await broker.publish(self.message("a", bytes: 6_000))
            return nil
          } catch {
            return error.code
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    // The first waits for a connection. What waits for room only gets it when time is over, and
    // does not begin to wait anew.
    #expect(codes.filter { $0 == .disconnected }.count < 8)
    #expect(codes.allSatisfy { $0 == .disconnected || $0 == .overloaded })
  }

  @Test func endlessTimesDoNotTrap() async throws {
    let server = try await ScriptedServer()
    var settings = try self.settings(server.port)
    settings.timeout = .seconds(Int64.max)
    settings.connectTimeout = .seconds(Int64.max)
    settings.pingInterval = .seconds(Int64.max)
    settings.pingTimeout = .seconds(Int64.max)
    settings.drainTimeout = .seconds(Int64.max)
    let broker = try Godwit.Broker.nats(settings, logger: .silent)
    try await broker.whileRunning {
      try await broker.publish(self.message("a"))
    }
    settings.drainTimeout = .seconds(-1)
    #expect(throws: GodwitError.self) { try Godwit.Broker.nats(settings) }
    settings.drainTimeout = .zero
    settings.backoff.factor = .infinity
    #expect(throws: GodwitError.self) { try Godwit.Broker.nats(settings) }
    settings.backoff = .init()
    settings.attemptsMax = -1
    #expect(throws: GodwitError.self) { try Godwit.Broker.nats(settings) }
    settings.attemptsMax = nil
    settings.windowLimits.messagesMax = 0
    #expect(throws: GodwitError.self) { try Godwit.Broker.nats(settings) }
  }

  /// A header that can be received and not be sent must not make a message that stays for ever.
  @Test func headersThatCannotBeSentOnBlockNothing() async throws {
    let headers = "NATS/1.0\r\nbad: a\0b\r\n\r\n"
    let bad = "HMSG n 1 \(headers.utf8.count) \(headers.utf8.count + 1)\r\n\(headers){\r\n"
    let good = "MSG n 1 1\r\n7\r\n"
    let server = try await ScriptedServer { line, _ in
      if line.hasPrefix("SUB n") { return String(repeating: bad, count: 8) + good }
      return ScriptedServer.friendly(line, 1)
    }
    let broker = try Godwit.Broker.nats(self.settings(server.port), logger: .silent)
    let seen = AsyncStream.makeStream(of: Int.self)
    let options = SubscriptionOptions(
      retry: RetryPolicy(attemptsMax: 1, backoff: Backoff(initial: .seconds(30))))
    let work = Subscription(to: Topic<Int>("n"), on: broker, options: options) {
      seen.continuation.yield($0.payload)
      return .ack
    }
    try await broker.whileRunning {
      try await work.whileRunning {
        for await number in seen.stream {
          #expect(number == 7)
          break
        }
      }
    }
    #expect(work.progress.dead == 8)
    #expect(server.heard.filter { $0.hasPrefix("HPUB dead-letter.n ") }.count == 8)
  }
}

/// How often clients have come to a server that calls itself a cluster of two.
private final class Visits: Sendable {
  let count = Atomic(0)
  let port = Atomic(0)

  func come(_ more: String) -> String {
    self.count.wrappingAdd(1, ordering: .relaxed)
    return self.info(more)
  }

  func info(_ more: String) -> String {
    let port = self.port.load(ordering: .relaxed)
    let urls = "\"localhost:\(port)\",\"127.0.0.1:\(port)\""
    return "INFO {\"headers\":true,\"connect_urls\":[\(urls)]\(more)}\r\n"
  }
}

/// Says more and more, and reads nothing.
private final class FloodingServer: Sendable {
  private let channel: any Channel
  let port: Int

  init(greeting: String, flood: String) async throws {
    self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            Flood(greeting: greeting, flood: ByteBuffer(string: flood)))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    self.port = self.channel.localAddress?.port ?? 0
  }

  deinit {
    self.channel.close(promise: nil)
  }

  private final class Flood: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let greeting: String
    private let flood: ByteBuffer

    init(greeting: String, flood: ByteBuffer) {
      self.greeting = greeting
      self.flood = flood
    }

    func channelActive(context: ChannelHandlerContext) {
      context.writeAndFlush(
        self.wrapOutboundOut(ByteBuffer(string: self.greeting)), promise: nil)
      self.more(context)
    }

    private func more(_ context: ChannelHandlerContext) {
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      context.writeAndFlush(self.wrapOutboundOut(self.flood)).whenSuccess {
        let (flood, context) = bound.value
        context.eventLoop.assumeIsolated().execute { flood.more(context) }
      }
    }
  }
}
