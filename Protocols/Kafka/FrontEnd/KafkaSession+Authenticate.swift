import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore

/// A SASL exchange that is under way.
final class KafkaExchange {
  enum Mechanism: String, CaseIterable {
    case plain = "PLAIN"
    case scram256 = "SCRAM-SHA-256"
    case scram512 = "SCRAM-SHA-512"

    /// The hash function of a SCRAM exchange.
    var hash: SCRAMHash? { SCRAMHash(rawValue: rawValue) }
  }

  let mechanism: Mechanism
  /// Whether tokens come as bare frames, as after version 0 of the handshake.
  let isRaw: Bool
  var scram: SCRAMServer?
  /// What the client is told at the end.
  var finalToken: [UInt8] = []

  init(_ mechanism: Mechanism, isRaw: Bool) {
    self.mechanism = mechanism
    self.isRaw = isRaw
  }
}

/// What became of one token.
private enum KafkaTokenResult {
  case answer([UInt8])
  case check(Credentials)
  case refused
}

extension KafkaSession {
  // MARK: Handshake

  /// SaslHandshake: which mechanism it is to be.
  func handshake(_ request: KafkaSaslHandshake.Request, _ call: KafkaCall) {
    var response = KafkaSaslHandshake.Response()
    response.mechanisms = KafkaExchange.Mechanism.allCases.map(\.rawValue)
    if exchange != nil, stage != .serving {
      response.error = .illegalSASLState
      call.answer(KafkaSaslHandshake.self, response)
      return end(.authentication)
    }
    if let mechanism = KafkaExchange.Mechanism(rawValue: request.mechanism) {
      exchange = KafkaExchange(mechanism, isRaw: call.header.version == 0)
    } else {
      response.error = .unsupportedSASLMechanism
    }
    call.answer(KafkaSaslHandshake.self, response)
  }

  // MARK: Tokens

  /// SaslAuthenticate: a token with a header.
  func authenticate(_ request: KafkaSaslAuthenticate.Request, _ call: KafkaCall) {
    guard let exchange, !exchange.isRaw else {
      call.answer(
        KafkaSaslAuthenticate.self,
        .with {
          $0.error = .illegalSASLState
          $0.errorMessage = "SaslHandshake comes first"
        })
      return end(.authentication)
    }
    proceed(exchange, Array(request.authBytes.readableBytesView)) { token in
      call.answer(
        KafkaSaslAuthenticate.self,
        .with { response in
          guard let token else {
            response.error = .saslAuthenticationFailed
            response.errorMessage = "Authentication failed: wrong user name or password"
            return
          }
          response.authBytes = ByteBuffer(bytes: token)
        })
    }
  }

  /// A token as a frame of its own, answered by another. A wrong one has no answer but the end.
  func continueRaw(_ exchange: KafkaExchange, _ frame: ByteBuffer) {
    proceed(exchange, Array(frame.readableBytesView)) { token in
      guard let token else { return }
      var frame = ByteBuffer()
      frame.writeInteger(Int32(clamping: token.count))
      frame.writeBytes(token)
      self.connection.append(frame)
    }
  }

  /// One step of the exchange. `answer` gets the token for the client, or `nil` when it is refused.
  private func proceed(
    _ exchange: KafkaExchange, _ token: [UInt8], _ answer: @escaping ([UInt8]?) -> Void
  ) {
    switch step(exchange, token) {
    case .answer(let token): answer(token)
    case .refused: refuse(answer)
    case .check(let credentials):
      let before = principal
      stage = .authenticating
      server.context.access.authenticate(credentials, peer: identity) { result in
        guard self.stage == .authenticating else { return }
        self.exchange = nil
        switch result {
        case .success(let principal) where before == nil || before?.tenant === principal.tenant:
          self.adopt(principal)
          answer(exchange.finalToken)
          self.goOn()
        case .success, .failure: self.refuse(answer)
        }
      }
    // Whatever comes meanwhile waits; see `mayTake`.
    }
  }

  private func refuse(_ answer: ([UInt8]?) -> Void) {
    server.statistics.authenticationFailures &+= 1
    exchange = nil
    stage = .unknown
    answer(nil)
    end(.authentication)
  }

  private func step(_ exchange: KafkaExchange, _ token: [UInt8]) -> KafkaTokenResult {
    guard let hash = exchange.mechanism.hash else {
      guard let (user, password) = Self.plain(token) else { return .refused }
      return .check(.password(user: user, password: password))
    }
    do throws(SCRAMServer.Failure) {
      guard let scram = exchange.scram else {
        let authenticator = server.authenticator
        let scram = try SCRAMServer(first: token, nonce: SCRAMServer.makeNonce()) {
          authenticator.scramCredential(for: $0, hash: hash)
        }
        exchange.scram = scram
        return .answer(scram.challenge)
      }
      exchange.finalToken = try scram.finish(token)
      return .check(.verified(user: scram.userName, by: scram.credential))
    } catch {
      return .refused
    }
  }

  /// Whom to act for, user, and password, parted by NUL (RFC 4616). Nobody acts for another.
  private static func plain(_ token: [UInt8]) -> (user: String, password: [UInt8])? {
    let parts = token.split(separator: 0, omittingEmptySubsequences: false)
    guard parts.count == 3, let user = String(validating: parts[1], as: UTF8.self), !user.isEmpty,
      parts[0].isEmpty || parts[0] == parts[1], !parts[2].isEmpty
    else { return nil }
    return (user, Array(parts[2]))
  }
}
