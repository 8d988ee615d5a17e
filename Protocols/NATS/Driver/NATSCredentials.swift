import Crypto
public import Godwit
import GodwitWire
import NATSWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How a NATS client says who it is.
public enum NATSCredentials: Hashable, Sendable {
  /// It does not: anonymous, or by its TLS certificate.
  case none
  /// A user and a password.
  case user(String, password: String)
  /// A token.
  case token(String)
  /// The seed of a user's nkey: `SU` and 56 more characters. It never leaves the process; the
  /// server's nonce is signed with it.
  case nkey(seed: String)
  /// The text of a credentials file: a user's JWT and the seed of its nkey.
  case credentials(String)

  /// The credentials of a file as `nsc` writes it.
  ///
  /// - Throws: `invalidArgument` when the file cannot be read.
  public static func credentialsFile(_ path: String) throws(GodwitError) -> Self {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw GodwitError(.invalidArgument, "the credentials file '\(path)' cannot be read")
    }
    return .credentials(text)
  }
}

/// What goes into CONNECT: the credentials taken apart, and what else a client says about itself.
struct NATSLogin: Sendable {
  private enum Proof {
    case none
    case user(String, String)
    case token(String)
    case key(Curve25519.Signing.PrivateKey, jwt: String?)
  }

  private let proof: Proof
  private let name: String

  /// - Throws: `invalidArgument` when a seed or a credentials file is none.
  init(_ credentials: NATSCredentials, name: String) throws(GodwitError) {
    self.name = name
    switch credentials {
    case .none: self.proof = .none
    case .user(let user, let password): self.proof = .user(user, password)
    case .token(let token): self.proof = .token(token)
    case .nkey(let seed): self.proof = .key(try Self.key(seed), jwt: nil)
    case .credentials(let text):
      guard let jwt = Self.block("USER JWT", of: text),
        let seed = Self.block("USER NKEY SEED", of: text)
      else {
        throw GodwitError(.invalidArgument, "the credentials hold no user's JWT and nkey seed")
      }
      self.proof = .key(try Self.key(seed), jwt: jwt)
    }
  }

  private static func key(_ seed: String) throws(GodwitError) -> Curve25519.Signing.PrivateKey {
    let seed = seed.filter { !$0.isWhitespace }
    guard let bytes = NATSNkey.userSeed(seed),
      let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
    else {
      throw GodwitError(
        .invalidArgument, "not the seed of a user's nkey (58 characters from SU on)")
    }
    return key
  }

  /// What stands between `-----BEGIN NATS name-----` and the line of dashes after it. Files have
  /// been written with other numbers of dashes, and servers read them.
  private static func block(_ name: String, of text: String) -> String? {
    var isInside = false
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.filter { $0 != " " && $0 != "\t" }
      if line.hasPrefix("---") {
        isInside = line.contains("BEGIN") && line.contains(name.filter { $0 != " " })
      } else if isInside, !line.isEmpty {
        return line
      }
    }
    return nil
  }

  /// The options of CONNECT for a server.
  func options(for info: NATSServerInfo, usesTLS: Bool) throws(GodwitError) -> NATSConnectOptions {
    var options = NATSConnectOptions()
    options.headers = true
    options.noResponders = true
    options.protocolVersion = 1
    options.language = "swift"
    options.version = "0.1.0"
    options.name = self.name
    options.tlsRequired = usesTLS
    switch self.proof {
    case .none: break
    case .user(let user, let password):
      options.user = user
      options.password = password
    case .token(let token): options.authToken = token
    case .key(let key, let jwt):
      guard let signature = try? key.signature(for: Array(info.nonce.utf8)) else {
        throw GodwitError(.notPermitted, "the server's nonce could not be signed")
      }
      options.signature = Base64.encodeURL(Array(signature))
      if let jwt {
        options.jwt = jwt
      } else {
        let bytes = Array(key.publicKey.rawRepresentation)
        options.nkey = NATSNkey(role: .user, publicKey: bytes)?.text ?? ""
      }
    }
    return options
  }
}
