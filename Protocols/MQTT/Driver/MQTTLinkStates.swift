import Godwit
import Synchronization

/// One state of several connections: connected when all of them are that ever were.
final class MQTTLinkStates: Sendable {
  /// The number of the connection that publishes, whose end is the driver's.
  static let publishing: UInt64 = 0

  /// What the driver shows.
  let states = ConnectionStates()
  private let inner = Mutex<[UInt64: ConnectionState]>([:])

  /// A connection moves to another state.
  func move(_ number: UInt64, to state: ConnectionState) {
    self.inner.withLock { inner in
      inner[number] = state
      self.show(inner)
    }
  }

  /// A connection counts no more.
  func forget(_ number: UInt64) {
    self.inner.withLock { inner in
      inner[number] = nil
      self.show(inner)
    }
  }

  /// Within the lock, so that nobody overtakes.
  private func show(_ all: [UInt64: ConnectionState]) {
    guard let publishing = all[Self.publishing] else { return }
    switch publishing {
    case .closed, .failed, .reconnecting, .idle: return self.states.move(to: publishing)
    case .connected: break
    }
    for state in all.values {
      if case .reconnecting = state { return self.states.move(to: state) }
    }
    if !self.states.current.isConnected { self.states.move(to: .connected) }
  }
}
