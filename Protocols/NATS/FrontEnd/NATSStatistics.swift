import GodwitFrontEndKit

/// What the front end has counted since it started.
struct NATSStatistics {
  /// Connections that there ever were.
  var connections: UInt64 = 0
  /// Connections that are gone: their messages and bytes.
  var closed = Traffic()
  /// Clients cut because they did not read.
  var slowConsumers: UInt64 = 0
  /// Clients cut because they did not answer PING.
  var staleConnections: UInt64 = 0
  /// Clients that did not prove who they are.
  var authenticationFailures: UInt64 = 0
  /// Operations that were not permitted.
  var permissionViolations: UInt64 = 0
  /// Connections ended because of what they sent.
  var protocolErrors: UInt64 = 0
  /// Connections refused because there were too many.
  var refused: UInt64 = 0
  /// Calls of each monitoring endpoint.
  var requests: [String: Int] = [:]

  /// Messages and their bytes, headers included.
  struct Traffic {
    var messagesIn: UInt64 = 0
    var messagesOut: UInt64 = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    /// How often a publisher was held back for a receiver that was nearly full.
    var stalls: UInt64 = 0

    /// Adds what one session has carried.
    mutating func add(_ session: NATSSession) {
      self.messagesIn &+= session.connection.counters.messagesIn
      self.messagesOut &+= session.connection.counters.messagesOut
      self.bytesIn &+= session.bytesIn
      self.stalls &+= session.connection.counters.stalls
      self.bytesOut &+= session.receiver?.bytesOut ?? 0
    }
  }
}
