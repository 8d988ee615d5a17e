import Godwit
import GodwitNATS
import GodwitWireTesting
import TestSupport
import Testing

@testable import GodwitConformance

/// Connections of the NATS driver that break at any byte, hundreds of times: every publish and
/// every request ends, and what was confirmed has reached who was there.
@Suite(.timeLimit(.minutes(10))) struct NATSFaultTests {
  struct Place: Sendable, CustomStringConvertible {
    var program: String?
    var description: String { self.program ?? "godwit" }

    static var all: [Self] { [Self()] + NATSServerProcess.programs.map { Self(program: $0) } }

    func server() throws -> (any Sendable, host: String, port: Int) {
      if let program {
        let server = try NATSServerProcess(program)
        return (server, server.host, server.port)
      }
      let server = try TestServer()
      return (server, server.host, server.port)
    }
  }

  @Test(arguments: Place.all)
  func everyPublishEnds(_ place: Place) async throws {
    let (server, host, port) = try await Blocking.run { try place.server() }
    try await Column.gate.run {
      await FaultSeeds.run(FuzzEffort.rounds(120)) { seed in
        try await Run(host: host, port: port, seed: seed).act()
      }
    }
    withExtendedLifetime(server) {}
  }

  /// A publisher and a subscriber behind relays, and a witness who sees it all.
  private struct Run {
    let host: String
    let port: Int
    let seed: UInt64
    let topic: Topic<Int>
    let questions: Topic<Int>
    let witnessed = Gathering<Int>()
    let seen = Gathering<Int>()
    let outcomes = FaultOutcomes()

    init(host: String, port: Int, seed: UInt64) {
      self.host = host
      self.port = port
      self.seed = seed
      let name = Message.makeID()
      self.topic = Topic<Int>("faults.\(name)")
      self.questions = Topic<Int>("questions.\(name)")
    }

    private static let last = -1

    func act() async throws {
      var random = SplitMix64(seed: self.seed)
      let front = try await FaultyRelay(host: self.host, port: self.port, seed: random.next())
      let back = try await FaultyRelay(host: self.host, port: self.port, seed: random.next())
      do {
        let witness = try Godwit.Broker.nats(
          url: "nats://\(self.host):\(self.port)", logger: .silent)
        let publisher = try self.broker(front.host, front.port)
        let subscriber = try self.broker(back.host, back.port)
        let faults = (Int.random(in: 1..<6, using: &random), Int.random(in: 1..<6, using: &random))
        try await witness.whileRunning {
          try await self.witnessing(witness) {
            try await publisher.whileRunning {
              try await self.consuming(subscriber) {
                front.begin(faults: faults.0)
                back.begin(faults: faults.1)
                try await self.act(publisher)
                front.calm()
                back.calm()
                try await self.publishLast(publisher)
              }
            }
          }
        }
        try self.check()
      } catch {
        await front.close()
        await back.close()
        throw error
      }
      await front.close()
      await back.close()
    }

    private func witnessing(
      _ broker: Godwit.Broker, _ body: () async throws -> Void
    ) async throws {
      let subscription = Subscription(to: self.topic, on: broker, id: "witness") {
        self.witnessed.add($0.payload)
        return .ack
      }
      let service = Subscription(answering: self.questions, on: broker, id: "service") {
        $0.payload + 1
      }
      try await subscription.whileRunning { try await service.whileRunning(body) }
    }

    private func consuming(
      _ broker: Godwit.Broker, _ body: () async throws -> Void
    ) async throws {
      let subscription = Subscription(to: self.topic, on: broker, id: "subscriber") {
        self.seen.add($0.payload)
        return .ack
      }
      try await broker.whileRunning { try await subscription.whileRunning(body) }
    }

    private func act(_ publisher: Godwit.Broker) async throws {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await self.ask(publisher) }
        group.addTask {
          try await self.outcomes.publish(
            45, from: 0, to: self.topic, on: publisher, seed: self.seed, sends: true)
        }
        try await group.waitForAll()
      }
    }

    /// Requests are answered, or fail with what was lost.
    private func ask(_ publisher: Godwit.Broker) async throws {
      for number in 0..<10 {
        var answer = number + 1
        do throws(GodwitError) {
          answer = try await publisher.request(
            number, to: self.questions, timeout: .milliseconds(400))
        } catch {
          let codes: [GodwitError.Code] = [.unconfirmed, .disconnected, .timeout]
          try FaultFinding.expect(codes.contains(error.code), "a request failed: \(error)")
        }
        try FaultFinding.expect(answer == number + 1, "\(answer) answers \(number)")
      }
    }

    /// Both subscriptions are at work in the end.
    private func publishLast(_ publisher: Godwit.Broker) async throws {
      while !self.seen.values.contains(Self.last) || !self.witnessed.values.contains(Self.last) {
        _ = try await self.outcomes.isConfirmed(Self.last, to: self.topic, on: publisher)
        try await Task.sleep(for: .milliseconds(10))
      }
    }

    private func check() throws {
      let witnessed = self.witnessed.values.filter { $0 != Self.last }
      try self.outcomes.check(witnessed, isOnce: true)
      try self.outcomes.check(self.seen.values.filter { $0 != Self.last }, isOnce: true)
      let lost = Set(self.outcomes.confirmed.values).subtracting(witnessed)
      try FaultFinding.expect(lost.isEmpty, "confirmed, and lost: \(lost)")
    }

    private func broker(_ host: String, _ port: Int) throws -> Godwit.Broker {
      var settings = try NATSSettings(url: "nats://\(host):\(port)")
      settings.pingInterval = .milliseconds(100)
      settings.pingTimeout = .milliseconds(500)
      settings.backoff = .init(initial: .milliseconds(5), max: .milliseconds(50))
      settings.timeout = .seconds(20)
      return try .nats(settings, logger: .silent)
    }
  }
}
