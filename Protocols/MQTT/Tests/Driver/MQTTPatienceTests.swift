import Godwit
import GodwitDriverKit
import Logging
import MQTTWire
import NIOCore
import TestSupport
import Testing

@testable import GodwitMQTT

/// How long the driver waits for a server, and how much it bears of one; with a clock that tests
/// move.
@Suite struct MQTTPatienceTests {
  private final class Bench {
    let conversation: MQTTConversation
    let lines = LogLines()
    var now = NIODeadline.now()
    var said: [MQTTPacket] = []
    private var settings: MQTTSettings
    private var publishes: UInt64 = 0

    init(keepAliveSeconds: UInt16 = 40) throws {
      var settings = try MQTTSettings(url: "mqtt://h")
      settings.keepAliveSeconds = keepAliveSeconds
      settings.pingTimeout = .seconds(10)
      self.settings = settings
      self.conversation = MQTTConversation(
        settings, plan: try settings.publishingPlan(clientID: "c"), logger: self.lines.logger)
      try self.connect()
    }

    func connect() throws {
      try self.turn { turn throws(GodwitError) in
        try self.conversation.begin(Endpoint(host: "h", port: 1), &turn)
      }
      try self.hear([.connack(MQTTConnack(sessionPresent: self.publishes > 0, code: 0))])
      self.said = []
    }

    private func turn(_ body: (inout LinkTurn) throws(GodwitError) -> Void) throws {
      var turn = LinkTurn(output: ByteBuffer(), now: self.now)
      try body(&turn)
      self.conversation.endBurst(&turn)
      var decoder = MQTTDecoder(version: .v5, limits: .init())
      while let packet = try decoder.decode(&turn.output) { self.said.append(packet) }
    }

    func hear(_ packets: [MQTTPacket]) throws {
      var input = ByteBuffer()
      for packet in packets { MQTTEncoder.encode(packet, .v5, into: &input) }
      try self.turn { turn throws(GodwitError) in try self.conversation.receive(&input, &turn) }
    }

    /// - Parameter isAwaited: whether somebody waits for it.
    func publish(isAwaited: Bool = true) throws {
      self.publishes += 1
      let message = try Message(topic: "a", body: ByteBuffer()).outgoing(
        self.settings, named: MQTTNameCache())
      var batch: [MQTTCommand] = [
        .publish(
          [message], token: isAwaited ? self.publishes : nil, isAwaited ? .init() : nil)
      ]
      try self.turn { turn in self.conversation.perform(&batch, &turn) }
    }

    /// Seconds pass, and the alarm rings when it is set for then.
    func pass(_ seconds: Int64) throws {
      self.now = self.now + .seconds(seconds)
      while let deadline = self.conversation.deadline, deadline <= self.now {
        try self.turn { turn throws(GodwitError) in try self.conversation.timePassed(&turn) }
      }
    }

    /// After how many seconds the server is left that says something every second.
    func leftAfter(saying packets: (UInt16) -> [MQTTPacket]) -> Int {
      for second in 1...200 {
        do {
          try self.pass(1)
          try self.hear(packets(UInt16(second)))
        } catch {
          return (error as? GodwitError)?.message == "the server no longer answers" ? second : -1
        }
      }
      return 0
    }
  }

  private static func unasked(_ qos: MQTTQoS) -> (UInt16) -> [MQTTPacket] {
    { second in [.message(qos == .atMostOnce ? 0 : second, qos)] }
  }

  @Test func whoIsQuietIsAskedAndThenLeft() throws {
    let bench = try Bench()
    try bench.pass(29)
    #expect(bench.said.isEmpty)
    try bench.pass(1)
    #expect(bench.said.map(\.words) == ["pingreq"])
    try bench.pass(9)
    let error = #expect(throws: GodwitError.self) { try bench.pass(1) }
    #expect(error?.message == "the server no longer answers")
  }

  /// Bytes are no answer, also where we say something to each of them.
  @Test(arguments: [MQTTQoS.atMostOnce, .atLeastOnce])
  func whoSpeaksAndDoesNotAnswerIsLeft(_ qos: MQTTQoS) throws {
    let bench = try Bench()
    try bench.publish()
    // It is asked after half the time-out, and has the keep-alive more.
    #expect(bench.leftAfter(saying: Self.unasked(qos)) == 5 + 40 + 10)
    // Asked for nothing else it is asked once the keep-alive wants it.
    #expect(try Bench().leftAfter(saying: Self.unasked(.atMostOnce)) == 30 + 40 + 10)
    // Without a keep-alive only who owes an answer is asked.
    let other = try Bench(keepAliveSeconds: 0)
    #expect(other.leftAfter(saying: Self.unasked(qos)) == 0)
    try other.publish()
    #expect(other.leftAfter(saying: Self.unasked(qos)) == 1 + 30 + 10)
  }

  @Test func whoAnswersLateAndAlwaysIsNotLeft() throws {
    let bench = try Bench()
    try bench.publish()
    for number in UInt16(1)...100 {
      // There is always something to answer.
      try bench.publish()
      try bench.pass(4)
      try bench.hear([.acknowledged(number)])
    }
    #expect(!bench.said.contains(.pingreq))
    #expect(bench.leftAfter(saying: Self.unasked(.atMostOnce)) == 5 + 40 + 10)
  }

  /// Acknowledgements of nothing are no answers either.
  @Test func whoAcknowledgesAnythingElseIsLeft() throws {
    let bench = try Bench()
    try bench.publish()
    #expect(bench.leftAfter { [.acknowledged($0 + 100)] } == 5 + 40 + 10)
  }

  @Test func aServerComplainsInALogOnlySoMuch() throws {
    let bench = try Bench()
    for connection in 1...2 {
      for number in UInt16(1)...500 {
        try bench.publish(isAwaited: false)
        let id = UInt16(connection - 1) * 500 + number
        try bench.hear([.acknowledged(id, .notAuthorized)])
      }
      #expect(bench.lines.values.count == connection * (Complaints.loggedMax + 1))
      bench.conversation.end(GodwitError(.disconnected, "cut"))
      try bench.connect()
    }
    #expect(
      bench.lines.values.first?.hasPrefix("warning a message that was sent is not published")
        == true)
  }
}
