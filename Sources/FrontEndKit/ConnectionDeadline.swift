import GodwitEngine

/// A moment in a connection's life that a timer brings about.
final class ConnectionDeadline: TimerTarget {
  enum Kind { case handshake, linger, stall, write }
  // Strong: a timer holds its target only until it fires or is cancelled, and a weak reference
  // would make every retain of the connection slow.
  private let connection: Connection
  private let kind: Kind

  init(_ connection: Connection, _ kind: Kind) {
    self.connection = connection
    self.kind = kind
  }

  func timerFired(_ kind: Int) {
    switch self.kind {
    case .handshake: self.connection.handshakeTimedOut()
    case .linger: self.connection.closeNow()
    case .stall: self.connection.stallEnded()
    case .write: self.connection.checkWriting()
    }
  }
}
