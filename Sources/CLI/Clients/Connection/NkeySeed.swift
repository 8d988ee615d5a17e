import Crypto
import GodwitWire
import NATSWire

/// The private half of a NATS nkey: `SU` and 56 more characters of base32.
struct NkeySeed: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  /// Reads the text form of a user's seed, blanks around it ignored.
  ///
  /// The text may be a credentials file's too: the first line that begins with `SU` counts.
  init(_ text: String) throws(ClientError) {
    let line = text.split(whereSeparator: \.isNewline)
      .map { $0.filter { !$0.isWhitespace } }.first { $0.hasPrefix("SU") }
    guard let line, let bytes = Self.base32(line.utf8), bytes.count == 36,
      let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes[2..<34])
    else { throw ClientError("the nkey file holds no seed of a user (58 characters from SU on)") }
    self.key = key
  }

  /// The public key, as CONNECT's `nkey`.
  var publicKey: String {
    let bytes = Array(self.key.publicKey.rawRepresentation)
    return NATSNkey(role: .user, publicKey: bytes)?.text ?? ""
  }

  /// The signature of a server's nonce, as CONNECT's `sig`.
  func signature(of nonce: String) throws(ClientError) -> String {
    guard let signature = try? self.key.signature(for: Array(nonce.utf8)) else {
      throw ClientError("the server's nonce could not be signed")
    }
    return Base64.encodeURL(Array(signature))
  }

  private static func base32(_ text: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    for character in text {
      let digit: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = character - UInt8(ascii: "A")
      case UInt8(ascii: "2")...UInt8(ascii: "7"): digit = character - UInt8(ascii: "2") + 26
      default: return nil
      }
      bits = bits << 5 | UInt32(digit)
      bitCount += 5
      guard bitCount >= 8 else { continue }
      bitCount -= 8
      bytes.append(UInt8(bits >> bitCount & 0xFF))
      bits &= (1 << bitCount) - 1
    }
    return bytes
  }
}
