import Godwit
import GodwitWireTesting

@testable import GodwitConformance

/// What became of publishes while connections broke.
final class FaultOutcomes: Sendable {
  /// Those that were confirmed.
  let confirmed = Gathering<Int>()
  /// Those of which the driver said that they were not published.
  let unpublished = Gathering<Int>()
  /// Those of which it said nothing, because nobody waited.
  let sent = Gathering<Int>()
  /// All the others: perhaps published.
  let unconfirmed = Gathering<Int>()

  /// Publishes `count` numbers by three tasks at once, each with headers of some length. Every call
  /// ends, one way or another.
  func publish(
    _ count: Int, from first: Int, to topic: Topic<Int>, on broker: Broker, seed: UInt64,
    sends: Bool
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for lane in 0..<3 {
        group.addTask {
          var random = SplitMix64(seed: seed &+ UInt64(lane))
          for number in stride(from: first + lane, to: first + count, by: 3) {
            let padding = Int.random(in: 0..<200, using: &random)
            let headers: Headers = ["padding": String(repeating: "x", count: padding)]
            if sends, Int.random(in: 0..<4, using: &random) == 0 {
              try await broker.send(number, to: topic, headers: headers)
              self.sent.add(number)
            } else {
              try await self.publish(number, headers, to: topic, on: broker)
            }
          }
        }
      }
      try await group.waitForAll()
    }
  }

  private func publish(
    _ number: Int, _ headers: Headers, to topic: Topic<Int>, on broker: Broker
  ) async throws {
    do throws(GodwitError) {
      try await broker.publish(number, to: topic, headers: headers)
      self.confirmed.add(number)
    } catch {
      switch error.code {
      case .disconnected: self.unpublished.add(number)
      case .unconfirmed: self.unconfirmed.add(number)
      default: throw error
      }
    }
  }

  /// Publishes a number of which nothing is noted.
  func isConfirmed(
    _ number: Int, to topic: Topic<Int>, on broker: Broker
  ) async throws -> Bool {
    do throws(GodwitError) {
      try await broker.publish(number, to: topic)
      return true
    } catch {
      guard error.code == .unconfirmed || error.code == .disconnected else { throw error }
      return false
    }
  }

  /// Holds what was received against what was said.
  func check(_ received: [Int], isOnce: Bool) throws(FaultFinding) {
    let never = Set(self.unpublished.values).intersection(received)
    try FaultFinding.expect(never.isEmpty, "received, and said not to be published: \(never)")
    let known = Set(
      self.confirmed.values + self.sent.values + self.unconfirmed.values + self.unpublished.values)
    let foreign = Set(received).subtracting(known)
    try FaultFinding.expect(foreign.isEmpty, "received, and never published: \(foreign)")
    guard isOnce else { return }
    let counts = Dictionary(received.map { ($0, 1) }, uniquingKeysWith: +)
    let twice = counts.filter { $0.value > 1 }.keys.sorted()
    try FaultFinding.expect(twice.isEmpty, "received more than once: \(twice)")
  }
}
