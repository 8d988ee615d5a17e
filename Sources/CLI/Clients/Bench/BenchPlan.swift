import MQTTWire

/// What is measured.
struct BenchPlan: Hashable, Sendable {
  /// Who takes part.
  enum Mode: String, Hashable, Sendable, CaseIterable {
    /// Publishers alone.
    case pub
    /// Subscribers alone; somebody else publishes.
    case sub
    /// Publishers and subscribers.
    case pubsub
    /// Clients that ask, and one that answers.
    case request
  }

  /// Who takes part.
  var mode: Mode
  /// Where messages go.
  var topic: String
  /// Bytes of a message.
  var size: Int
  /// Messages that are published in all, or requests made.
  var count: Int
  /// Publishers, or clients that ask.
  var publishers: Int
  /// Subscribers.
  var subscribers: Int
  /// The group that the subscribers are in; then each message goes to one of them.
  var group: String?
  /// Messages a second in all; `nil` for as fast as it goes.
  var rate: Double?
  /// MQTT's quality of service.
  var qos = MQTTQoS.atMostOnce
  /// Requests of one client that wait for an answer at the same time, or messages of one publisher
  /// that wait to be settled.
  var inFlight = 1
  /// Whether requests are answered here; else by somebody else.
  var hasResponder = true
  /// A number that only this run has.
  var run: UInt64

  /// Messages that the subscribers get together.
  var deliveries: Int {
    switch self.mode {
    case .pub: 0
    case .sub, .pubsub: self.group == nil ? self.count * self.subscribers : self.count
    case .request: self.count
    }
  }

  /// How many of `count` the publisher with that number has to send.
  func share(of publisher: Int) -> Int {
    self.count / self.publishers + (publisher < self.count % self.publishers ? 1 : 0)
  }
}

/// What one client of a run has done so far.
struct BenchTally: Hashable, Sendable {
  /// Messages published, or requests made.
  var published = 0
  /// Messages received, or answers.
  var received = 0
  /// When the first was published, by `MonotonicClock`.
  var firstPublished: UInt64?
  /// When the last was published or settled.
  var lastPublished: UInt64?
  /// When the first came in.
  var firstReceived: UInt64?
  /// When the last came in.
  var lastReceived: UInt64?
  /// How long they took.
  var latencies: LatencyHistogram?
  /// Why it ended early.
  var failure: ClientError?

  /// Both tallies as one.
  mutating func add(_ other: BenchTally) {
    self.published += other.published
    self.received += other.received
    self.firstPublished = Self.choose(self.firstPublished, other.firstPublished, min)
    self.lastPublished = Self.choose(self.lastPublished, other.lastPublished, max)
    self.firstReceived = Self.choose(self.firstReceived, other.firstReceived, min)
    self.lastReceived = Self.choose(self.lastReceived, other.lastReceived, max)
    if let theirs = other.latencies {
      var ours = self.latencies ?? LatencyHistogram()
      ours.add(theirs)
      self.latencies = ours
    }
    self.failure = self.failure ?? other.failure
  }

  private static func choose(
    _ left: UInt64?, _ right: UInt64?, _ better: (UInt64, UInt64) -> UInt64
  ) -> UInt64? {
    guard let left, let right else { return left ?? right }
    return better(left, right)
  }
}
