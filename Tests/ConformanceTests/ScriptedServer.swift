import NIOCore
import NIOPosix
import Synchronization

/// A NATS server that says what a test wants it to say, on a port of its own.
final class ScriptedServer: Sendable {
  /// What it answers to a line; `nil` closes the connection.
  typealias Script = @Sendable (_ line: String, _ connection: Int) -> String?

  private let channel: any Channel
  private let log: Log

  let port: Int

  /// What clients have said so far, payloads as lines too.
  var heard: [String] { self.log.lines.withLock { $0 } }

  /// - Parameter greeting: what a connection hears first; connections are counted from 1.
  init(
    greeting: @escaping @Sendable (Int) -> String, script: @escaping Script
  ) async throws {
    let count = Atomic(0)
    let log = Log()
    self.log = log
    self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ScriptedHandler(greeting: greeting(number)) { line in
              log.lines.withLock { $0.append(line) }
              return script(line, number)
            })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    self.port = self.channel.localAddress?.port ?? 0
  }

  /// A server that greets everybody.
  convenience init(script: @escaping Script = ScriptedServer.friendly) async throws {
    try await self.init(greeting: { _ in "INFO {\"headers\":true}\r\n" }, script: script)
  }

  deinit {
    self.channel.close(promise: nil)
  }

  /// Answers every PING.
  static let friendly: Script = { line, _ in line == "PING" ? "PONG\r\n" : "" }

  private final class Log: Sendable {
    let lines = Mutex<[String]>([])
  }
}

private final class ScriptedHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let greeting: String
  private let answer: (String) -> String?
  private var input = ""

  init(greeting: String, answer: @escaping (String) -> String?) {
    self.greeting = greeting
    self.answer = answer
  }

  func channelActive(context: ChannelHandlerContext) {
    self.say(self.greeting, context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    self.input += String(buffer: self.unwrapInboundIn(data))
    while let end = self.input.firstRange(of: "\r\n") {
      let line = String(self.input[..<end.lowerBound])
      self.input = String(self.input[end.upperBound...])
      guard let answer = self.answer(line) else { return context.close(promise: nil) }
      self.say(answer, context)
    }
  }

  private func say(_ text: String, _ context: ChannelHandlerContext) {
    guard !text.isEmpty else { return }
    context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
  }
}
