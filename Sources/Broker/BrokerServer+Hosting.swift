import GodwitFrontEndKit
public import Logging
import NIOPosix

/// Runs a broker inside this process while `body` runs, for tests of programs whose brokers are
/// real ones: the front ends of `godwit serve`, each on a free port of the loopback. When `body`
/// is over, its connections are ended at once.
///
/// ```swift
/// try await withBrokerServer { server in
///   let broker = try Broker.nats(url: "nats://\(server.address(of: "nats"))")
/// }
/// ```
///
/// - Parameters:
///   - listeners: names of listeners, as in `nats`, `mqtt-ws`, `admin`; default: one of each
///     protocol, over plain TCP.
///   - yaml: settings, as in the file of `godwit serve`; default: none, and nobody is asked who
///     they are. What it says of addresses does not count; relative paths start from the working
///     directory.
///   - environment: what overrides the settings, as in `GODWIT_MQTT_MAX_INFLIGHT`; default:
///     nothing. The process's own environment is not read.
///   - logger: default: says nothing.
/// - Throws: `BrokerError` when it cannot be started, and what `body` throws.
public func withBrokerServer<Result>(
  listeners: [String] = BrokerServer.plainListeners, yaml: String? = nil,
  environment: [String: String] = [:],
  logger: Logger = Logger(label: "godwit") { _ in SwiftLogNoOpLogHandler() },
  _ body: (BrokerServer) async throws -> Result
) async throws -> Result {
  var source = SettingsSource(environment: environment)
  source.yaml = yaml
  source.listen = listeners.filter { $0 != "admin" }.map { "\($0)=127.0.0.1:0" }
  source.admin = "127.0.0.1:0"
  let server = try await BrokerServer.hosted(
    source, hasAdmin: listeners.contains("admin"), logger: logger)
  do {
    let result = try await body(server)
    await server.end()
    return result
  } catch {
    await server.end()
    throw error
  }
}

extension BrokerServer {
  /// A listener of each protocol, over plain TCP.
  public static var plainListeners: [String] { FrontEnds.all.map { $0.name } }

  /// Starting and stopping block; that is not for the threads of tasks.
  fileprivate static func hosted(
    _ source: SettingsSource, hasAdmin: Bool, logger: Logger
  ) async throws -> BrokerServer {
    var source = source
    let grace = "GODWIT_SERVER_SHUTDOWN_GRACE_SECONDS"
    if source.environment[grace] == nil { source.environment[grace] = "0" }
    var settings = try source.load()
    if !hasAdmin { settings.admin = nil }
    let planned = settings
    return try await NIOThreadPool.singleton.runIfActive {
      try BrokerServer.start(planned, logger: logger)
    }
  }

  fileprivate func end() async {
    try? await NIOThreadPool.singleton.runIfActive { self.stop() }
  }
}
