import NIOCore
import NIOPosix
import Synchronization

/// A server that lets everybody in, says the same on and on, and heeds nothing of what it hears.
final class TalkingServer: Sendable {
  private let channel: any Channel
  private let visits: Visits
  let port: Int

  /// How often somebody has come.
  var visitors: Int { self.visits.count.load(ordering: .relaxed) }

  private final class Visits: Sendable {
    let count = Atomic(0)
  }

  /// - Parameters:
  ///   - greeting: what whoever comes hears first.
  ///   - talk: what it hears every millisecond from then on.
  init(greeting: ByteBuffer, talk: ByteBuffer) async throws {
    let visits = Visits()
    self.visits = visits
    self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        visits.count.wrappingAdd(1, ordering: .relaxed)
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Talk(greeting: greeting, talk: talk))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    self.port = self.channel.localAddress?.port ?? 0
  }

  deinit {
    self.channel.close(promise: nil)
  }

  private final class Talk: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let greeting: ByteBuffer
    private let talk: ByteBuffer
    private var repetition: RepeatedTask?

    init(greeting: ByteBuffer, talk: ByteBuffer) {
      self.greeting = greeting
      self.talk = talk
    }

    func channelActive(context: ChannelHandlerContext) {
      context.writeAndFlush(self.wrapOutboundOut(self.greeting), promise: nil)
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      self.repetition = context.eventLoop.scheduleRepeatedTask(
        initialDelay: .milliseconds(1), delay: .milliseconds(1)
      ) { _ in
        let (talk, context) = bound.value
        guard context.channel.isWritable else { return }
        context.writeAndFlush(talk.wrapOutboundOut(talk.talk), promise: nil)
      }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelInactive(context: ChannelHandlerContext) {
      self.repetition?.cancel()
    }
  }
}
