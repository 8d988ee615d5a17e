import Godwit
import GodwitNATS

/// A server that survives the workers, and how they reach it.
struct FailureServer: Sendable {
  let host: String
  let port: Int
  let scheme: String
  private let server: any Sendable

  /// The kinds of servers that are there: ours, then the others.
  enum Kind: Sendable, CustomStringConvertible {
    case ours
    case nats(String)

    static var all: [Self] { [.ours] + NATSServerProcess.programs.map { .nats($0) } }

    var description: String {
      switch self {
      case .ours: "godwit, NATS"
      case .nats(let program): program
      }
    }
  }

  init(_ kind: Kind) throws {
    switch kind {
    case .ours:
      let server = try TestServer()
      (self.host, self.port, self.scheme) = (server.host, server.port, "nats")
      self.server = server
    case .nats(let program):
      let server = try NATSServerProcess(program)
      (self.host, self.port, self.scheme) = (server.host, server.port, "nats")
      self.server = server
    }
  }

  /// The URL of a worker, which is the same one when it is started again.
  func workerURL(host: String? = nil, port: Int? = nil) -> String {
    "\(self.scheme)://\(host ?? self.host):\(port ?? self.port)"
  }

  /// A client of the test's own, at work while `body` runs.
  func withBroker(_ body: @Sendable (Broker) async throws -> Void) async throws {
    let broker = try Broker(
      url: "\(self.scheme)://\(self.host):\(self.port)", drivers: [.nats], logger: .silent)
    try await broker.start()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await broker.run() }
      try await body(broker)
      broker.driver.stop()
      try await group.waitForAll()
    }
  }
}
