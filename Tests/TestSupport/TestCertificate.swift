import Crypto

/// A self-signed certificate for one host, made on the spot.
public struct TestCertificate: Sendable {
  /// The certificate, in PEM form.
  public let certificate: String
  /// Its key, in PEM form.
  public let key: String

  /// A certificate for `host`, as its common name and as a name of the server.
  public init(host: String) throws {
    let key = P256.Signing.PrivateKey()
    self.key = key.pemRepresentation
    let ecdsaWithSHA256 = DER.sequence(DER.identifier([0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2]))
    let name = DER.sequence(
      DER.tagged(
        0x31,
        DER.sequence(DER.identifier([0x55, 4, 3]) + DER.tagged(0x0C, Array(host.utf8)))))
    let validity = DER.sequence(
      DER.tagged(0x17, Array("200101000000Z".utf8)) + DER.tagged(0x17, Array("490101000000Z".utf8)))
    let facts = DER.sequence(
      DER.tagged(0xA0, DER.tagged(2, [2])) + DER.tagged(2, [1]) + ecdsaWithSHA256 + name + validity
        + name + Array(key.publicKey.derRepresentation)
        + DER.tagged(
          0xA3,
          DER.sequence(
            DER.sequence(
              DER.identifier([0x55, 0x1D, 0x11])
                + DER.tagged(4, DER.sequence(DER.tagged(0x82, Array(host.utf8))))))))
    let signature = try key.signature(for: facts).derRepresentation
    let whole = DER.sequence(facts + ecdsaWithSHA256 + DER.tagged(3, [0] + Array(signature)))
    self.certificate = """
      -----BEGIN CERTIFICATE-----
      \(Self.base64(whole))
      -----END CERTIFICATE-----

      """
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      var letters: [Character] = []
      for _ in 0..<4 {
        letters.insert(alphabet[bits & 63], at: 0)
        bits >>= 6
      }
      for index in 0..<(3 - group.count) { letters[3 - index] = "=" }
      text += String(letters)
      // Not behind the last: a PEM reader takes an empty line for the end.
      if start % 48 == 45, start + 3 < bytes.count { text += "\n" }
    }
    return text
  }
}

/// Just enough of X.690.
private enum DER {
  static func tagged(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    let count = content.count
    let length: [UInt8] =
      count < 128
      ? [UInt8(count)]
      : count < 256 ? [0x81, UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 255)]
    return [tag] + length + content
  }

  static func sequence(_ content: [UInt8]) -> [UInt8] { Self.tagged(0x30, content) }
  static func identifier(_ bytes: [UInt8]) -> [UInt8] { Self.tagged(6, bytes) }
}
