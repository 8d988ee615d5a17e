import ArgumentParser
import GodwitBroker
import Logging

/// `godwit serve`.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the broker until SIGTERM or SIGINT.",
    discussion: """
      Without options: every protocol's standard ports, on the loopback, for everybody. Other \
      addresses need users, or `access: {anonymous: true}` in the settings.

      When it serves, it says so in one line on standard output. SIGTERM and SIGINT let clients \
      leave and end it; SIGHUP has the settings read again.
      """)

  @Option(
    name: [.short, .long], help: ArgumentHelp("The settings file (YAML).", valueName: "file"))
  var config: String?

  @Option(
    help: ArgumentHelp(
      "A folder for what must last, made if it is missing and locked. Without it streams last as "
        + "long as the process.", valueName: "dir"))
  var data: String?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "Listen here; may be given several times. If it is given at all, only these listeners are "
        + "opened. Port 0 picks a free one. Listeners: "
        + "\(ListenerAddress.allNames.joined(separator: ", ")).",
      valueName: "listener=address:port"))
  var listen: [String] = []

  @Option(
    help: ArgumentHelp("Where the admin server listens.", valueName: "address:port"))
  var admin: String?

  @Option(
    help: ArgumentHelp(
      "How much is logged: trace, debug, info, notice, warning, error or critical.",
      valueName: "level"))
  var logLevel: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Say on standard error what to try next (default: on a terminal).")
  var hints: Bool?

  func run() throws {
    let signals = StopSignals()
    try reportingFailure {
      let source = self.source
      var settings = try source.load()
      let folder = try self.data.map { try DataFolder($0) }
      settings.dataFolder = folder?.path
      let openFiles = ProcessLimits.raiseOpenFiles()
      guard let level = Logger.Level(rawValue: settings.logLevel) else {
        throw BrokerError("--log-level: there is no level called \(settings.logLevel)")
      }
      let logLevel = LogLevel(level)
      let logger = Logger(label: "godwit") { SharedLevelLogHandler($0, logLevel) }
      if let openFiles { logger.debug("open files: \(openFiles) at most") }
      let broker = try BrokerServer.start(settings, logger: logger)
      StartupPages.release()
      Terminal.write(Array("\(broker.readyLine)\n".utf8))
      if self.hints ?? Terminal.errorIsTerminal { Terminal.writeError(Hints.text(of: broker)) }
      signals.wait {
        Self.reload(broker, from: source, logger: logger, logLevel: logLevel)
      }
      logger.info("stopping: clients have time to leave")
      signals.letInterruptEndTheProcess()
      broker.stop()
      withExtendedLifetime(folder) {}
    }
  }

  private var source: SettingsSource {
    var source = SettingsSource(environment: Environment.all)
    source.config = self.config
    source.listen = self.listen
    source.admin = self.admin
    source.logLevel = self.logLevel
    return source
  }

  private static func reload(
    _ broker: BrokerServer, from source: SettingsSource, logger: Logger, logLevel: LogLevel
  ) {
    let level = logLevel.value
    do throws(BrokerError) {
      let settings = try source.load()
      logLevel.value = Logger.Level(rawValue: settings.logLevel) ?? level
      try broker.reload(settings)
    } catch {
      logLevel.value = level
      logger.error("the settings stay as they were: \(error)")
    }
  }
}
