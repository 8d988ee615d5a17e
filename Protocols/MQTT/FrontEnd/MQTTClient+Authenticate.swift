import GodwitEngine
import GodwitFrontEndKit
import MQTTWire
import NIOCore

/// An exchange of AUTH packets that is under way (MQTT 5.0, 4.12).
struct MQTTAuthenticationExchange {
  /// The only method that is offered.
  var scram: SCRAMServer
}

extension MQTTClient {
  /// CONNECT named a method: begins the exchange.
  func beginExchange(_ method: String, _ data: ByteBuffer?, _ connect: MQTTConnect) {
    guard method == SCRAMServer.method,
      frontEnd.context.access.authenticator.requiresCredentials
    else {
      rejectConnect(.badAuthenticationMethod)
      return
    }
    guard let data, let scram = try? startSCRAM(data) else {
      rejectConnect(.notAuthorized, "the first message of the exchange is malformed")
      return
    }
    exchange = MQTTAuthenticationExchange(scram: scram)
    sendAuthentication(.continueAuthentication, scram.challenge)
  }

  private func startSCRAM(_ data: ByteBuffer) throws(SCRAMServer.Failure) -> SCRAMServer {
    let authenticator = frontEnd.context.access.authenticator
    return try SCRAMServer(
      first: Array(data.readableBytesView), nonce: SCRAMServer.makeNonce()
    ) {
      authenticator.scramCredential(for: $0, hash: .sha256)
    }
  }

  private func sendAuthentication(_ reason: MQTTReasonCode, _ data: [UInt8]) {
    var properties = MQTTProperties()
    properties.append(.authenticationMethod, SCRAMServer.method)
    properties.append(.authenticationData, ByteBuffer(bytes: data))
    send(.auth(MQTTAuth(reason: reason, properties: properties)))
  }

  /// AUTH (MQTT 5.0, 3.15).
  func authenticate(_ packet: MQTTPacket) throws(MQTTWireError) {
    guard case .auth(let auth) = packet else { return }
    // The method is that of CONNECT, in every packet (MQTT-4.12.0-5, MQTT-4.12.1-1).
    guard let method = authenticationMethod,
      auth.properties.text(.authenticationMethod) == method
    else {
      throw MQTTWireError(.protocolError, "not the authentication method of CONNECT")
    }
    let data = auth.properties.data(.authenticationData) ?? ByteBuffer()
    switch auth.reason {
    case .reauthenticate where phase == .connected && exchange == nil:
      guard let scram = try? startSCRAM(data) else {
        throw MQTTWireError(.notAuthorized, "the first message of the exchange is malformed")
      }
      exchange = MQTTAuthenticationExchange(scram: scram)
      sendAuthentication(.continueAuthentication, scram.challenge)
    case .continueAuthentication:
      guard let running = exchange else {
        throw MQTTWireError(.protocolError, "no authentication is under way")
      }
      try finish(running, data)
    default: throw MQTTWireError(.protocolError, "AUTH with a reason that makes no sense here")
    }
  }

  private func finish(
    _ running: MQTTAuthenticationExchange, _ data: ByteBuffer
  ) throws(MQTTWireError) {
    exchange = nil
    do throws(SCRAMServer.Failure) {
      finalAuthenticationData = try running.scram.finish(Array(data.readableBytesView))
    } catch {
      throw MQTTWireError(.notAuthorized, "authentication failed")
    }
    check(.verified(user: running.scram.userName, by: running.scram.credential))
  }

  /// A re-authentication came to its end: as whom the connection goes on may have changed, but not
  /// for which tenant.
  func reauthenticated(_ result: Result<Principal, AccessRefusal>) {
    guard let session, let old = principal else { return }
    switch result {
    case .failure(let refusal):
      disconnect(Self.reason(of: refusal), .authentication)
    case .success(let principal):
      guard principal.tenant === old.tenant, principal.name == old.name else {
        disconnect(.notAuthorized, .authentication)
        return
      }
      self.principal = principal
      memo?.forget()
      session.changePrincipal(principal)
      let last = finalAuthenticationData ?? []
      finalAuthenticationData = nil
      sendAuthentication(.success, last)
    }
  }
}
