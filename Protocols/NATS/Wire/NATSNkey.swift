/// The text form of Ed25519 public keys in NATS: a prefix byte that names the role, 32 bytes of
/// key, a CRC-16, all in base32 without padding (56 characters).
public struct NATSNkey: Hashable, Sendable {
  /// What a key stands for: the first character of its text.
  public enum Role: UInt8, Sendable {
    /// `A…`
    case account = 0x00
    /// `C…`
    case cluster = 0x10
    /// `N…`
    case server = 0x68
    /// `O…`
    case `operator` = 0x70
    /// `U…`
    case user = 0xA0
    /// `X…`
    case curve = 0xB8
  }

  /// What the key stands for.
  public let role: Role
  /// The 32 bytes of the public key.
  public let publicKey: [UInt8]

  /// Makes a key; `nil` unless it is 32 bytes.
  public init?(role: Role, publicKey: [UInt8]) {
    guard publicKey.count == 32 else { return nil }
    self.role = role
    self.publicKey = publicKey
  }

  /// Reads the text form; `nil` when length, alphabet, role or checksum is wrong.
  public init?(_ text: String) {
    guard text.utf8.count == 56, let bytes = Self.base32(text.utf8), bytes.count == 35,
      let role = Role(rawValue: bytes[0]),
      Self.checksum(bytes[..<33]) == UInt16(bytes[33]) | UInt16(bytes[34]) << 8
    else { return nil }
    self.role = role
    self.publicKey = Array(bytes[1..<33])
  }

  /// The text form.
  public var text: String {
    var bytes = [self.role.rawValue] + self.publicKey
    let checksum = Self.checksum(bytes[...])
    bytes.append(UInt8(checksum & 0xFF))
    bytes.append(UInt8(checksum >> 8))
    var text: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      bitCount += 8
      while bitCount >= 5 {
        bitCount -= 5
        let digit = UInt8(bits >> UInt32(bitCount) & 0x1F)
        text.append(digit < 26 ? UInt8(ascii: "A") + digit : UInt8(ascii: "2") + digit - 26)
      }
      bits &= 0x1F
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The 32 bytes of a user's seed, from its text form (`SU…`, 58 characters); `nil` when length,
  /// alphabet, role or checksum is wrong.
  public static func userSeed(_ text: String) -> [UInt8]? {
    guard text.utf8.count == 58, let bytes = self.base32(text.utf8), bytes.count == 36,
      // Five bits say that it is a seed, the next eight whose.
      bytes[0] == 0x90 | Role.user.rawValue >> 5, bytes[1] == (Role.user.rawValue & 31) << 3,
      self.checksum(bytes[..<34]) == UInt16(bytes[34]) | UInt16(bytes[35]) << 8
    else { return nil }
    return Array(bytes[2..<34])
  }

  private static func base32(_ text: String.UTF8View) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for character in text {
      let digit: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = character - UInt8(ascii: "A")
      case UInt8(ascii: "2")...UInt8(ascii: "7"): digit = character - UInt8(ascii: "2") + 26
      default: return nil
      }
      bits = bits << 5 | UInt32(digit)
      bitCount += 5
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(bits >> UInt32(bitCount) & 0xFF))
        bits &= (1 << UInt32(bitCount)) - 1
      }
    }
    return bits == 0 ? bytes : nil
  }

  /// CRC-16 with polynomial 0x1021 and start value 0 (XMODEM).
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt16 {
    var crc: UInt16 = 0
    for byte in bytes {
      crc ^= UInt16(byte) << 8
      for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
    }
    return crc
  }
}
