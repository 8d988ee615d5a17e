import Godwit
public import Logging

/// What a server complains of, as far as it is logged: so much of each connection, so that one that
/// complains without end fills no log.
public struct Complaints {
  /// The most of a connection that are logged.
  public static var loggedMax: Int { 100 }

  private var count = 0

  /// None yet, on a new connection.
  public init() {}

  /// Logs a complaint as a warning, one line without control characters. What is behind the last
  /// that is logged is said once.
  public mutating func add(_ text: String, to logger: Logger) {
    guard self.count <= Self.loggedMax else { return }
    self.count += 1
    guard self.count <= Self.loggedMax else {
      return logger.warning("there is more like this; it is not logged until the next connection")
    }
    logger.warning("\(text.headerLine)")
  }
}
