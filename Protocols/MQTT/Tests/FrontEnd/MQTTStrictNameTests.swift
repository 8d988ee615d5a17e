import GodwitEngine
import GodwitFrontEndKit
import MQTTWire
import NIOCore
import Testing

@testable import MQTTFrontEnd

/// Names that NATS would have to be shown escaped, where the settings refuse them.
@Suite struct MQTTStrictNameTests {
  private let broker: TestBroker

  init() throws {
    broker = try TestBroker(["strict_names": .bool(true)])
  }

  private func acknowledgement(_ client: TestClient) throws -> MQTTReasonCode {
    switch try client.take() {
    case .puback(let answer), .pubrec(let answer): return answer.reason
    default: throw TestFailure("no acknowledgement")
    }
  }

  @Test(arguments: [MQTTVersion.v311, .v5], ["a b", "a/*", ">", "a\tb", "a%20b"])
  func aMessageGoesNowhere(_ version: MQTTVersion, _ topic: String) throws {
    let watcher = try broker.connect("w")
    try watcher.subscribe("#")
    let client = try broker.connect("c", version)
    for qos in [MQTTQoS.atLeastOnce, .exactlyOnce] {
      client.publish(topic, "x", qos)
      #expect(try acknowledgement(client) == (version == .v5 ? .topicNameInvalid : .success))
    }
    client.publish(topic, "x")
    client.publish("plain/a.b//c", "y")
    #expect(String(buffer: try watcher.takePublish().topic) == "plain/a.b//c")
    // Those that nobody was told of.
    #expect(broker.engine.counters.dropped == (version == .v5 ? 1 : 3))
  }

  @Test(arguments: ["a b", "*/+", "$share/g/a b/#", "$exclusive/a b"])
  func aFilterIsRefused(_ filter: String) throws {
    let client = try broker.connect("c")
    #expect(try client.subscribe(filter) == .topicFilterInvalid)
    #expect(try client.subscribe("plain/+/a.b/#") == .success)
    #expect(try broker.connect("d", .v311).subscribe(filter).isError)
  }

  @Test func aWillIsRefused() throws {
    let client = try broker.open()
    client.send(
      .connect(
        MQTTConnect(
          version: .v5, clientID: ByteBuffer(string: "c"),
          will: MQTTConnect.Will(
            topic: ByteBuffer(string: "a b"), payload: ByteBuffer(string: "gone")))))
    guard case .connack(let connack) = try client.take() else { throw TestFailure("no CONNACK") }
    #expect(connack.code == MQTTReasonCode.topicNameInvalid.rawValue)
  }

  @Test func withoutTheSettingNothingIsRefused() throws {
    let broker = try TestBroker()
    let client = try broker.connect("c")
    #expect(try client.subscribe("a b/*") == .success)
    client.publish("a b/*", "x")
    #expect(String(buffer: try client.takePublish().topic) == "a b/*")
  }
}
