import Foundation
import GodwitBroker
import GodwitFrontEndKit
import Logging
import Synchronization
import TestSupport

/// Our own broker on ports of its own, as `godwit serve` runs it.
final class TestServer: Sendable {
  struct NoListener: Error {}

  let folder: TestFolder
  private let broker: Mutex<BrokerServer>
  private let source: SettingsSource
  private let listener: String
  let host: String
  let port: Int

  /// - Parameters:
  ///   - yaml: its settings, beyond the grace period that stopping it would take.
  ///   - nats: settings of NATS, as in `tls_first: true`.
  ///   - listener: `nats`, `nats-tls`, `nats-ws`, `mqtt`, `mqtt-tls`.
  ///   - host: where it listens; an address of its own when it will be restarted.
  init(
    _ yaml: String = "", nats: String = "", listener: String = "nats", folder: TestFolder? = nil,
    host: String = "127.0.0.1"
  ) throws {
    let folder = try folder ?? TestFolder()
    var source = SettingsSource(environment: [:])
    source.config = try folder.write(
      "godwit.yaml", "nats: {lame_duck_grace_seconds: 0, lame_duck_seconds: 0, \(nats)}\n\(yaml)\n")
    source.listen = ["\(listener)=\(host):0"]
    source.admin = "127.0.0.1:0"
    let broker = try BrokerServer.start(try source.load(), logger: .silent)
    guard let address = broker.addresses.first(where: { $0.name == listener })?.address else {
      throw NoListener()
    }
    self.folder = folder
    self.listener = listener
    self.host = host
    self.source = source
    self.port = address.port
    self.broker = Mutex(broker)
  }

  deinit {
    // A thread of a task is not to wait: its clients need one to take their leave.
    let broker = self.broker.withLock { $0 }
    Thread.detachNewThread { broker.stop() }
  }

  /// Stops it, and starts it again on the same port.
  func restart() throws {
    var source = self.source
    source.listen = ["\(self.listener)=\(self.host):\(self.port)"]
    try self.broker.withLock { broker in
      broker.stop()
      broker = try BrokerServer.start(try source.load(), logger: .silent)
    }
  }
}
