import Godwit
import GodwitDriverKit
import Logging
import NIOCore
import Testing

@testable import GodwitNATS

/// What tasks leave for a connection, and what becomes of it there.
@Suite struct NATSConversationTests {
  private final class Bench {
    let conversation: NATSConversation
    var batch = NATSBatch()

    init() throws {
      let settings = NATSSettings(servers: [Endpoint(host: "h", port: 1)])
      self.conversation = NATSConversation(
        settings, login: try NATSLogin(.none, name: "t"), facts: NATSServerFacts(),
        logger: Logger(label: "t"))
    }

    func turn(
      _ body: (inout LinkTurn) throws(GodwitError) -> Void
    ) throws -> [String] {
      var turn = LinkTurn(output: ByteBuffer(), now: .now())
      try body(&turn)
      // Headers are not what is looked at here.
      return String(buffer: turn.output).split(separator: "\r\n").map(String.init)
        .filter { ["HPUB", "PUB", "SUB", "PING"].contains($0.prefix { $0 != " " }) }
        .map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
    }

    @discardableResult
    func connect() throws -> [String] {
      try self.turn { turn throws(GodwitError) in
        try self.conversation.begin(Endpoint(host: "h", port: 1), &turn)
        var input = ByteBuffer(string: "INFO {\"headers\":true,\"max_payload\":400}\r\nPONG\r\n")
        try self.conversation.receive(&input, &turn)
      }
    }

    func leave(
      _ topic: String, bytes: Int = 1, _ confirmation: GodwitDriverKit.Confirmation<Void>? = nil
    ) throws {
      let message = Message(topic: topic, body: ByteBuffer(repeating: 0x78, count: bytes))
      let waiter = confirmation.map {
        NATSCommand.Waiter(token: 1, subjects: [topic], confirmation: $0)
      }
      self.batch.publish(message, try NATSFrame(message), waiter)
    }

    func perform() throws -> [String] {
      defer { #expect(self.batch.isEmpty && self.batch.frames.readableBytes == 0) }
      return try self.turn { turn in
        self.conversation.perform(&self.batch, &turn)
        self.conversation.endBurst(&turn)
      }
    }
  }

  private func subscription(_ pattern: String) -> NATSCommand {
    let request = SubscriptionRequest(pattern: pattern, group: nil, id: pattern, prefetch: 1)
    let window = DeliveryWindow(request, queue: DeliveryQueue(), limits: .init())
    return .subscribe(9, request, window, .init())
  }

  @Test func framesAndCommandsKeepTheirOrder() throws {
    let bench = try Bench()
    try bench.connect()
    try bench.leave("a")
    try bench.leave("b")
    bench.batch.append(self.subscription("s"))
    try bench.leave("c")
    #expect(try bench.perform() == ["HPUB a", "HPUB b", "SUB s", "PING", "HPUB c"])
    try bench.leave("d")
    var publish = try NATSPublish(["e", "f"].map { Message(topic: $0, body: ByteBuffer()) })
    bench.batch.publish(
      &publish, .init(token: 2, subjects: ["e", "f"], confirmation: .init()))
    #expect(try bench.perform() == ["HPUB d", "HPUB e", "HPUB f", "PING"])
  }

  @Test func framesWaitForAConnection() throws {
    let bench = try Bench()
    try bench.leave("a")
    #expect(try bench.perform().isEmpty)
    try bench.leave("b", .init())
    #expect(try bench.perform().isEmpty)
    #expect(bench.conversation.waitingBytes > 0)
    #expect(try bench.connect() == ["PING", "HPUB a", "HPUB b", "PING"])
    #expect(bench.conversation.waitingBytes == 0)
  }

  @Test func whatThisServerDoesNotTakeFailsByItself() async throws {
    let bench = try Bench()
    try bench.connect()
    let confirmation = GodwitDriverKit.Confirmation<Void>()
    try bench.leave("a")
    try bench.leave("large", bytes: 500, confirmation)
    try bench.leave("large", bytes: 500)
    try bench.leave("b")
    #expect(try bench.perform() == ["HPUB a", "HPUB b"])
    let error = await #expect(throws: GodwitError.self) { try await confirmation.wait() }
    #expect(error?.code == .tooLarge)
  }

  @Test func whatComesTooLateIsRefused() async throws {
    let bench = try Bench()
    let confirmation = GodwitDriverKit.Confirmation<Void>()
    try bench.leave("a", confirmation)
    bench.conversation.refuse(bench.batch, GodwitError(.closed, "over"))
    let error = await #expect(throws: GodwitError.self) { try await confirmation.wait() }
    #expect(error?.code == .closed)
  }
}
