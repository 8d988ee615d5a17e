import Godwit
import GodwitBroker
import GodwitNATS
import NIOCore
import Testing

/// The broker inside a test's process, behind its real front ends.
struct HostingTests {
  private struct Interruption: Error {}

  private let topic = Topic<String>("greetings")

  private func broker(_ server: BrokerServer) throws -> Broker {
    try Broker.nats(url: "nats://\(try server.address(of: "nats"))", logger: .silent)
  }

  @Test func aProgramKeepsItsDriver() async throws {
    let answer = try await withBrokerServer { server in
      let broker = try self.broker(server)
      return try await broker.whileRunning {
        let greeter = Subscription(answering: self.topic, on: broker) { "Hello, \($0.payload)!" }
        return try await greeter.whileRunning {
          try await broker.request("world", to: self.topic, expecting: String.self)
        }
      }
    }
    #expect(answer == "Hello, world!")
  }

  @Test func serversShareNothing() async throws {
    try await withBrokerServer(listeners: ["nats"]) { one in
      try await withBrokerServer(listeners: ["nats", "mqtt-ws", "admin"]) { other in
        #expect(one.addresses.map(\.name) == ["nats"])
        #expect(other.addresses.map(\.name) == ["nats", "mqtt-ws", "admin"])
        let here = try self.broker(one)
        let there = try self.broker(other)
        try await here.whileRunning {
          let greeter = Subscription(answering: self.topic, on: here) { _ in "here" }
          try await greeter.whileRunning {
            try await there.whileRunning {
              await #expect(throws: GodwitError.self) {
                try await there.request("who?", to: self.topic, expecting: String.self)
              }
            }
          }
        }
      }
    }
  }

  @Test func itsSettingsHold() async throws {
    try await withBrokerServer(yaml: "nats: {max_payload: 10}") { server in
      let broker = try self.broker(server)
      try await broker.whileRunning {
        await #expect(throws: GodwitError.self) {
          try await broker.publish("more than ten bytes", to: self.topic)
        }
      }
    }
    await #expect(throws: BrokerError.self) {
      try await withBrokerServer(yaml: "nats: {max_pailoud: 10}") { _ in }
    }
  }

  @Test func itEndsWithItsBody() async throws {
    var address = ""
    await #expect(throws: Interruption.self) {
      try await withBrokerServer { server in
        address = try server.address(of: "nats")
        throw Interruption()
      }
    }
    let broker = try Broker(
      url: "nats://\(address)?reconnect_attempts_max=1", drivers: [.nats], logger: .silent)
    await #expect(throws: GodwitError.self) { try await broker.start() }
  }
}
