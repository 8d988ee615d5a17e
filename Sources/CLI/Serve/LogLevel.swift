import Logging
import Synchronization

/// How much is logged, by all loggers of the process at once: it can change while they stand.
final class LogLevel: Sendable {
  private let index: Atomic<Int>

  init(_ level: Logger.Level) {
    self.index = Atomic(Self.index(of: level))
  }

  /// The level of today.
  var value: Logger.Level {
    get { Logger.Level.allCases[self.index.load(ordering: .relaxed)] }
    set { self.index.store(Self.index(of: newValue), ordering: .relaxed) }
  }

  private static func index(of level: Logger.Level) -> Int {
    Logger.Level.allCases.firstIndex(of: level) ?? 0
  }
}

/// Writes to standard error what the shared level, or one of the logger's own, lets through.
struct SharedLevelLogHandler: LogHandler {
  private var base: StreamLogHandler
  private let shared: LogLevel
  private var own: Logger.Level?

  init(_ label: String, _ shared: LogLevel) {
    self.base = .standardError(label: label)
    self.shared = shared
  }

  var logLevel: Logger.Level {
    get { self.own ?? self.shared.value }
    set { self.own = newValue }
  }

  var metadata: Logger.Metadata {
    get { self.base.metadata }
    set { self.base.metadata = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { self.base[metadataKey: key] }
    set { self.base[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) {
    self.base.log(event: event)
  }
}
