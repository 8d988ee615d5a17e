import Godwit
import GodwitDriverKit
import MQTTWire
import NIOCore
import Testing

@testable import GodwitMQTT

/// The client's half by itself: subscriptions, and messages until they are settled.
@Suite struct MQTTClientReceiveTests {
  @Test func acknowledgementsKeepTheirOrder() throws {
    var bench = try MQTTBench.subscribed(prefetch: 4)
    _ = try bench.hear(.message(7), .message(3), .message(9, .exactlyOnce))
    #expect(bench.events == ["delivered 1 t 1", "delivered 1 t 2", "delivered 1 t 3"])
    #expect(bench.settle(3).isEmpty)
    #expect(bench.settle(2).isEmpty)
    #expect(bench.settle(1).map(\.words) == ["PUBACK 7", "PUBACK 3", "PUBREC 9"])
    let completed = try bench.hear(.pubrel(MQTTAcknowledgement(packetID: 9)))
    #expect(completed.map(\.words) == ["PUBCOMP 9 0"])
  }

  @Test func whatGoesBackHoldsUpNothing() throws {
    var bench = try MQTTBench.subscribed(prefetch: 4)
    _ = try bench.hear(.message(1), .message(2))
    #expect(bench.settle(1, isDone: false).isEmpty)
    #expect(bench.settle(2).map(\.words) == ["PUBACK 2"])
  }

  @Test func whatIsWorkedOnIsNotHandedOutAgain() throws {
    var bench = try MQTTBench.subscribed(prefetch: 4)
    _ = try bench.hear(.message(1), .message(2), .message(3))
    #expect(bench.settle(2).isEmpty)
    bench.events = []
    #expect(try bench.reconnect(sessionPresent: true).isEmpty)
    // Acknowledged only where the server has said it again.
    #expect(bench.settle(1).isEmpty)
    let answers = try bench.hear(.message(1, isRepeated: true), .message(2, isRepeated: true))
    #expect(answers.map(\.words) == ["PUBACK 1", "PUBACK 2"])
    #expect(bench.events == ["connected"])
    // The identifier of a message that the server holds for done is another's now.
    #expect(try bench.hear(.message(3)).isEmpty)
    #expect(bench.events.last == "delivered 1 t 4")
    #expect(bench.settle(3).isEmpty)
    #expect(bench.settle(4).map(\.words) == ["PUBACK 3"])
  }

  @Test func aReceiptThatWasLostIsSaidAgain() throws {
    var bench = try MQTTBench.subscribed(prefetch: 4)
    _ = try bench.hear(.message(1, .exactlyOnce))
    #expect(bench.settle(1).map(\.words) == ["PUBREC 1"])
    _ = try bench.reconnect(sessionPresent: true)
    bench.events = []
    let answer = try bench.hear(.message(1, .exactlyOnce, isRepeated: true))
    #expect(answer.map(\.words) == ["PUBREC 1"])
    #expect(bench.events.isEmpty)
    let release = MQTTPacket.pubrel(MQTTAcknowledgement(packetID: 1))
    #expect(try bench.hear(release, release).map(\.words) == ["PUBCOMP 1 0", "PUBCOMP 1 146"])
  }

  @Test func withoutASessionOldTokensMeanNothing() throws {
    var bench = try MQTTBench.subscribed(prefetch: 4)
    _ = try bench.hear(.message(1))
    let again = try bench.reconnect(sessionPresent: false)
    #expect(again.map(\.words) == ["SUBSCRIBE 2 t"])
    #expect(bench.events.contains("sessionLost"))
    _ = try bench.hear(.suback(MQTTSuback(packetID: 2, reasons: [.grantedQoS2])), .message(1))
    #expect(bench.settle(1).isEmpty)
    #expect(bench.settle(2).map(\.words) == ["PUBACK 1"])
  }

  @Test func moreThanWasAskedForEndsTheConnection() throws {
    var bench = try MQTTBench.subscribed(prefetch: 1) { $0.windowLimits.bytesMax = 2 }
    // Servers exist that ask a little too much.
    _ = try bench.hear(.message(1), .message(2))
    #expect(bench.events == ["delivered 1 t 1", "warned", "delivered 1 t 2"])
    let ending = #expect(throws: MQTTBench.Ending.self) { _ = try bench.hear(.message(3)) }
    #expect(ending?.said.map(\.words) == ["DISCONNECT 147"])
    // The third was not taken, and is new when it comes again.
    _ = try bench.reconnect(sessionPresent: true)
    bench.events = []
    _ = try bench.hear(.message(3, isRepeated: true))
    #expect(bench.events == ["delivered 1 t 4"])
  }

  @Test(arguments: [
    MQTTPacket.message(1), .pubrel(MQTTAcknowledgement(packetID: 1)),
  ])
  func identifiersMeanOneMessage(_ packet: MQTTPacket) throws {
    var bench = try MQTTBench.subscribed(prefetch: 4)
    _ = try bench.hear(.message(1))
    let ending = #expect(throws: MQTTBench.Ending.self) { _ = try bench.hear(packet) }
    #expect(ending?.said.map(\.words) == ["DISCONNECT 130"])
  }

  @Test func aliasesOfTheServerAreBounded() throws {
    var bench = try MQTTBench.subscribed(prefetch: 4)
    func message(_ topic: String, _ alias: UInt32) -> MQTTPacket {
      var publish = MQTTPublish(topic: ByteBuffer(string: topic), payload: ByteBuffer())
      publish.properties.append(.topicAlias, alias)
      return .publish(publish)
    }
    _ = try bench.hear(message("a/b", 64), message("", 64))
    #expect(bench.events == ["delivered 1 a.b 1 unkept", "delivered 1 a.b 2 unkept"])
    var other = bench
    let above = #expect(throws: MQTTBench.Ending.self) { _ = try bench.hear(message("x", 65)) }
    #expect(above?.said.map(\.words) == ["DISCONNECT 148"])
    let unknown = #expect(throws: MQTTBench.Ending.self) { _ = try other.hear(message("", 1)) }
    #expect(unknown?.said.map(\.words) == ["DISCONNECT 130"])
  }

  @Test func aSubscriptionBelowItsPromiseIsRefused() throws {
    var bench = try MQTTBench.connected(prefetch: 1)
    _ = try bench.subscribe(1, "a.>", .atLeastOnce, group: "g")
    _ = try bench.hear(.suback(MQTTSuback(packetID: 1, reasons: [.success])))
    _ = try bench.subscribe(2, "b", .atLeastOnce)
    _ = try bench.hear(.suback(MQTTSuback(packetID: 2, reasons: [.notAuthorized])))
    #expect(bench.events == ["refused 1 unsupported", "refused 2 notPermitted"])
  }

  /// To the server they are one subscription, which is the last one's to end.
  @Test func subscriptionsToTheSameOnOneConnection() throws {
    var bench = try MQTTBench.connected()
    for number: UInt64 in [1, 2] {
      _ = try bench.subscribe(number, "t", .atMostOnce)
      _ = try bench.hear(.suback(MQTTSuback(packetID: UInt16(number), reasons: [.success])))
    }
    bench.events = []
    _ = try bench.hear(.message(0, .atMostOnce))
    #expect(bench.events.sorted() == ["delivered 1 t 1 unkept", "delivered 2 t 1 unkept"])
    bench.events = []
    #expect(bench.unsubscribe(1).isEmpty)
    #expect(bench.events == ["unsubscribed(1)"])
    _ = try bench.hear(.message(0, .atMostOnce))
    #expect(bench.events.last == "delivered 2 t 2 unkept")
    #expect(bench.unsubscribe(2).map(\.words) == ["unsubscribe"])
    // Before the server has answered it is subscribed to again.
    #expect(try bench.subscribe(3, "t", .atMostOnce).count == 1)
    #expect(bench.unsubscribe(3).map(\.words) == ["unsubscribe"])
  }

  @Test func namesAndFilters() throws {
    func filter(_ pattern: String, _ group: String? = nil) throws -> String {
      String(buffer: try MQTTNames.filter(pattern, group: group))
    }
    #expect(try filter("a.*.>") == "a/+/+/#")
    #expect(try filter(">") == "#")
    #expect(try filter("a./.x//y") == "a//x.y")
    #expect(try filter("a.b", "g.h") == "$share/g.h/a/b")
    for wrong in ["$share.a", "$queue.x"] {
      #expect(throws: GodwitError.self) { _ = try filter(wrong) }
    }
    #expect(throws: GodwitError.self) { _ = try filter("a", "g/h") }
    let plain = ByteBuffer(string: "t")
    let first = MQTTNames.clientID("c", id: "a b", filter: plain, place: 1)
    let second = MQTTNames.clientID("c", id: "a_b", filter: plain, place: 1)
    #expect(first.hasPrefix("c-a_b-") && first != second)
    #expect(MQTTNames.clientID("c", id: "a b", filter: plain, place: 2) == first + "-2")
  }

  /// Bytes that a server may send: whatever they are, nothing but an error comes of them.
  @Test func anyBytesAreTakenOrRefused() throws {
    var generator = SystemRandomNumberGenerator()
    for round in 0..<2_000 {
      var bench = try MQTTBench.subscribed(prefetch: 2)
      var input = ByteBuffer()
      MQTTEncoder.encode(.message(1, .exactlyOnce), .v5, into: &input)
      MQTTEncoder.encode(.pubrel(MQTTAcknowledgement(packetID: 1)), .v5, into: &input)
      MQTTEncoder.encode(.acknowledged(1), .v5, into: &input)
      for _ in 0...(round % 4) {
        let place = Int.random(in: 0..<input.readableBytes, using: &generator)
        input.setInteger(UInt8.random(in: 0 ... .max, using: &generator), at: place)
      }
      _ = try? bench.hear(bytes: input)
    }
  }
}
