import Crypto
public import GodwitEngine
import GodwitWire

extension SCRAMHash {
  /// HMAC of `message`.
  public func mac(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    let key = SymmetricKey(data: key)
    return switch self {
    case .sha256: Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
    case .sha512: Array(HMAC<SHA512>.authenticationCode(for: message, using: key))
    }
  }

  /// The hash of `message`.
  public func digest(_ message: [UInt8]) -> [UInt8] {
    switch self {
    case .sha256: Array(SHA256.hash(data: message))
    case .sha512: Array(SHA512.hash(data: message))
    }
  }
}

extension SCRAMCredential {
  /// What is kept of a password that was salted already (`SaltedPassword` of RFC 5802, section 3).
  public init(hash: SCRAMHash, salt: [UInt8], iterations: Int, saltedPassword: [UInt8]) {
    let clientKey = hash.mac(Array("Client Key".utf8), key: saltedPassword)
    self.init(
      hash: hash, salt: salt, iterations: iterations, storedKey: hash.digest(clientKey),
      serverKey: hash.mac(Array("Server Key".utf8), key: saltedPassword))
  }
}

/// The server's half of a SCRAM exchange (RFC 5802, RFC 7677), without channel binding. The hash
/// function is that of the stored credential.
///
/// Pure: the nonce and the stored credential are arguments. Nothing tells whether a user exists
/// before the proof was wrong.
public struct SCRAMServer {
  /// Why an exchange ends without success.
  public enum Failure: Error, Hashable {
    /// The client's message does not follow the RFC, or asks for what is not offered.
    case malformed
    /// The proof is wrong.
    case wrongProof
  }

  /// The method's name in MQTT and SASL.
  public static let method = "SCRAM-SHA-256"
  /// The longest client message that is read.
  private static let bytesMax = 4_096

  /// Who the client says it is.
  public let userName: String
  private let header: [UInt8]
  private let clientFirstBare: [UInt8]
  private let serverFirst: [UInt8]
  private let nonce: [UInt8]
  /// What the proof is checked against.
  public let credential: SCRAMCredential

  /// Reads the client's first message.
  ///
  /// - Parameters:
  ///   - first: the message.
  ///   - nonce: the server's part of the nonce, printable and without commas.
  ///   - credential: finds what is kept of a user's password.
  /// - Throws: `malformed`.
  public init(
    first: [UInt8], nonce serverNonce: String, credential find: (String) -> SCRAMCredential
  ) throws(Failure) {
    guard first.count <= Self.bytesMax, let text = String(validating: first, as: UTF8.self) else {
      throw .malformed
    }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    // gs2-header: no binding asked for, or the client could bind and sees that we do not.
    guard parts.count >= 4, parts[0] == "n" || parts[0] == "y",
      parts[1].isEmpty || parts[1].hasPrefix("a="), parts[2].hasPrefix("n="),
      parts[3].hasPrefix("r=")
    else { throw .malformed }
    guard let userName = Self.unescape(parts[2].dropFirst(2)) else { throw .malformed }
    if !parts[1].isEmpty {
      // Acting for somebody else is not offered.
      guard Self.unescape(parts[1].dropFirst(2)) == userName else { throw .malformed }
    }
    let clientNonce = parts[3].dropFirst(2)
    guard !clientNonce.isEmpty, clientNonce.utf8.allSatisfy({ $0 >= 0x21 && $0 <= 0x7E }) else {
      throw .malformed
    }
    self.userName = userName
    header = Array("\(parts[0]),\(parts[1]),".utf8)
    clientFirstBare = Array(parts[2...].joined(separator: ",").utf8)
    nonce = Array((clientNonce + serverNonce).utf8)
    credential = find(userName)
    let salt = Base64.encode(credential.salt)
    serverFirst = Array("r=\(clientNonce)\(serverNonce),s=\(salt),i=\(credential.iterations)".utf8)
  }

  /// The server's part of a nonce.
  public static func makeNonce() -> String {
    (0..<3).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
  }

  /// What the client is to answer.
  public var challenge: [UInt8] { serverFirst }

  /// Checks the client's final message.
  ///
  /// - Returns: the server's final message, which proves that it knows the user.
  /// - Throws: `malformed`, `wrongProof`.
  public func finish(_ final: [UInt8]) throws(Failure) -> [UInt8] {
    guard final.count <= Self.bytesMax, let text = String(validating: final, as: UTF8.self) else {
      throw .malformed
    }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count >= 3, parts[0].hasPrefix("c="), parts[1].hasPrefix("r="),
      let last = parts.last, last.hasPrefix("p="),
      Base64.decode(parts[0].dropFirst(2).utf8) == header,
      parts[1].dropFirst(2).utf8.elementsEqual(nonce),
      let proof = Base64.decode(last.dropFirst(2).utf8),
      proof.count == credential.hash.byteCount
    else { throw .malformed }
    let withoutProof = Array(parts.dropLast().joined(separator: ",").utf8)
    let comma = [UInt8(ascii: ",")]
    let message = clientFirstBare + comma + serverFirst + comma + withoutProof
    let signature = credential.hash.mac(message, key: credential.storedKey)
    let clientKey = zip(proof, signature).map { $0 ^ $1 }
    let stored = credential.hash.digest(clientKey)
    guard Self.isEqual(stored, credential.storedKey) else { throw .wrongProof }
    return Array("v=\(Base64.encode(credential.hash.mac(message, key: credential.serverKey)))".utf8)
  }

  /// Takes the same time wherever the first difference is.
  private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// A name in which `=2C` stands for a comma and `=3D` for an equals sign.
  private static func unescape(_ name: Substring) -> String? {
    guard !name.isEmpty else { return nil }
    var result = ""
    var rest = name
    while let character = rest.popFirst() {
      guard character == "=" else {
        result.append(character)
        continue
      }
      switch rest.prefix(2) {
      case "2C": result.append(",")
      case "3D": result.append("=")
      default: return nil
      }
      rest = rest.dropFirst(2)
    }
    return result
  }
}
