import Synchronization

/// How a broker's connection is.
public enum ConnectionState: Sendable, CustomStringConvertible {
  /// Not started yet.
  case idle
  /// Ready: publishes and subscriptions work.
  case connected
  /// The connection broke and is being made again; why it broke.
  case reconnecting(GodwitError)
  /// Given up; why.
  case failed(GodwitError)
  /// Closed on purpose.
  case closed

  /// Whether publishes and subscriptions work now.
  public var isConnected: Bool {
    if case .connected = self { true } else { false }
  }

  /// The state in a few words.
  public var description: String {
    switch self {
    case .idle: "idle"
    case .connected: "connected"
    case .reconnecting(let error): "reconnecting after \(error)"
    case .failed(let error): "failed: \(error)"
    case .closed: "closed"
    }
  }
}

/// The current state of a connection, and everybody who follows it. For drivers.
public final class ConnectionStates: Sendable {
  private struct Inner {
    var current: ConnectionState
    var followers: [UInt64: AsyncStream<ConnectionState>.Continuation] = [:]
    var count: UInt64 = 0
  }

  private let inner: Mutex<Inner>

  /// A connection that was not started.
  public init(_ state: ConnectionState = .idle) {
    self.inner = Mutex(Inner(current: state))
  }

  /// The state now.
  public var current: ConnectionState { self.inner.withLock { $0.current } }

  /// Moves to another state.
  public func move(to state: ConnectionState) {
    let followers = self.inner.withLock { inner in
      inner.current = state
      return Array(inner.followers.values)
    }
    for follower in followers { follower.yield(state) }
  }

  /// The state now and every later one. A reader who is slow sees the latest eight.
  public func follow() -> AsyncStream<ConnectionState> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: ConnectionState.self, bufferingPolicy: .bufferingNewest(8))
    let (number, current) = self.inner.withLock { inner in
      inner.count += 1
      inner.followers[inner.count] = continuation
      return (inner.count, inner.current)
    }
    continuation.onTermination = { [weak self] _ in
      self?.inner.withLock { $0.followers[number] = nil }
    }
    continuation.yield(current)
    return stream
  }
}
