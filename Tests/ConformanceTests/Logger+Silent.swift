import Logging

extension Logger {
  /// Says nothing: what scenarios provoke is no news.
  static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
