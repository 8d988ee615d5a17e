import Foundation
import Godwit
import GodwitConformance
import GodwitDriverKit
import GodwitMQTT
import NIOCore
import TestSupport
import Testing

/// What of MQTT shows through the MQTT driver: sessions, retained messages, wills, 3.1.1.
@Suite(.timeLimit(.minutes(2))) struct MQTTSessionTests {
  /// A server to test at: ours, and Mosquitto where there is one.
  struct Place: Sendable, CustomStringConvertible {
    let program: String?
    var description: String { self.program ?? "godwit" }

    static let all = [Place(program: nil)] + MosquittoProcess.programs.map { Place(program: $0) }

    /// The server, and its URL.
    func server() throws -> (any Sendable, url: String) {
      if let program {
        let server = try MosquittoProcess(program)
        return (server, "mqtt://\(server.host):\(server.port)")
      }
      let server = try TestServer(listener: "mqtt")
      return (server, "mqtt://\(server.host):\(server.port)")
    }
  }

  private static func broker(
    _ url: String, _ change: (inout MQTTSettings) -> Void = { _ in }
  ) throws -> Godwit.Broker {
    var settings = try MQTTSettings(url: url)
    change(&settings)
    return try .mqtt(settings, logger: .silent)
  }

  /// Runs a client while `body` runs, and stops it in good order.
  @discardableResult
  private static func with<Result: Sendable>(
    _ broker: Godwit.Broker, _ body: () async throws -> Result
  ) async throws -> Result {
    try await broker.start()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await broker.run() }
      let result = try await body()
      broker.driver.stop()
      try await group.waitForAll()
      return result
    }
  }

  /// What a subscription gets, one after the other.
  private static func received<Payload: Sendable>(
    _ count: Int, of topic: Topic<Payload>, on broker: Godwit.Broker, group: String? = nil,
    after body: () async throws -> Void = {}
  ) async throws -> [Message] {
    let (stream, continuation) = AsyncStream.makeStream(of: Message.self)
    let subscription = Subscription(to: topic, on: broker, group: group, id: "s") {
      continuation.yield($0.message)
      return .ack
    }
    return try await subscription.whileRunning {
      try await body()
      var messages: [Message] = []
      guard count > 0 else { return [] }
      for await message in stream {
        messages.append(message)
        if messages.count == count { break }
      }
      return messages
    }
  }

  private static let topic = Topic<Int>("kept.numbers")

  @Test(arguments: Place.all, [MQTTSettings.Version.v5, .v311])
  func aSessionKeepsWhatCameMeanwhile(_ place: Place, _ version: MQTTSettings.Version) async throws
  {
    let (server, url) = try place.server()
    defer { withExtendedLifetime(server) {} }
    let named = { (settings: inout MQTTSettings) in
      settings.clientID = "billing"
      settings.version = version
    }
    let publisher = try Self.broker(url) { $0.version = version }
    try await Self.with(publisher) {
      try await Self.with(try Self.broker(url, named)) {}
      let first = try Self.broker(url, named)
      try await Self.with(first) {
        _ = try await Self.received(0, of: Self.topic, on: first)
      }
      for number in 0..<3 { try await publisher.publish(number, to: Self.topic) }
      let second = try Self.broker(url, named)
      let messages = try await Self.with(second) {
        try await Self.received(3, of: Self.topic, on: second)
      }
      #expect(messages.map { String(buffer: $0.body) } == ["0", "1", "2"])
      try await publisher.publish(3, to: Self.topic)
      let third = try Self.broker(url) {
        named(&$0)
        $0.startsClean = true
      }
      let fresh = try await Self.with(third) {
        try await Self.received(1, of: Self.topic, on: third) {
          try await publisher.publish(4, to: Self.topic)
        }
      }
      if version == .v5 { #expect(fresh.map { String(buffer: $0.body) } == ["4"]) }
    }
  }

  @Test(arguments: Place.all, [MQTTSettings.Version.v5, .v311])
  func aRandomClientIDLeavesNothing(_ place: Place, _ version: MQTTSettings.Version) async throws {
    let (server, url) = try place.server()
    defer { withExtendedLifetime(server) {} }
    let stays = try Self.broker(url) { $0.version = version }
    try await Self.with(stays) {
      let goes = try Self.broker(url) { $0.version = version }
      let messages = try await Self.received(20, of: Self.topic, on: stays, group: "g") {
        try await Self.with(goes) {
          _ = try await Self.received(0, of: Self.topic, on: goes, group: "g")
        }
        // Had the other member a session still, some would be given to it.
        for number in 0..<20 { try await stays.publish(number, to: Self.topic) }
      }
      #expect(messages.map { String(buffer: $0.body) } == (0..<20).map(String.init))
    }
  }

  @Test(arguments: Place.all, [MQTTSettings.Version.v5, .v311])
  func retainedMessages(_ place: Place, _ version: MQTTSettings.Version) async throws {
    let (server, url) = try place.server()
    defer { withExtendedLifetime(server) {} }
    let broker = try Self.broker(url) { $0.version = version }
    try await Self.with(broker) {
      try await broker.publish(7, to: Self.topic, headers: [MQTTHeader.retain: "true"])
      let messages = try await Self.received(2, of: Self.topic, on: broker) {
        try await broker.publish(8, to: Self.topic)
      }
      #expect(messages.map { String(buffer: $0.body) } == ["7", "8"])
      #expect(messages.map { $0.headers[MQTTHeader.retained] } == ["true", nil])
      #expect(messages.allSatisfy { $0.headers[MQTTHeader.retain] == nil })
    }
    guard version == .v5 else { return }
    let other = try Self.broker(url) { $0.retainedMessages = .never }
    try await Self.with(other) {
      let messages = try await Self.received(1, of: Self.topic, on: other) {
        try await other.publish(9, to: Self.topic)
      }
      #expect(messages.map { String(buffer: $0.body) } == ["9"])
    }
  }

  @Test(arguments: Place.all)
  func aWillIsForThoseWhoGoWithoutAWord(_ place: Place) async throws {
    let (server, url) = try place.server()
    defer { withExtendedLifetime(server) {} }
    let wills = Topic<Int>("wills")
    let witness = try Self.broker(url)
    try await Self.with(witness) {
      let messages = try await Self.received(1, of: wills, on: witness) {
        let polite = try Self.broker(url) {
          $0.will = MQTTWill(topic: "wills", payload: ByteBuffer(string: "1"))
        }
        try await Self.with(polite) { try await polite.publish(0, to: Self.topic) }
        // Let go of without being stopped: its connection closes without a farewell.
        let rude = try Self.broker(url) {
          $0.will = MQTTWill(topic: "wills", payload: ByteBuffer(string: "2"))
        }
        try await rude.start()
      }
      #expect(messages.map { String(buffer: $0.body) } == ["2"])
    }
  }

  /// A client with a will that goes without a word: it is let go of without being stopped.
  private static func goWithoutAWord(
    _ url: String, _ payload: String, delay: Duration,
    _ qos: MQTTSettings.QualityOfService = .atLeastOnce
  ) async throws {
    let rude = try Self.broker(url) {
      $0.qos = qos
      $0.will = MQTTWill(topic: "wills", payload: ByteBuffer(string: payload), delay: delay)
    }
    try await rude.start()
  }

  @Test(arguments: Place.all, [MQTTSettings.QualityOfService.atMostOnce, .atLeastOnce])
  func aWillWaitsForItsDelay(_ place: Place, _ qos: MQTTSettings.QualityOfService) async throws {
    let (server, url) = try place.server()
    defer { withExtendedLifetime(server) {} }
    let witness = try Self.broker(url)
    try await Self.with(witness) {
      let begin = ContinuousClock.now
      let messages = try await Self.received(1, of: Topic<Int>("wills"), on: witness) {
        try await Self.goWithoutAWord(url, "1", delay: .seconds(2), qos)
      }
      #expect(messages.map { String(buffer: $0.body) } == ["1"])
      // Mosquitto's clock for that has whole seconds.
      #expect(ContinuousClock.now - begin > .seconds(1))
    }
  }

  @Test(arguments: Place.all)
  func whoComesBackInTimeLeavesNoWill(_ place: Place) async throws {
    let (server, url) = try place.server()
    defer { withExtendedLifetime(server) {} }
    let parts = try MQTTSettings(url: url).servers[0]
    let relay = try await FaultyRelay(host: parts.host, port: parts.port, seed: 0)
    let witness = try Self.broker(url)
    try await Self.with(witness) {
      let messages = try await Self.received(1, of: Topic<Int>("wills"), on: witness) {
        let back = try Self.broker("mqtt://\(relay.host):\(relay.port)") {
          $0.will = MQTTWill(
            topic: "wills", payload: ByteBuffer(string: "1"), delay: .seconds(4))
        }
        try await Self.with(back) {
          let states = back.states()
          relay.cut()
          for await state in states {
            if case .reconnecting = state { break }
          }
          for await state in states where state.isConnected { break }
          // Its delay ends a second later.
          try await Self.goWithoutAWord(url, "2", delay: .seconds(5))
        }
      }
      #expect(messages.map { String(buffer: $0.body) } == ["2"])
    }
    await relay.close()
  }

  @Test func theEnvelopeIsForThoseWhoKnowIt() async throws {
    let (server, url) = try Place(program: nil).server()
    defer { withExtendedLifetime(server) {} }
    let plain = try Self.broker(url) {
      $0.version = .v311
      $0.usesEnvelope = false
    }
    let sealed = try Self.broker(url) { $0.version = .v311 }
    let modern = try Self.broker(url)
    try await Self.with(plain) {
      try await Self.with(sealed) {
        try await Self.with(modern) {
          // What other clients say is a body to all.
          for reader in [sealed, modern] {
            let messages = try await Self.received(1, of: Self.topic, on: reader) {
              try await plain.publish(1, to: Self.topic)
            }
            #expect(messages.map { String(buffer: $0.body) } == ["1"])
          }
          let bytes = Topic<ByteBuffer>(Self.topic.name)
          let raw = try await Self.received(1, of: bytes, on: modern) {
            try await sealed.publish(1, to: Self.topic, headers: ["a": "b"])
          }
          #expect(raw.first?.body.readableBytesView.starts(with: [0, 0x47, 0x57, 0x45, 1]) == true)
          #expect(raw.first?.headers.isEmpty == true)
          let refused = await #expect(throws: GodwitError.self) {
            _ = try await plain.request(1, to: Self.topic, expecting: Int.self)
          }
          #expect(refused?.code == .unsupported)
        }
      }
    }
  }

  @Test func withoutAnEnvelopeAnEventIsADocument() async throws {
    let (server, url) = try Place(program: nil).server()
    defer { withExtendedLifetime(server) {} }
    let broker = try Self.broker(url) {
      $0.version = .v311
      $0.usesEnvelope = false
    }
    let topic = Topic<CloudEvent<[Int]>>("events")
    let (stream, continuation) = AsyncStream.makeStream(of: CloudEvent<[Int]>.self)
    let subscription = Subscription(to: topic, on: broker, id: "s") {
      continuation.yield($0.payload)
      return .ack
    }
    try await Self.with(broker) {
      try await subscription.whileRunning {
        try await broker.publish(
          CloudEvent(id: "1", source: "/s", type: "t", data: [1, 2]), to: topic)
        let event = await stream.first { _ in true }
        #expect(event?.data == [1, 2])
        #expect(event?.id == "1")
      }
    }
  }
}
