import Godwit
import MQTTWire
import NIOCore

/// Enhanced authentication (MQTT 5.0, 4.12): a password that is proven, at the login and again.
extension MQTTClientMachine {
  /// The first message of an exchange.
  mutating func beginProof(_ credentials: SCRAMCredentials) -> ByteBuffer {
    let scram = SCRAMClient(credentials, nonce: self.makeNonce(), salted: self.scram)
    self.scram = scram
    return ByteBuffer(string: scram.first)
  }

  /// Proves the password again (4.12.1); `reauthenticated` tells when that is done, and the end of
  /// the connection when it is refused. Whoever asks meanwhile has the same answer.
  mutating func reauthenticate(into out: inout ByteBuffer, events: inout [Event]) {
    guard !self.isProving else { return }
    switch self.phase {
    // The login proves it.
    case .offline, .connecting: return events.append(.reauthenticated)
    case .restoring, .connected: break
    }
    guard let credentials = self.plan.login.scram else { return events.append(.reauthenticated) }
    self.isProving = true
    self.write(.reauthenticate, self.beginProof(credentials), into: &out)
  }

  /// Answers a challenge.
  ///
  /// - Returns: the end of the connection, when there is no answer to it.
  mutating func authenticate(
    _ auth: MQTTAuth, into out: inout ByteBuffer
  ) -> GodwitError? {
    guard var scram = self.scram, auth.reason == .continueAuthentication,
      auth.properties.text(.authenticationMethod) == SCRAMClient.method
    else {
      self.complain(.protocolError, into: &out)
      return GodwitError(.notPermitted, "the server asks for another authentication method")
    }
    let challenge = auth.properties.data(.authenticationData) ?? ByteBuffer()
    do throws(GodwitError) {
      let final = try scram.answer(Array(challenge.readableBytesView))
      self.scram = scram
      self.write(.continueAuthentication, ByteBuffer(string: final), into: &out)
      return nil
    } catch {
      self.complain(.notAuthorized, into: &out)
      return error
    }
  }

  /// AUTH while messages go on.
  mutating func proveAgain(
    _ auth: MQTTAuth, into out: inout ByteBuffer, events: inout [Event]
  ) throws(MQTTWireError) -> GodwitError? {
    guard self.isProving else { throw MQTTWireError(.protocolError, "AUTH unasked") }
    guard auth.reason == .success else { return self.authenticate(auth, into: &out) }
    self.isProving = false
    if let refusal = self.refusal(ofProof: auth.properties, into: &out) { return refusal }
    events.append(.reauthenticated)
    return nil
  }

  /// What to say to a server that does not show that it knows the password; `nil` when it does.
  mutating func refusal(
    ofProof properties: MQTTProperties, into out: inout ByteBuffer
  ) -> GodwitError? {
    let proof = properties.data(.authenticationData) ?? ByteBuffer()
    if let scram, scram.isProof(Array(proof.readableBytesView)) { return nil }
    self.complain(.notAuthorized, into: &out)
    return GodwitError(.notPermitted, "the server does not prove that it knows the user")
  }

  private func write(
    _ reason: MQTTReasonCode, _ data: ByteBuffer, into out: inout ByteBuffer
  ) {
    var auth = MQTTAuth(reason: reason)
    auth.properties.append(.authenticationMethod, SCRAMClient.method)
    auth.properties.append(.authenticationData, data)
    MQTTEncoder.encode(.auth(auth), self.plan.version, into: &out)
  }
}
