import GodwitEngine
import GodwitFrontEndKit
import MQTTWire
import NIOCore
import Testing

@testable import MQTTFrontEnd

/// Publishers wait for subscribers that acknowledge, and only for so long.
@Suite struct MQTTHoldTests {
  private let broker: TestBroker
  private let publisher: TestClient
  private let subscriber: TestClient

  init() throws {
    broker = try TestBroker(["max_queued": .integer(8), "max_inflight": .integer(2)])
    subscriber = try broker.connect("s") { $0.append(.receiveMaximum, 2) }
    try subscriber.subscribe("t", .atLeastOnce)
    publisher = try broker.connect("p")
  }

  /// Says PUBLISH `count` times in one go.
  private func publish(_ count: Int) {
    var bytes = ByteBuffer()
    for number in 1...count {
      let publish = MQTTPublish(
        topic: ByteBuffer(string: "t"), payload: ByteBuffer(string: "\(number)"),
        qos: .atLeastOnce, packetID: UInt16(number))
      MQTTEncoder.encode(.publish(publish), .v5, into: &bytes)
    }
    publisher.send(bytes)
  }

  /// The reasons of all that was acknowledged.
  private func reasons() throws -> [MQTTReasonCode] {
    var reasons: [MQTTReasonCode] = []
    while let packet = try publisher.next() {
      guard case .puback(let puback) = packet else { throw TestFailure("got \(packet)") }
      reasons.append(puback.reason)
    }
    return reasons
  }

  /// How many messages were acknowledged as delivered.
  private func acknowledgements() throws -> Int {
    let reasons = try reasons()
    #expect(reasons.allSatisfy { $0 == .success })
    return reasons.count
  }

  /// The subscriber acknowledges all it gets.
  private func consume() throws -> [String] {
    var payloads: [String] = []
    while let packet = try subscriber.next() {
      guard case .publish(let publish) = packet else { throw TestFailure("got \(packet)") }
      payloads.append(String(buffer: publish.payload))
      subscriber.send(.puback(MQTTAcknowledgement(packetID: publish.packetID)))
    }
    return payloads
  }

  @Test func whoAcknowledgesLosesNothing() throws {
    publish(100)
    // Two under way, half a queue of eight, and the one that made it more than half.
    #expect(try acknowledgements() == 7)
    var payloads: [String] = []
    var acknowledged = 7
    while payloads.count < 100 {
      let more = try consume()
      try #require(!more.isEmpty)
      payloads += more
      acknowledged += try acknowledgements()
    }
    #expect(payloads == (1...100).map(String.init))
    #expect(acknowledged == 100)
    #expect(broker.frontEnd.statistics.publishesDropped == 0)
  }

  @Test func whoDoesNotIsWaitedForOnce() throws {
    publish(100)
    #expect(try acknowledgements() == 7)
    broker.pass(MQTTHold.secondsMax + 0.1)
    // Three more fit the queue; nobody got the others, and the publisher is told.
    #expect(
      try reasons() == Array(repeating: .success, count: 3)
        + Array(repeating: .noMatchingSubscribers, count: 90))
    #expect(broker.frontEnd.statistics.publishesDropped == 90)
    // The queue has been short again: from now on it is worth waiting for.
    #expect(try consume().count == 10)
    publish(100)
    #expect(try acknowledgements() == 7)
  }

  @Test func nobodyWaitsForWhoIsGone() throws {
    publish(100)
    #expect(try acknowledgements() == 7)
    subscriber.abort()
    #expect(try reasons().count == 93)
  }

  /// A will and a delayed message have no publisher who could wait: whoever publishes next has
  /// filled no queue.
  @Test(arguments: [false, true])
  func nobodyWaitsForWhatSomebodyElseHasFilled(_ isDelayed: Bool) throws {
    // As many as make nobody wait.
    publish(6)
    #expect(try acknowledgements() == 6)
    if isDelayed {
      let other = try broker.connect("d")
      other.publish("$delayed/5/t", "later", .atLeastOnce)
      broker.pass(6)
    } else {
      let will = MQTTConnect.Will(
        topic: ByteBuffer(string: "t"), payload: ByteBuffer(string: "will"), qos: .atLeastOnce)
      try broker.connect("w", will: will).abort()
    }
    let next = try broker.connect("n")
    var bytes = ByteBuffer()
    for id in UInt16(1)...2 {
      let publish = MQTTPublish(
        topic: ByteBuffer(string: "u"), payload: ByteBuffer(), qos: .atLeastOnce, packetID: id)
      MQTTEncoder.encode(.publish(publish), .v5, into: &bytes)
    }
    next.send(bytes)
    #expect(!next.connection.isReadingPaused)
    guard case .puback = try next.take(), case .puback = try next.take() else {
      throw TestFailure("not acknowledged")
    }
    // The one that was not of theirs is there all the same, and did fill the queue.
    publish(2)
    #expect(try acknowledgements() == 1)
    #expect(try consume().contains(isDelayed ? "later" : "will"))
  }

  @Test func othersAreReadMeanwhile() throws {
    publish(100)
    let other = try broker.connect("o")
    try other.subscribe("u", .atLeastOnce)
    other.publish("u", "x", .atLeastOnce)
    guard case .publish = try other.take(), case .puback = try other.take() else {
      throw TestFailure("nothing came")
    }
  }

  @Test func aPublisherThatIsGoneIsNotWokenUp() throws {
    publish(100)
    publisher.abort()
    #expect(try consume().isEmpty == false)
    broker.pass(1)
    try broker.connect("another").publish("t", "last", .atLeastOnce)
    #expect(try consume().last == "last")
  }
}
