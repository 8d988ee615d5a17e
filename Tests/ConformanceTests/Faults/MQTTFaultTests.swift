import Godwit
import GodwitMQTT
import GodwitWireTesting
import TestSupport
import Testing

@testable import GodwitConformance

/// Connections of the MQTT driver that break at any byte, hundreds of times: nothing confirmed is
/// lost, and at QoS 2 nothing comes twice.
@Suite(.timeLimit(.minutes(10))) struct MQTTFaultTests {
  struct Place: Sendable, CustomStringConvertible {
    let version: MQTTSettings.Version
    let qos: MQTTSettings.QualityOfService
    var program: String?

    var description: String {
      "\(self.program ?? "godwit"), \(self.version), QoS \(self.qos.rawValue)"
    }

    static var all: [Self] {
      let programs: [String?] = [nil] + MosquittoProcess.programs
      return programs.flatMap { program in
        [MQTTSettings.Version.v5, .v311].flatMap { version in
          [MQTTSettings.QualityOfService.atLeastOnce, .exactlyOnce].map { qos in
            Self(version: version, qos: qos, program: program)
          }
        }
      }
    }

    func server() throws -> (any Sendable, host: String, port: Int) {
      if let program {
        let server = try MosquittoProcess(program)
        return (server, server.host, server.port)
      }
      let server = try TestServer(listener: "mqtt")
      return (server, server.host, server.port)
    }
  }

  @Test(arguments: Place.all)
  func nothingConfirmedIsLost(_ place: Place) async throws {
    let (server, host, port) = try await Blocking.run { try place.server() }
    try await Column.gate.run {
      await FaultSeeds.run(FuzzEffort.rounds(60)) { seed in
        try await Run(place: place, host: host, port: port, seed: seed).act()
      }
    }
    withExtendedLifetime(server) {}
  }

  /// What nobody waits for fills the room, and the server does not take it.
  @Test func aPublishThatFindsNoRoomFails() async throws {
    let server = try TestServer(listener: "mqtt")
    let relay = try await Relay(host: server.host, port: server.port)
    var settings = try MQTTSettings(url: "mqtt://\(relay.host):\(relay.port)")
    settings.pendingBytesMax = 1_000
    settings.timeout = .milliseconds(200)
    settings.drainTimeout = .milliseconds(10)
    let broker = try Godwit.Broker.mqtt(settings, logger: .silent)
    let topic = Topic<Int>("full")
    try await broker.whileRunning {
      relay.fallSilent(.ofBoth)
      await #expect(throws: GodwitError.self) {
        while true { try await broker.send(1, to: topic) }
      }
      let error = await #expect(throws: GodwitError.self) {
        try await broker.publish(2, to: topic)
      }
      #expect(error?.code == .overloaded)
    }
    await relay.close()
  }

  /// A publisher and a subscriber, each behind a relay of its own.
  private struct Run {
    let place: Place
    let host: String
    let port: Int
    let seed: UInt64
    let topic: Topic<Int>
    let seen = Gathering<Int>()
    let outcomes = FaultOutcomes()

    init(place: Place, host: String, port: Int, seed: UInt64) {
      self.place = place
      self.host = host
      self.port = port
      self.seed = seed
      self.topic = Topic<Int>("faults.\(Message.makeID())")
    }

    private static let last = -1

    func act() async throws {
      var random = SplitMix64(seed: self.seed)
      let front = try await FaultyRelay(host: self.host, port: self.port, seed: random.next())
      let back = try await FaultyRelay(host: self.host, port: self.port, seed: random.next())
      do {
        try await self.act(front, back, &random)
      } catch {
        await front.close()
        await back.close()
        throw error
      }
      await front.close()
      await back.close()
    }

    private func act(
      _ front: FaultyRelay, _ back: FaultyRelay, _ random: inout SplitMix64
    ) async throws {
      let faults = (Int.random(in: 1..<6, using: &random), Int.random(in: 1..<6, using: &random))
      // Who starts again does not know what it has had: at QoS 2 that would be twice.
      let isReplaced = self.place.qos == .atLeastOnce && Bool.random(using: &random)
      let publisher = try self.broker(front.port)
      try await publisher.whileRunning {
        try await self.consuming(back.port) {
          front.begin(faults: faults.0)
          back.begin(faults: faults.1)
          try await self.outcomes.publish(
            15, from: 0, to: self.topic, on: publisher, seed: self.seed, sends: true)
          if isReplaced { return }
          try await self.publishTheRest(publisher, front, back)
        }
        guard isReplaced else { return }
        back.calm()
        // A stalled CONNECT of the first would arrive behind that of the second, and take over.
        back.cut()
        try await self.consuming(back.port) {
          try await self.publishTheRest(publisher, front, back)
        }
      }
      try self.outcomes.check(
        self.seen.values.filter { $0 != Self.last }, isOnce: self.place.qos == .exactlyOnce)
      if self.place.qos == .exactlyOnce { try await self.checkNothingIsLeft() }
    }

    private func publishTheRest(
      _ publisher: Godwit.Broker, _ front: FaultyRelay, _ back: FaultyRelay
    ) async throws {
      try await self.outcomes.publish(
        15, from: 15, to: self.topic, on: publisher, seed: self.seed &+ 1, sends: true)
      front.calm()
      back.calm()
      try await self.waitForAll()
      try await self.publishLast(publisher)
    }

    /// Everything arrives that was confirmed, and what was sent in the end.
    private func waitForAll() async throws {
      let promised = Set(self.outcomes.confirmed.values + self.outcomes.sent.values)
      do {
        var received: [Int] = []
        while !promised.isSubset(of: received) {
          received = try await self.seen.wait(for: received.count + 1)
        }
      } catch {
        let missing = promised.subtracting(self.seen.values).sorted()
        throw FaultFinding(description: "confirmed, and not received: \(missing)")
      }
    }

    /// What comes behind it, comes too.
    private func publishLast(_ publisher: Godwit.Broker) async throws {
      while !(try await self.outcomes.isConfirmed(Self.last, to: self.topic, on: publisher)) {}
      var received: [Int] = []
      while !received.contains(Self.last) {
        received = try await self.seen.wait(for: received.count + 1)
      }
    }

    /// A subscription at work as a process that has this name.
    private func consuming(
      _ port: Int, host: String = "127.0.0.1", seen: Gathering<Int>? = nil,
      _ body: () async throws -> Void
    ) async throws {
      let broker = try self.broker(port, host: host, clientID: "faults-\(self.topic.name)")
      let seen = seen ?? self.seen
      let subscription = Subscription(
        to: self.topic, on: broker, id: "s",
        options: .init(
          concurrency: 3, prefetch: 6,
          retry: .init(backoff: .init(initial: .milliseconds(1), max: .milliseconds(5))))
      ) { delivery in
        // Some are worked on for a while, and some twice.
        let number = delivery.payload
        if number % 5 == 0 { try await Task.sleep(for: .milliseconds(3)) }
        if number % 7 == 0, delivery.attempt == 1 { return .retry(after: .milliseconds(1)) }
        seen.add(number)
        return .ack
      }
      try await broker.whileRunning {
        try await subscription.whileRunning(body)
      }
    }

    /// What was acknowledged does not come again: without a relay, and with the same name. At QoS 1
    /// a publish that was repeated may just have been on its way.
    private func checkNothingIsLeft() async throws {
      let again = Gathering<Int>()
      let publisher = try self.broker(self.port, host: self.host)
      try await publisher.whileRunning {
        try await self.consuming(self.port, host: self.host, seen: again) {
          try await publisher.publish(Self.last, to: self.topic)
          _ = try await again.wait(for: 1)
        }
      }
      let numbers = again.values.filter { $0 != Self.last }
      try FaultFinding.expect(
        numbers.isEmpty, "acknowledged, and handed out again: \(numbers)")
    }

    private func broker(
      _ port: Int, host: String = "127.0.0.1", clientID: String? = nil
    ) throws -> Godwit.Broker {
      var settings = try MQTTSettings(url: "mqtt://\(host):\(port)")
      settings.version = self.place.version
      settings.qos = self.place.qos
      settings.clientID = clientID
      settings.sessionExpirySeconds = self.place.version == .v5 ? 120 : 3_600
      // Who is slow to ask is not to be ended for it.
      settings.keepAliveSeconds = 4
      settings.pingTimeout = .milliseconds(500)
      settings.backoff = .init(initial: .milliseconds(5), max: .milliseconds(50))
      settings.timeout = .seconds(20)
      return try .mqtt(settings, logger: .silent)
    }
  }
}
