import GodwitEngine
import GodwitPrimitives
import NIOCore

/// Who sent what goes out later: a will, a delayed message; and whose session waits. It is judged
/// again when it goes, and the session when the settings change.
final class MQTTSender {
  private let principal: Principal
  private let peer: PeerIdentity
  /// Whether it was let in by an earlier life of the process. What it was let in by then is known
  /// to nobody any more, and so it is judged by what its user may do.
  private let isRestored: Bool

  init(_ principal: Principal, _ peer: PeerIdentity, isRestored: Bool = false) {
    self.principal = principal
    self.peer = peer
    self.isRestored = isRestored
  }

  /// Whether the sender, as the settings know it now, may publish to a canonical topic.
  func mayPublish(_ topic: UnsafeRawBufferPointer, _ access: any Authenticator) -> Bool {
    guard let today = isRestored ? standing(access) : access.refresh(principal, peer: peer),
      today.tenant === principal.tenant
    else { return false }
    return !topic.isSystemTopic && today.permissions?.publish.permits(topic) != false
  }

  /// What the user may do now, while it is away; `nil` when there is no such user in the tenant.
  func standing(_ access: any Authenticator) -> Principal? {
    let today = access.standing(of: principal, peer: peer)
    return today?.tenant === principal.tenant ? today : nil
  }

  // MARK: Across a restart

  /// A sender as it is written down.
  struct Note {
    /// Which life of the process let it in.
    var runID: UInt64
    var name: String
    var admission: [UInt8]
    var peer: PeerIdentity

    func write(to buffer: inout ByteBuffer) {
      buffer.writeInteger(runID)
      buffer.writeField(name.utf8)
      buffer.writeField(admission)
      buffer.writeField(peer.address.utf8)
      buffer.writeField(peer.clientID.utf8)
      buffer.writeInteger(UInt8(peer.certificateSubject == nil ? 0 : 1))
      buffer.writeField((peer.certificateSubject ?? "").utf8)
      buffer.writeInteger(UInt8(peer.certificateCommonName == nil ? 0 : 1))
      buffer.writeField((peer.certificateCommonName ?? "").utf8)
    }
  }

  /// The sender, to be written down by the life of the process that `runID` names.
  func note(_ runID: UInt64) -> Note {
    Note(
      runID: isRestored ? 0 : runID, name: principal.name, admission: principal.admission,
      peer: peer)
  }

  /// A sender that was written down.
  convenience init(_ note: Note, _ tenant: Tenant, runID: UInt64) {
    self.init(
      Principal(name: note.name, tenant: tenant, admission: note.admission), note.peer,
      isRestored: note.runID != runID)
  }
}

extension MQTTSender.Note {
  init?(_ buffer: inout ByteBuffer) {
    guard let runID = buffer.readInteger(as: UInt64.self), let name = buffer.readTextField(),
      let admission = buffer.readField(), let address = buffer.readTextField(),
      let clientID = buffer.readTextField(),
      let hasSubject = buffer.readInteger(as: UInt8.self), let subject = buffer.readTextField(),
      let hasCommonName = buffer.readInteger(as: UInt8.self),
      let commonName = buffer.readTextField()
    else { return nil }
    self.init(
      runID: runID, name: name, admission: admission,
      peer: PeerIdentity(
        protocolName: MQTTServer.name, address: address,
        certificateSubject: hasSubject == 0 ? nil : subject,
        certificateCommonName: hasCommonName == 0 ? nil : commonName, clientID: clientID))
  }
}
