import Godwit

/// The code of the error that `body` throws; `nil` when it throws none of the framework's.
func failureCode(_ body: () async throws -> Void) async -> GodwitError.Code? {
  do {
    try await body()
    return nil
  } catch {
    return (error as? GodwitError)?.code
  }
}
