import ArgumentParser
import Glibc
import GodwitBroker
import Logging

/// `godwit serve`.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the broker until SIGTERM or SIGINT.")

  @Option(
    help: ArgumentHelp(
      "Listen here; may be given several times. If it is given at all, only these listeners are "
        + "opened. Port 0 picks a free one.",
      valueName: "PROTOCOL=ADDRESS:PORT"))
  var listen: [String] = []

  @Option(help: ArgumentHelp("Where the admin server listens.", valueName: "ADDRESS:PORT"))
  var admin: String?

  @Option(help: "How much is logged: trace, debug, info, notice, warning, error or critical.")
  var logLevel: String?

  func run() throws {
    let signals = StopSignals()
    do {
      let broker = try Broker.start(try self.settings(), logger: try self.logger())
      StandardStreams.write(broker.readyLine + "\n", to: .output)
      signals.wait()
      broker.stop()
    } catch let error as BrokerError {
      StandardStreams.write("godwit: \(error)\n", to: .error)
      throw ExitCode(1)
    }
  }

  private func settings() throws -> BrokerSettings {
    var settings = BrokerSettings()
    if let text = self.admin {
      guard let address = HostAndPort(text) else {
        throw BrokerError("--admin \(text): not of the form ADDRESS:PORT")
      }
      settings.admin = address
    }
    if !self.listen.isEmpty {
      settings.listeners = try self.listen.map { text in
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let address = HostAndPort(String(parts[1])) else {
          throw BrokerError("--listen \(text): not of the form PROTOCOL=ADDRESS:PORT")
        }
        guard
          let listener = ListenerAddress(
            named: String(parts[0]), host: address.host, port: address.port)
        else {
          throw BrokerError(
            "--listen \(text): there is no listener \(parts[0]), only "
              + ListenerAddress.allNames.joined(separator: ", "))
        }
        return listener
      }
    }
    return settings
  }

  private func logger() throws -> Logger {
    var logger = Logger(label: "godwit") { StreamLogHandler.standardError(label: $0) }
    if let text = self.logLevel {
      guard let level = Logger.Level(rawValue: text) else {
        throw BrokerError("--log-level \(text): there is no such level")
      }
      logger.logLevel = level
    }
    return logger
  }
}
