import Godwit

/// A bound on how long something may take.
enum Deadline {
  /// Runs `body`, and cancels it when the time is over.
  ///
  /// - Throws: `timeout` with `sentence`, and what `body` throws.
  static func run<Result: Sendable>(
    within time: Duration, _ sentence: @autoclosure @Sendable () -> String,
    _ body: @escaping @Sendable () async throws(GodwitError) -> Result
  ) async throws(GodwitError) -> Result {
    do {
      return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
          try? await Task.sleep(for: time)
          return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
          try Task.checkCancellation()
          throw GodwitError(.timeout, sentence())
        }
        return result
      }
    } catch let error as GodwitError {
      throw error
    } catch {
      throw GodwitError(.cancelled, "the task was cancelled")
    }
  }
}
