import GodwitEngine
import GodwitFrontEndKit
import NATSWire

/// The client of a priority group that alone is served, until it is silent for too long or somebody
/// says so (ADR-42).
final class JetStreamPin: TimerTarget {
  private unowned let consumer: JetStreamConsumer
  /// What the pinned client says to be known; empty when nobody is pinned.
  private(set) var id = ""
  /// Since when, in the engine's clock.
  private(set) var pinnedAt: Int64 = 0
  private var group = ""
  private var timer: Timers.Token?

  init(_ consumer: JetStreamConsumer) {
    self.consumer = consumer
  }

  /// Pins whoever has sent a request.
  func assign(_ group: String) {
    self.id = JetStreamAccount.makeID()
    self.group = group
    self.pinnedAt = self.consumer.engine.now
    self.touch()
    self.tell { .pinned(account: $0, stream: $1, consumer: $2, group: group, id: self.id) }
  }

  /// The pinned client has been heard of.
  func touch() {
    let timers = self.consumer.engine.timers
    if let timer { timers?.cancel(timer) }
    let (time, overflows) = self.consumer.engine.uptime.addingReportingOverflow(
      self.consumer.config.pinnedTTL)
    self.timer = timers?.schedule(atUptime: overflows ? .max : time, self, kind: 0)
  }

  /// Lets the client go.
  func release(_ reason: String) {
    guard !self.id.isEmpty else { return }
    self.end()
    self.tell {
      .unpinned(account: $0, stream: $1, consumer: $2, group: self.group, reason: reason)
    }
    self.consumer.pump()
  }

  /// Nobody is told: the consumer is gone.
  func end() {
    if let timer { self.consumer.engine.timers.cancel(timer) }
    self.timer = nil
    self.id = ""
    self.pinnedAt = 0
  }

  func timerFired(_ kind: Int) {
    self.timer = nil
    self.release("timeout")
  }

  private func tell(
    _ event: (_ account: String, _ stream: String, _ consumer: String) -> JetStreamAdvisory.Event
  ) {
    let account = self.consumer.account
    account.tell(
      event(
        account.frontEnd.accountName(account.tenant), self.consumer.streamName,
        self.consumer.group.name))
  }
}

/// Which of the requests that wait is served next.
extension JetStreamConsumer {
  /// Puts a request in its place among those that wait.
  func enqueue(_ pull: JetStreamPull) {
    guard self.config.priorityPolicy == .prioritized,
      let place = self.waiting.firstIndex(where: {
        $0.request.priority > pull.request.priority
      })
    else { return self.waiting.append(pull) }
    self.waiting.insert(pull, at: place)
  }

  /// Why the pinned client alone is served; `nil` where the request may wait.
  func pinRefusal(_ request: JetStreamPullRequest) -> JetStreamStatus? {
    guard self.config.priorityPolicy == .pinnedClient, !self.pin.id.isEmpty else { return nil }
    if request.pinID == self.pin.id {
      self.pin.touch()
      return nil
    }
    return request.pinID.isEmpty ? nil : .pinMismatch
  }

  /// The place of the request that gets the next message; `nil` when none may have it.
  func nextPlace() -> Int? {
    switch self.config.priorityPolicy {
    case .none, .prioritized: return self.waiting.isEmpty ? nil : 0
    case .overflow: return self.waiting.firstIndex { self.isOverflowing($0.request) }
    case .pinnedClient: return self.pinnedPlace()
    }
  }

  private func isOverflowing(_ request: JetStreamPullRequest) -> Bool {
    guard request.minPending > 0 || request.minAckPending > 0 else { return true }
    return (request.minPending > 0 && request.minPending <= self.group.pendingCount)
      || (request.minAckPending > 0 && request.minAckPending <= self.group.inFlight)
  }

  /// Whether the request may have a message that is there: the first one to get one while nobody is
  /// pinned is pinned, and who still holds an old pin is told so.
  func admits(_ pull: JetStreamPull) -> Bool {
    guard self.config.priorityPolicy == .pinnedClient, self.pin.id.isEmpty else { return true }
    guard pull.pinID.isEmpty else {
      pull.end(.wrongPin(messages: pull.messagesLeft, bytes: pull.bytesLeft))
      return false
    }
    self.pin.assign(pull.request.group)
    pull.pinID = self.pin.id
    return true
  }

  private func pinnedPlace() -> Int? {
    if self.pin.id.isEmpty { return self.waiting.isEmpty ? nil : 0 }
    for pull in self.waiting where !pull.pinID.isEmpty && pull.pinID != self.pin.id {
      pull.end(.wrongPin(messages: pull.messagesLeft, bytes: pull.bytesLeft))
    }
    self.waiting.removeAll { $0.isOver }
    return self.waiting.firstIndex { $0.pinID == self.pin.id }
  }

  /// What consumer info says of the priority groups.
  var priorityGroups: [JetStreamConsumerInfo.PriorityGroup] {
    guard let name = self.config.priorityGroups.first else { return [] }
    var group = JetStreamConsumerInfo.PriorityGroup()
    group.group = name
    group.pinnedClientID = self.pin.id
    if self.pin.pinnedAt > 0 {
      group.pinnedTime = JetStreamTimestamp(nanosecondsSince1970: self.pin.pinnedAt)
    }
    return [group]
  }
}
