import Crypto
public import GodwitEngine
import GodwitFrontEndKit
import GodwitWire

/// What is kept of a password: SCRAM-SHA-256 (RFC 5802, RFC 7677), in the text form
/// `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY` that PostgreSQL uses too, or SCRAM-SHA-512
/// in the same form.
///
/// One form serves both: a client that sends its password, and one that proves it by SCRAM.
public struct PasswordHash: Hashable, Sendable {
  /// The iteration count of new hashes: what RFC 7677 asks for at least.
  public static let iterations = 4_096
  private static let iterationsMax = 10_000_000

  /// Salt, count and keys.
  public let credential: SCRAMCredential

  /// The hash of `password`; takes milliseconds.
  ///
  /// - Parameters:
  ///   - salt: 16 random bytes unless given.
  ///   - iterations: how long guessing shall take.
  ///   - hash: SHA-256 unless given.
  public init(
    password: [UInt8], salt: [UInt8]? = nil, iterations: Int = PasswordHash.iterations,
    hash: SCRAMHash = .sha256
  ) {
    let salt = salt ?? (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    let salted =
      switch hash {
      case .sha256:
        Self.salted(password, salt: salt, iterations: iterations, by: HMAC<SHA256>.self)
      case .sha512:
        Self.salted(password, salt: salt, iterations: iterations, by: HMAC<SHA512>.self)
      }
    self.credential = SCRAMCredential(
      hash: hash, salt: salt, iterations: iterations, saltedPassword: salted)
  }

  /// What is kept already.
  public init(_ credential: SCRAMCredential) {
    self.credential = credential
  }

  /// Whether `text` looks like the text form, whole or not.
  static func isText(_ text: String) -> Bool { Self.hash(of: text) != nil }

  private static func hash(of text: String) -> SCRAMHash? {
    SCRAMHash.allCases.first { text.hasPrefix($0.rawValue + "$") }
  }

  /// Reads the text form; `nil` when it is not one.
  public init?(_ text: String) {
    guard let hash = Self.hash(of: text) else { return nil }
    let parts = text.dropFirst(hash.rawValue.count + 1).split(separator: "$")
    guard parts.count == 2 else { return nil }
    let first = parts[0].split(separator: ":")
    let second = parts[1].split(separator: ":")
    guard first.count == 2, second.count == 2, let iterations = Int(first[0]),
      iterations >= 1, iterations <= Self.iterationsMax,
      let salt = Base64.decode(Array(first[1].utf8)), !salt.isEmpty,
      let stored = Base64.decode(Array(second[0].utf8)), stored.count == hash.byteCount,
      let server = Base64.decode(Array(second[1].utf8)), server.count == hash.byteCount
    else { return nil }
    self.credential = SCRAMCredential(
      hash: hash, salt: salt, iterations: iterations, storedKey: stored, serverKey: server)
  }

  /// The text form.
  public var text: String {
    let credential = self.credential
    return "\(credential.hash.rawValue)$\(credential.iterations):\(Self.base64(credential.salt))"
      + "$\(Self.base64(credential.storedKey)):\(Self.base64(credential.serverKey))"
  }

  /// Whether `password` is the one; takes milliseconds, and as long for a wrong one.
  public func verifies(_ password: [UInt8]) -> Bool {
    let other = PasswordHash(
      password: password, salt: self.credential.salt, iterations: self.credential.iterations,
      hash: self.credential.hash)
    // Digests compare in constant time. HMAC fills its key up with zeros, so that a password and
    // the same with NUL after it have one hash; SASLprep (RFC 4013) has no NUL at all.
    return SHA256.hash(data: other.credential.storedKey)
      == SHA256.hash(data: self.credential.storedKey) && password.last != 0
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    Base64.encode(bytes)
  }

  /// `Hi` of RFC 5802, section 2.2: PBKDF2 with one block.
  private static func salted<H: HashFunction>(
    _ password: [UInt8], salt: [UInt8], iterations: Int, by _: HMAC<H>.Type
  ) -> [UInt8] {
    let key = SymmetricKey(data: password)
    var block = Array(HMAC<H>.authenticationCode(for: salt + [0, 0, 0, 1], using: key))
    var result = block
    for _ in 1..<max(1, iterations) {
      block = Array(HMAC<H>.authenticationCode(for: block, using: key))
      for index in result.indices { result[index] ^= block[index] }
    }
    return result
  }
}
