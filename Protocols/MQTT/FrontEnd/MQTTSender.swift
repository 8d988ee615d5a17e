import GodwitEngine
import GodwitPrimitives

/// Who sent what goes out later: a will, a delayed message; and whose session waits. It is judged
/// again when it goes, and the session when the settings change.
final class MQTTSender {
  private let principal: Principal
  private let peer: PeerIdentity

  init(_ principal: Principal, _ peer: PeerIdentity) {
    self.principal = principal
    self.peer = peer
  }

  /// Whether the sender, as the settings know it now, may publish to a canonical topic.
  func mayPublish(_ topic: UnsafeRawBufferPointer, _ access: any Authenticator) -> Bool {
    guard let today = access.refresh(principal, peer: peer), today.tenant === principal.tenant
    else { return false }
    return !topic.isSystemTopic && today.permissions?.publish.permits(topic) != false
  }

  /// What the user may do now, while it is away; `nil` when there is no such user in the tenant.
  func standing(_ access: any Authenticator) -> Principal? {
    let today = access.standing(of: principal, peer: peer)
    return today?.tenant === principal.tenant ? today : nil
  }
}
