#if Health
  import Godwit
  import GodwitEmbedded
  import GodwitHealth
  import NIOCore
  import NIOPosix
  import Testing

  @Suite(.timeLimit(.minutes(1))) struct HealthServiceTests {
    /// The status and body that a path is answered with.
    private func get(_ path: String, port: Int) async throws -> (status: String, body: String) {
      let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connect(host: "127.0.0.1", port: port) { channel in
          channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
          }
        }
      return try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(
          ByteBuffer(string: "GET \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
        var answer = ""
        for try await part in inbound { answer += String(buffer: part) }
        let status = answer.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        let end = answer.firstRange(of: "\r\n\r\n")?.upperBound ?? answer.endIndex
        return (status, String(answer[end...]))
      }
    }

    @Test func answersFromWhatIsGoingOn() async throws {
      let broker = Broker.embedded()
      let work = Subscription(to: Topic<String>("t"), on: broker, group: "g") { _ in .ack }
      let health = HealthMonitor(brokers: [broker], subscriptions: [work])
      let (ports, port) = AsyncStream.makeStream(of: Int.self)
      let service = HealthService(health, host: "127.0.0.1", port: 0) { port.yield($0) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service.run() }
        guard let port = await ports.first(where: { _ in true }) else { return }
        #expect(try await self.get("/livez", port: port).status == "200")
        #expect(try await self.get("/readyz", port: port).status == "503")
        #expect(try await self.get("/", port: port).status == "404")
        try await broker.start()
        #expect(try await self.get("/readyz", port: port).status == "503")
        try await work.start()
        let answer = try await self.get("/readyz", port: port)
        #expect(answer.status == "200")
        #expect(
          answer.body
            == #"{"brokers":[{"isConnected":true,"state":"connected","system":"godwit"}],"#
            + #""subscriptions":[{"active":0,"dead":0,"group":"g","id":"g","isStalled":false,"#
            + #""isSubscribed":true,"pattern":"t","retried":0,"settled":0}]}"#)
        work.stop()
        #expect(try await self.get("/readyz", port: port).status == "503")
        group.cancelAll()
      }
    }
  }
#endif
