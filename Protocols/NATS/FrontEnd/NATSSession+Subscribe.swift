import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import NATSWire

extension NATSSession {
  /// The queue group that nats-server keeps for itself.
  private static var systemGroup: [UInt8] { Array("_sys_".utf8) }

  /// SUB.
  func subscribe(_ operation: NATSOperation) {
    guard let receiver = self.receiver else { return }
    let isValid = NATSSubject.isValidPattern(operation.subject)
    let pattern = TopicPattern(canonical: Array(operation.subject))
    let queue = operation.queue.isEmpty ? nil : Array(operation.queue)
    if queue == Self.systemGroup || (isValid && !self.mayReceive(pattern, queue, receiver)) {
      self.frontEnd.statistics.permissionViolations &+= 1
      self.send(self.refusal(Array(operation.subject), queue: queue))
      return
    }
    let max = self.subscriptionsMax
    guard max == 0 || receiver.subscriptions.count < max else {
      self.send(.maximumSubscriptionsExceeded)
      return
    }
    // A sid that is taken keeps its first subscription.
    if receiver.subscriptions[operation.sid] == nil {
      guard isValid else {
        self.send(.invalidSubject)
        return
      }
      let subscription = self.makeSubscription(
        pattern, sid: Array(operation.sid), queue: queue ?? [], receiver: receiver)
      do throws(EngineError) {
        try receiver.tenant.router.subscribe(subscription)
      } catch {
        self.send(
          error.code == .patternTooDeep
            ? .subscriptionHasTooManyTokens(subject: natsQuoted(operation.subject))
            : .maximumSubscriptionsExceeded)
        return
      }
      receiver.subscriptions[operation.sid] = subscription
      self.jetStream?.interestChanged()
    }
    if self.options.verbose { self.sendOK() }
  }

  private var subscriptionsMax: Int {
    let own = self.principal?.subscriptionsMax ?? 0
    return own > 0 ? own : self.frontEnd.values.subscriptionsMax
  }

  private func mayReceive(
    _ pattern: TopicPattern, _ queue: [UInt8]?, _ receiver: NATSReceiver
  ) -> Bool {
    receiver.permissions?.maySubscribe(pattern, group: queue) ?? true
  }

  /// What is said to a subscription that is not permitted.
  func refusal(_ subject: [UInt8], queue: [UInt8]?) -> NATSServerError {
    let quote = { (bytes: [UInt8]) in bytes.withUnsafeBytes { natsQuoted($0) } }
    return .subscriptionNotPermitted(subject: quote(subject), queue: queue.map(quote))
  }

  func makeSubscription(
    _ pattern: TopicPattern, sid: [UInt8], queue: [UInt8], receiver: NATSReceiver
  ) -> NATSSubscription {
    let group =
      queue.isEmpty
      ? nil : self.frontEnd.context.groupNames.key(protocolName: NATSServer.name, group: queue)
    let subscription = NATSSubscription(
      pattern: pattern, sid: sid, queue: queue, group: group, subscriber: receiver)
    if let permissions = receiver.permissions {
      subscription.isPartlyDenied = permissions.deniesSome(
        of: pattern, group: queue.isEmpty ? nil : queue)
    }
    return subscription
  }

  /// UNSUB: at once, or when a number of messages has come.
  func unsubscribe(_ operation: NATSOperation) {
    if let subscription = self.receiver?.subscriptions[operation.sid] {
      let max = UInt64(operation.messagesMax ?? 0)
      if max > subscription.delivered {
        subscription.deliveredMax = max
      } else {
        self.remove(subscription)
      }
    }
    if self.options.verbose { self.sendOK() }
  }

  /// Ends a subscription.
  func remove(_ subscription: NATSSubscription) {
    guard let receiver = self.receiver else { return }
    subscription.sid.withUnsafeBytes { receiver.subscriptions[$0] = nil }
    receiver.tenant.router.unsubscribe(subscription)
    self.jetStream?.interestChanged()
  }
}
