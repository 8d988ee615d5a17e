import Godwit
import GodwitMQTT
import GodwitNATS

/// A server that survives the workers, and how they reach it.
struct FailureServer: Sendable {
  let host: String
  let port: Int
  private let scheme: String
  /// What everybody needs in the URL.
  private let version: String
  /// What a worker needs, in its URL, to be the same one when it is started again.
  private let identity: String
  private let server: any Sendable

  /// A server to test with.
  enum Kind: Sendable, CustomStringConvertible {
    case nats
    case natsServer(String)
    case mqtt(MQTTSettings.Version)
    case mosquitto(String, MQTTSettings.Version)

    /// Ours, and those that are there.
    static var all: [Self] {
      [.nats, .mqtt(.v5), .mqtt(.v311)] + NATSServerProcess.programs.map { .natsServer($0) }
        + MosquittoProcess.programs.flatMap { [.mosquitto($0, .v5), .mosquitto($0, .v311)] }
    }

    var description: String {
      switch self {
      case .nats: "NATS at godwit"
      case .natsServer(let program): "NATS at \(program)"
      case .mqtt(let version): "MQTT \(version) at godwit"
      case .mosquitto(let program, let version): "MQTT \(version) at \(program)"
      }
    }
  }

  /// - Parameter isOneByOne: whether it holds the next message of a client back until the one
  ///   before is acknowledged. In MQTT 3.1.1 only the server can say so; in 5.0 and over NATS the
  ///   worker's prefetch does.
  init(_ kind: Kind, isOneByOne: Bool = false) throws {
    switch kind {
    case .nats:
      let server = try TestServer()
      (self.host, self.port, self.server) = (server.host, server.port, server)
    case .natsServer(let program):
      let server = try NATSServerProcess(program)
      (self.host, self.port, self.server) = (server.host, server.port, server)
    case .mqtt:
      let server = try TestServer(
        isOneByOne ? "mqtt: {max_inflight: 1}" : "", listener: "mqtt")
      (self.host, self.port, self.server) = (server.host, server.port, server)
    case .mosquitto(let program, _):
      let server = try MosquittoProcess(
        program, isOneByOne ? "max_inflight_messages 1" : "")
      (self.host, self.port, self.server) = (server.host, server.port, server)
    }
    switch kind {
    case .nats, .natsServer: (self.scheme, self.version, self.identity) = ("nats", "", "")
    case .mqtt(let version), .mosquitto(_, let version):
      (self.scheme, self.version) = ("mqtt", "?version=\(version.rawValue)")
      self.identity = "&client_id=frail"
    }
  }

  /// The URL of a worker, by way of another address where that is given.
  func workerURL(host: String? = nil, port: Int? = nil) -> String {
    "\(self.scheme)://\(host ?? self.host):\(port ?? self.port)\(self.version)\(self.identity)"
  }

  /// A client of the test's own, at work while `body` runs.
  func withBroker(_ body: @Sendable (Broker) async throws -> Void) async throws {
    let broker = try Broker(
      url: "\(self.scheme)://\(self.host):\(self.port)\(self.version)", drivers: [.nats, .mqtt],
      logger: .silent)
    try await broker.start()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await broker.run() }
      try await body(broker)
      broker.driver.stop()
      try await group.waitForAll()
    }
  }
}
