import Godwit
import GodwitDriverKit
import Logging
import NIOCore
import TestSupport
import Testing

@testable import GodwitNATS

/// How long the driver waits for a server, and how much it bears of one; with a clock that tests
/// move.
@Suite struct NATSPatienceTests {
  private final class Bench {
    let conversation: NATSConversation
    let lines = LogLines()
    var now = NIODeadline.now()
    /// What was said, but for CONNECT.
    var said = ""
    private var batch = NATSBatch()
    private var publishes: UInt64 = 0

    init() throws {
      var settings = NATSSettings(servers: [Endpoint(host: "h", port: 1)])
      settings.pingInterval = .seconds(30)
      settings.pingTimeout = .seconds(10)
      self.conversation = NATSConversation(
        settings, login: try NATSLogin(.none, name: "t"), facts: NATSServerFacts(),
        logger: self.lines.logger)
      try self.connect()
    }

    func connect() throws {
      try self.turn { turn throws(GodwitError) in
        try self.conversation.begin(Endpoint(host: "h", port: 1), &turn)
      }
      try self.hear("INFO {\"headers\":true}\r\nPONG\r\n")
      self.said = ""
    }

    private func turn(_ body: (inout LinkTurn) throws(GodwitError) -> Void) throws {
      var turn = LinkTurn(output: ByteBuffer(), now: self.now)
      try body(&turn)
      self.conversation.endBurst(&turn)
      self.said += String(buffer: turn.output)
    }

    func hear(_ text: String) throws {
      try self.turn { turn throws(GodwitError) in
        var input = ByteBuffer(string: text)
        try self.conversation.receive(&input, &turn)
      }
    }

    func publish() throws {
      self.publishes += 1
      let message = Message(topic: "a", body: ByteBuffer())
      let waiter = NATSCommand.Waiter(
        token: self.publishes, subjects: ["a"], confirmation: .init())
      self.batch.publish(message, try NATSFrame(message), waiter)
      try self.turn { turn in self.conversation.perform(&self.batch, &turn) }
    }

    /// Seconds pass, and the alarm rings when it is set for then.
    func pass(_ seconds: Int64) throws {
      self.now = self.now + .seconds(seconds)
      while let deadline = self.conversation.deadline, deadline <= self.now {
        try self.turn { turn throws(GodwitError) in try self.conversation.timePassed(&turn) }
      }
    }

    /// After how many seconds the server is left that says something every few seconds.
    func leftAfter(saying text: String, every seconds: Int64 = 5) -> Int64? {
      for round in 1...200 {
        do {
          try self.pass(seconds)
          try self.hear(text)
        } catch {
          guard (error as? GodwitError)?.message == "the server no longer answers" else {
            return nil
          }
          return Int64(round) * seconds
        }
      }
      return nil
    }
  }

  @Test func whoIsQuietIsAskedAndThenLeft() throws {
    let bench = try Bench()
    try bench.pass(29)
    #expect(bench.said.isEmpty)
    try bench.pass(1)
    #expect(bench.said == "PING\r\n")
    try bench.pass(9)
    let error = #expect(throws: GodwitError.self) { try bench.pass(1) }
    #expect(error?.message == "the server no longer answers")
  }

  /// Bytes are no answer. What is asked behind a publish is a question too.
  @Test(arguments: ["+OK\r\n", "PING\r\n", "MSG x 9 1\r\nx\r\n"])
  func whoSpeaksAndDoesNotAnswerIsLeft(_ words: String) throws {
    let bench = try Bench()
    try bench.publish()
    // A quiet one has the time-out, one that speaks the interval more.
    #expect(bench.leftAfter(saying: words) == 40)
  }

  @Test func whoAnswersLateAndAlwaysIsNotLeft() throws {
    let bench = try Bench()
    try bench.publish()
    for _ in 0..<100 {
      // There is always a question, since there is always another publish.
      try bench.publish()
      try bench.pass(5)
      try bench.hear("+OK\r\n")
      try bench.pass(4)
      try bench.hear("PONG\r\n")
    }
    // Until it stops answering.
    #expect(bench.leftAfter(saying: "+OK\r\n") == 40)
  }

  @Test func aServerComplainsInALogOnlySoMuch() throws {
    let bench = try Bench()
    let violations = #"-ERR 'Permissions Violation for Publish to "a"'\#r\#n"#
    for connection in 1...2 {
      for _ in 0..<10 { try bench.hear(String(repeating: violations, count: 50)) }
      try bench.hear("-ERR 'something new'\r\n")
      #expect(bench.lines.values.count == connection * (Complaints.loggedMax + 1))
      bench.conversation.end(GodwitError(.disconnected, "cut"))
      try bench.connect()
    }
    #expect(
      bench.lines.values.first
        == #"warning the server says: Permissions Violation for Publish to "a""#)
  }
}
