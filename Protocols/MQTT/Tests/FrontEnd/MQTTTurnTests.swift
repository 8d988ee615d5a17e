import GodwitEngine
import GodwitFrontEndKit
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import MQTTFrontEnd

/// Messages that are hard to route do not keep the loop from everybody else.
@Suite struct MQTTTurnTests {
  @Test func aPublisherOfCostlyTopicsGivesWay() throws {
    let broker = try TestBroker()
    let hoarder = try broker.connect("hoarder")
    // Every prefix of 10 levels, each of them `a` or `+`: 1,024 ways to fail at the end.
    for number in 0..<1_024 {
      let levels = (0..<10).map { number >> $0 & 1 == 0 ? "a" : "+" }
      try hoarder.subscribe(levels.joined(separator: "/") + "/never")
    }
    let publisher = try broker.connect("p")
    let prefix = Array(repeating: "a", count: 10).joined(separator: "/")
    var bytes = ByteBuffer()
    for number in 0..<100 {
      let publish = MQTTPublish(
        topic: ByteBuffer(string: "\(prefix)/\(number)"), payload: ByteBuffer(string: "x"))
      MQTTEncoder.encode(.publish(publish), .v5, into: &bytes)
    }
    _ = try publisher.channel.writeInbound(bytes)
    // 100 messages visit 2,000 nodes each; a turn ends beyond 16,384.
    let first = broker.frontEnd.statistics.publishesReceived
    #expect(first > 0 && first < 20)
    #expect(publisher.connection.counters.stalls == 1)
    // Turn by turn, and between two of them others are served.
    let other = try broker.connect("other")
    other.send(.pingreq)
    #expect(try other.take() == .pingresp)
    #expect(broker.frontEnd.statistics.publishesReceived == first)
    for _ in 0..<100 { broker.eventLoop.advanceTime(by: .milliseconds(1)) }
    #expect(broker.frontEnd.statistics.publishesReceived == 100)
    #expect(publisher.connection.counters.stalls > 10)
    #expect(broker.engine.effort.pointee <= Engine.effortMax)
  }

  @Test func aPublisherToVeryManyGivesWay() throws {
    let broker = try TestBroker()
    for number in 0..<200 { try broker.connect("\(number)").subscribe("hot", .atLeastOnce) }
    let publisher = try broker.connect("p")
    var bytes = ByteBuffer()
    for number in 1...400 as ClosedRange<UInt16> {
      let publish = MQTTPublish(
        topic: ByteBuffer(string: "hot"), payload: ByteBuffer(string: "x"), qos: .atLeastOnce,
        packetID: number)
      MQTTEncoder.encode(.publish(publish), .v5, into: &bytes)
    }
    _ = try publisher.channel.writeInbound(bytes)
    // 16,384 deliveries are 81 messages and a bit.
    let first = broker.frontEnd.statistics.publishesReceived
    #expect(first > 70 && first < 90)
    #expect(publisher.connection.counters.stalls == 1)
    for _ in 0..<10 { broker.eventLoop.advanceTime(by: .milliseconds(1)) }
    #expect(broker.frontEnd.statistics.publishesReceived == 400)
  }
}
