import MQTTWire

/// The messages that the server has handed out and that are not acknowledged, and the order in
/// which they are to be.
struct MQTTInbox {
  enum State {
    /// Somebody works on it.
    case held
    /// Done with; its acknowledgement waits for those before it, or for the message to come again.
    case settled
    /// It goes back: no acknowledgement.
    case released
    /// QoS 2: PUBREC was written, PUBREL is to come.
    case received
  }

  struct Held {
    var token: UInt64
    var qos: MQTTQoS
    var bytes: Int
    var state = State.held
    /// Whether it came on this connection; what did not is not acknowledged on it.
    var isHere = true
  }

  /// What an arrival is.
  enum Arrival {
    case new(token: UInt64)
    /// The same message as before: somebody works on it, or has.
    case known
    /// The identifier is in use.
    case inUse
  }

  private(set) var held: [UInt16: Held] = [:]
  /// Identifiers whose acknowledgement is due, oldest first.
  private var order: [UInt16] = []
  private var head = 0
  private var tokens: UInt64 = 0
  /// How many came on this connection.
  private(set) var countHere = 0
  /// Bytes of all.
  private(set) var bytes = 0

  /// A token for what is not acknowledged: one that no identifier ends.
  mutating func nextToken() -> UInt64 { self.nextToken(0) }

  /// Tokens end with the identifier that they stand for.
  private mutating func nextToken(_ id: UInt16) -> UInt64 {
    self.tokens &+= 1
    return self.tokens << 16 | UInt64(id)
  }

  /// The identifier of a token, while it stands for it.
  private func id(of token: UInt64) -> UInt16? {
    let id = UInt16(truncatingIfNeeded: token)
    guard let held = self.held[id], held.token == token, held.state != .received else { return nil }
    return id
  }

  mutating func connectionEnded() {
    for id in self.held.keys { self.held[id]?.isHere = false }
    self.order = []
    self.head = 0
    self.countHere = 0
  }

  /// The server has no session: identifiers mean nothing any more.
  mutating func sessionLost() {
    self.held = [:]
    self.bytes = 0
  }

  /// A message at QoS 1 or 2 came.
  mutating func arrive(
    _ id: UInt16, _ qos: MQTTQoS, isRepeated: Bool, bytes: Int
  ) -> Arrival {
    if let known = self.held[id] {
      if known.isHere { return isRepeated ? .known : .inUse }
      if isRepeated {
        self.held[id]?.isHere = true
        self.countHere += 1
        if case .received = known.state { self.held[id]?.state = .settled }
        if known.state != .released { self.order.append(id) }
        return .known
      }
      // The server has given the identifier to another message.
      self.remove(id)
    }
    let token = self.nextToken(id)
    self.held[id] = Held(token: token, qos: qos, bytes: bytes)
    self.order.append(id)
    self.countHere += 1
    self.bytes += bytes
    return .new(token: token)
  }

  /// A message is done with, or goes back. Tokens that are not known any more change nothing.
  mutating func settle(_ token: UInt64, isDone: Bool) {
    guard let id = self.id(of: token) else { return }
    self.held[id]?.state = isDone ? .settled : .released
    guard !isDone, let place = self.order[self.head...].firstIndex(of: id) else { return }
    self.order.remove(at: place)
  }

  /// The next acknowledgement that may be written.
  mutating func nextAcknowledged() -> (id: UInt16, qos: MQTTQoS)? {
    guard self.head < self.order.count else { return nil }
    let id = self.order[self.head]
    guard let held = self.held[id], case .settled = held.state else { return nil }
    self.step()
    if held.qos == .exactlyOnce {
      self.held[id]?.state = .received
    } else {
      self.remove(id)
    }
    return (id, held.qos)
  }

  private mutating func step() {
    self.head += 1
    if self.head == self.order.count || self.head > 1_024 {
      self.order.removeFirst(self.head)
      self.head = 0
    }
  }

  /// PUBREL.
  ///
  /// - Returns: whether the identifier was known; `nil` when the message is still held.
  mutating func release(_ id: UInt16) -> Bool? {
    guard let held = self.held[id] else { return false }
    guard case .received = held.state else { return nil }
    self.remove(id)
    return true
  }

  /// A message was not taken after all.
  mutating func forget(_ token: UInt64) {
    guard let id = self.id(of: token) else { return }
    self.settle(token, isDone: false)
    self.remove(id)
  }

  private mutating func remove(_ id: UInt16) {
    guard let held = self.held.removeValue(forKey: id) else { return }
    self.bytes -= held.bytes
    if held.isHere { self.countHere -= 1 }
  }
}
