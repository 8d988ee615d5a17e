import Godwit

/// A middleware that takes its process with it before a handler is asked.
struct FrailMiddleware: Middleware {
  func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    if call.kind == .consume { Death.come() }
    return try await next(call)
  }
}
