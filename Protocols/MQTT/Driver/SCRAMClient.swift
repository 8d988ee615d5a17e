import Crypto
import Godwit
import GodwitWire

/// A user and a password that is proven and not shown.
struct SCRAMCredentials: Sendable {
  var user: String
  var password: String
}

/// The client's half of a SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), without channel binding.
struct SCRAMClient: Sendable {
  /// The method's name in MQTT and SASL.
  static let method = "SCRAM-SHA-256"
  /// The longest server message that is read.
  private static let bytesMax = 4_096
  /// The most rounds of hashing that a server may ask for: a second's work, not an hour's.
  static let iterationsMax = 600_000
  /// The fewest (RFC 7677, 4).
  static let iterationsMin = 4_096

  private let credentials: SCRAMCredentials
  private let nonce: String
  private var expected: [UInt8]?
  /// A salted password that was computed before, since it takes long.
  private(set) var salted: (salt: [UInt8], iterations: Int, key: [UInt8])?

  /// - Parameter nonce: printable, without commas.
  init(_ credentials: SCRAMCredentials, nonce: String, salted: Self? = nil) {
    self.credentials = credentials
    self.nonce = nonce
    self.salted = salted?.salted
  }

  private var firstBare: String {
    let name = self.credentials.user.replacing("=", with: "=3D").replacing(",", with: "=2C")
    return "n=\(name),r=\(self.nonce)"
  }

  /// The first message.
  var first: String { "n,,\(self.firstBare)" }

  /// Answers the server's challenge.
  ///
  /// - Throws: `notPermitted` when it cannot be one.
  mutating func answer(_ challenge: [UInt8]) throws(GodwitError) -> String {
    guard challenge.count <= Self.bytesMax,
      let text = String(validating: challenge, as: UTF8.self)
    else { throw Self.unreadable }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count >= 3, parts[0].hasPrefix("r="), parts[1].hasPrefix("s="),
      parts[2].hasPrefix("i="), let salt = Base64.decode(parts[1].dropFirst(2).utf8),
      let iterations = Int(parts[2].dropFirst(2))
    else { throw Self.unreadable }
    let nonce = parts[0].dropFirst(2)
    guard nonce.hasPrefix(self.nonce), nonce.utf8.count > self.nonce.utf8.count else {
      throw GodwitError(.notPermitted, "the server answers another login's nonce")
    }
    guard (Self.iterationsMin...Self.iterationsMax).contains(iterations), !salt.isEmpty else {
      throw GodwitError(.notPermitted, "the server asks for \(iterations) iterations of SCRAM")
    }
    let key = self.saltedPassword(salt, iterations)
    let clientKey = Self.mac(Array("Client Key".utf8), key: key)
    let storedKey = Array(SHA256.hash(data: clientKey))
    let withoutProof = "c=\(Base64.encode(Array("n,,".utf8))),r=\(nonce)"
    let message = Array("\(self.firstBare),\(text),\(withoutProof)".utf8)
    let signature = Self.mac(message, key: storedKey)
    let proof = zip(clientKey, signature).map { $0 ^ $1 }
    self.expected = Self.mac(message, key: Self.mac(Array("Server Key".utf8), key: key))
    return "\(withoutProof),p=\(Base64.encode(proof))"
  }

  /// Whether the server has proven that it knows the user.
  func isProof(_ final: [UInt8]) -> Bool {
    guard let expected, final.count <= Self.bytesMax,
      let text = String(validating: final, as: UTF8.self), text.hasPrefix("v="),
      let proof = Base64.decode(text.dropFirst(2).prefix { $0 != "," }.utf8),
      proof.count == expected.count
    else { return false }
    return zip(proof, expected).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static var unreadable: GodwitError {
    GodwitError(.notPermitted, "the server's SCRAM challenge cannot be read")
  }

  /// `Hi` of RFC 5802, 2.2.
  private mutating func saltedPassword(_ salt: [UInt8], _ iterations: Int) -> [UInt8] {
    if let salted, salted.salt == salt, salted.iterations == iterations { return salted.key }
    let key = SymmetricKey(data: Array(self.credentials.password.utf8))
    var block = Array(HMAC<SHA256>.authenticationCode(for: salt + [0, 0, 0, 1], using: key))
    var result = block
    for _ in 1..<max(iterations, 2) {
      block = Array(HMAC<SHA256>.authenticationCode(for: block, using: key))
      for index in result.indices { result[index] ^= block[index] }
    }
    self.salted = (salt, iterations, result)
    return result
  }

  private static func mac(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
  }
}
