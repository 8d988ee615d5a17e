import Glibc

/// Addresses that begin with the same bits, as in `10.0.0.0/8`.
struct AddressRange: Hashable, Sendable {
  private let bytes: [UInt8]
  private let bits: Int

  /// Reads an address with or without a prefix length.
  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let bytes = Self.bytes(String(parts[0])) else { return nil }
    self.bytes = bytes
    if parts.count == 2 {
      guard let bits = Int(parts[1]), bits >= 0, bits <= bytes.count * 8 else { return nil }
      self.bits = bits
    } else {
      self.bits = bytes.count * 8
    }
  }

  /// Whether `address` is one of them.
  func contains(_ address: String) -> Bool {
    guard let other = Self.bytes(address), other.count == self.bytes.count else { return false }
    let whole = self.bits / 8
    guard self.bytes[..<whole] == other[..<whole] else { return false }
    let rest = self.bits % 8
    guard rest > 0 else { return true }
    let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
    return self.bytes[whole] & mask == other[whole] & mask
  }

  private static func bytes(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
    guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
    // An IPv4 client on an IPv6 socket.
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
    return Array(bytes.prefix(12)) == mapped ? Array(bytes.suffix(4)) : bytes
  }
}
