import GodwitEngine
import MQTTWire

/// The sessions of one tenant.
final class MQTTSessionTable {
  private(set) var sessions: [[UInt8]: MQTTSession] = [:]
  /// Who holds a filter exclusively.
  private var exclusive: [[UInt8]: MQTTSession] = [:]
  private let tenant: Tenant

  // The subscriptions that match the topic whose route is being computed, by session: the router
  // asks for one prefix after another.
  private var matchTopic: [UInt8] = []
  private var matchStamp: (UInt64, UInt64) = (0, 0)
  private var matches: [ObjectIdentifier: [MQTTSubscription]] = [:]

  init(tenant: Tenant) { self.tenant = tenant }

  /// The session of a client identifier.
  func session(_ clientID: [UInt8]) -> MQTTSession? { sessions[clientID] }

  func add(_ session: MQTTSession) { sessions[session.clientID] = session }

  func remove(_ session: MQTTSession) {
    if sessions[session.clientID] === session { sessions[session.clientID] = nil }
  }

  /// Gives a filter to a session alone.
  ///
  /// - Returns: `false` when another session has it.
  func claim(_ filter: [UInt8], for session: MQTTSession) -> Bool {
    if let holder = exclusive[filter] { return holder === session }
    exclusive[filter] = session
    return true
  }

  func release(_ filter: [UInt8], of session: MQTTSession) {
    if exclusive[filter] === session { exclusive[filter] = nil }
  }

  /// All ordinary subscriptions of `session` that match `topic`, in a stable order.
  func matching(_ topic: UnsafeRawBufferPointer, of session: MQTTSession) -> [MQTTSubscription] {
    let router: Router = tenant.router
    let stamp = (router.inserts, router.removes)
    if stamp != matchStamp || !matchTopic.elementsEqual(topic) {
      matchStamp = stamp
      matchTopic = Array(topic)
      matches.removeAll(keepingCapacity: true)
      for case let subscription as MQTTSubscription in router.subscriptions(matching: topic)
      where subscription.group == nil {
        matches[ObjectIdentifier(subscription.subscriber), default: []].append(subscription)
      }
    }
    return matches[ObjectIdentifier(session)] ?? []
  }
}
