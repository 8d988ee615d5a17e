import Foundation

/// What makes its thread wait: starting and stopping servers.
public enum Blocking {
  /// Runs it on a thread of its own. The threads of tasks are as few as processors: two tests that
  /// block them stop all others.
  public static func run<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(with: Swift.Result { try body() })
      }
    }
  }
}
