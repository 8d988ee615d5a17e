import Synchronization

/// A server that is started when somebody needs it.
final class ServerBesides<Server: Sendable>: Sendable {
  private let start: @Sendable () throws -> Server
  private let started = Mutex<Server?>(nil)

  init(_ start: @escaping @Sendable () throws -> Server) {
    self.start = start
  }

  /// The server, from now on.
  @Sendable func server() throws -> Server {
    try self.started.withLock { started in
      if let started { return started }
      let server = try self.start()
      started = server
      return server
    }
  }
}
