public import Logging
import Synchronization

/// What was logged, line by line.
public final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  /// Nothing yet.
  public init() {}

  /// The lines so far: a level, and what was said.
  public var values: [String] { self.lines.withLock { $0 } }

  /// A logger that writes here.
  public var logger: Logger {
    let writer = Writer(lines: self)
    return Logger(label: "test") { _ in writer }
  }

  private struct Writer: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { self.metadata[key] }
      set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      self.lines.lines.withLock { $0.append("\(event.level) \(event.message)") }
    }
  }
}
