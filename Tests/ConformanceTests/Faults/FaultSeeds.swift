import Foundation
import Testing

/// Runs one test with many seeds, a few at a time: they mostly wait.
enum FaultSeeds {
  /// How long one seed may take: what takes longer hangs. Far beyond every time-out of a driver.
  private static let timeLimit = Duration.seconds(60)
  private static let atATime = 8
  private static let failuresMax = 3

  /// Runs `body` with `count` seeds, or with the one that `GODWIT_FAULT_SEED` names, and says which
  /// seeds fail.
  static func run(
    _ count: Int, _ body: @escaping @Sendable (_ seed: UInt64) async throws -> Void
  ) async {
    let named = ProcessInfo.processInfo.environment["GODWIT_FAULT_SEED"].flatMap { UInt64($0) }
    var seeds = (named.map { [$0] } ?? Array(0..<UInt64(count))).makeIterator()
    var failures = 0
    await withTaskGroup(of: Bool.self) { group in
      func next() {
        guard failures < Self.failuresMax, let seed = seeds.next() else { return }
        group.addTask { await Self.isPassed(seed, body) }
      }
      for _ in 0..<Self.atATime { next() }
      for await isPassed in group {
        if !isPassed { failures += 1 }
        next()
      }
    }
  }

  private static func isPassed(
    _ seed: UInt64, _ body: @escaping @Sendable (UInt64) async throws -> Void
  ) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        do {
          try await body(seed)
          return true
        } catch is CancellationError {
          // It was too slow; that is told below.
          return false
        } catch {
          Issue.record("seed \(seed): \(error)")
          return false
        }
      }
      group.addTask {
        guard (try? await Task.sleep(for: Self.timeLimit)) != nil else { return true }
        // Before it is cancelled: what does not heed that would keep the seed to itself.
        Issue.record("seed \(seed): not over within \(Self.timeLimit)")
        return false
      }
      defer { group.cancelAll() }
      return await group.next() ?? false
    }
  }
}

/// What a run with one seed found wrong.
struct FaultFinding: Error, CustomStringConvertible {
  let description: String

  /// Throws unless `isSo`.
  static func expect(_ isSo: Bool, _ description: @autoclosure () -> String) throws(FaultFinding) {
    guard isSo else { throw FaultFinding(description: description()) }
  }
}
