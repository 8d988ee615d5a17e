import GodwitEngine
import GodwitPrimitives

/// Who sent what goes out later: a will, a delayed message. It is judged again when it goes.
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
}
