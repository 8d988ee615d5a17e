#if Health
  public import Godwit
  import Hummingbird
  public import Logging
  import NIOCore
  public import ServiceLifecycle

  #if canImport(FoundationEssentials)
    import FoundationEssentials
  #else
    import Foundation
  #endif

  /// Answers `GET /livez` and `GET /readyz` from what a program's brokers and subscriptions do.
  ///
  /// 200 for yes, 503 for no; the body is the `HealthReport` as JSON. Put it first in an `App`: it
  /// then stops last, and tells of the drain by a 503 of `/readyz`.
  ///
  /// ```swift
  /// let health = HealthMonitor(brokers: [broker], subscriptions: [billing])
  /// let app = App("billing") {
  ///   HealthService(health, port: 8080)
  ///   broker
  ///   billing
  /// }
  /// ```
  public struct HealthService: Service {
    private let monitor: HealthMonitor
    private let host: String
    private let port: Int
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// A service.
    ///
    /// - Parameters:
    ///   - host: the address to listen on. Default: every IPv4 address, since probes come from
    ///     outside.
    ///   - port: the port; 0 for any that is free.
    ///   - onListening: told the port when it listens.
    public init(
      _ monitor: HealthMonitor, host: String = "0.0.0.0", port: Int,
      logger: Logger = Logger(label: "godwit.health"),
      onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
      self.monitor = monitor
      self.host = host
      self.port = port
      self.logger = logger
      self.onListening = onListening
    }

    /// Answers until a graceful shutdown or the task's cancellation.
    public func run() async throws {
      let monitor = self.monitor
      let router = Router()
      router.get("livez") { _, _ in
        let report = monitor.report()
        return try Self.response(report, isWell: report.isLive)
      }
      router.get("readyz") { _, _ in
        let report = monitor.report()
        return try Self.response(report, isWell: report.isReady)
      }
      let application = Application(
        router: router,
        configuration: ApplicationConfiguration(address: .hostname(self.host, port: self.port)),
        onServerRunning: { [onListening = self.onListening] channel in
          await onListening(channel.localAddress?.port ?? 0)
        }, logger: self.logger)
      try await application.run()
    }

    private static func response(_ report: HealthReport, isWell: Bool) throws -> Response {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return Response(
        status: isWell ? .ok : .serviceUnavailable,
        headers: [.contentType: "application/json", .cacheControl: "no-store"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(report))))
    }
  }
#endif
