import Crypto
public import GodwitEngine
import GodwitWire

/// What is kept of a password: SCRAM-SHA-256 (RFC 5802, RFC 7677), in the text form
/// `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY` that PostgreSQL uses too.
///
/// One form serves both: a client that sends its password, and one that proves it by SCRAM.
public struct PasswordHash: Hashable, Sendable {
  /// The iteration count of new hashes: what RFC 7677 asks for at least.
  public static let iterations = 4_096
  private static let iterationsMax = 10_000_000
  private static let prefix = "SCRAM-SHA-256$"

  /// Salt, count and keys.
  public let credential: SCRAMCredential

  /// The hash of `password`; takes milliseconds.
  ///
  /// - Parameters:
  ///   - salt: 16 random bytes unless given.
  ///   - iterations: how long guessing shall take.
  public init(
    password: [UInt8], salt: [UInt8]? = nil, iterations: Int = PasswordHash.iterations
  ) {
    let salt = salt ?? (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    let salted = Self.salted(password, salt: salt, iterations: iterations)
    self.credential = SCRAMCredential(
      salt: salt, iterations: iterations,
      storedKey: Array(SHA256.hash(data: Self.mac("Client Key", key: salted))),
      serverKey: Self.mac("Server Key", key: salted))
  }

  /// Reads the text form; `nil` when it is not one.
  public init?(_ text: String) {
    guard text.hasPrefix(Self.prefix) else { return nil }
    let parts = text.dropFirst(Self.prefix.count).split(separator: "$")
    guard parts.count == 2 else { return nil }
    let first = parts[0].split(separator: ":")
    let second = parts[1].split(separator: ":")
    guard first.count == 2, second.count == 2, let iterations = Int(first[0]),
      iterations >= 1, iterations <= Self.iterationsMax,
      let salt = Base64.decode(Array(first[1].utf8)), !salt.isEmpty,
      let stored = Base64.decode(Array(second[0].utf8)), stored.count == SHA256.byteCount,
      let server = Base64.decode(Array(second[1].utf8)), server.count == SHA256.byteCount
    else { return nil }
    self.credential = SCRAMCredential(
      salt: salt, iterations: iterations, storedKey: stored, serverKey: server)
  }

  /// The text form.
  public var text: String {
    let credential = self.credential
    return Self.prefix + "\(credential.iterations):\(Self.base64(credential.salt))"
      + "$\(Self.base64(credential.storedKey)):\(Self.base64(credential.serverKey))"
  }

  /// Whether `password` is the one; takes milliseconds, and as long for a wrong one.
  public func verifies(_ password: [UInt8]) -> Bool {
    let other = PasswordHash(
      password: password, salt: self.credential.salt, iterations: self.credential.iterations)
    // Digests compare in constant time. HMAC fills its key up with zeros, so that a password and
    // the same with NUL after it have one hash; SASLprep (RFC 4013) has no NUL at all.
    return SHA256.hash(data: other.credential.storedKey)
      == SHA256.hash(data: self.credential.storedKey) && password.last != 0
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    Base64.encode(bytes)
  }

  private static func mac(_ text: String, key: SymmetricKey) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
  }

  /// `Hi` of RFC 5802, section 2.2: PBKDF2 with HMAC-SHA-256 and one block.
  private static func salted(_ password: [UInt8], salt: [UInt8], iterations: Int) -> SymmetricKey {
    let key = SymmetricKey(data: password)
    var block = Array(HMAC<SHA256>.authenticationCode(for: salt + [0, 0, 0, 1], using: key))
    var result = block
    for _ in 1..<max(1, iterations) {
      block = Array(HMAC<SHA256>.authenticationCode(for: block, using: key))
      for index in result.indices { result[index] ^= block[index] }
    }
    return SymmetricKey(data: result)
  }
}
