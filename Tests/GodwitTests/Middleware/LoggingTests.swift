import Logging
import NIOCore
import Testing

@testable import Godwit

@Suite struct LoggingTests {
  /// Keeps what is logged.
  private struct Keeper: LogHandler {
    let lines: Tally<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { self.metadata[key] }
      set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let headers = (event.metadata ?? [:]).filter { $0.key.hasPrefix("messaging.header.") }
      let shown = headers.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      self.lines.add((["\(event.level) \(event.message)"] + shown).joined(separator: " "))
    }
  }

  private let lines = Tally<String>()

  private func middleware(_ redaction: Redaction = Redaction()) -> LoggingMiddleware {
    let keeper = Keeper(lines: self.lines)
    return LoggingMiddleware(
      logger: Logger(label: "", factory: { _ in keeper }), redaction: redaction)
  }

  @Test func onlyNamedHeadersAndNoSecrets() async throws {
    var message = Message(topic: "t", body: ByteBuffer(string: "body"))
    message.headers = ["tenant": "7", "x-token": "hush", "other": "8"]
    let redaction = Redaction(headers: ["tenant", "x-token"], error: { _ in "an error" })
    let middleware = self.middleware(redaction)
    _ = try await middleware.intercept(call(.consume, [message])) { _ in Outcome.ack }
    _ = try? await middleware.intercept(call(.consume)) { _ in throw Failure() }
    #expect(
      self.lines.values == [
        "debug consume messaging.header.tenant=7 messaging.header.x-token=(redacted)",
        "error consume failed: an error",
      ])
  }

  @Test func failuresInABatchAreLogged() async throws {
    _ = try await self.middleware().intercept(call(.consume)) { _ -> [Result<Outcome, any Error>] in
      [.success(.ack), .failure(Failure()), .failure(Failure())]
    }
    #expect(
      self.lines.values == [
        "debug consume", "error consume failed for 2 of 3 messages: Failure()",
      ])
  }
}
