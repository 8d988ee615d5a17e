public import Godwit

/// A URL of a server taken apart: `scheme://user:password@host:port/path`.
///
/// Errors never hold the user or the password.
public struct EndpointURL: Hashable, Sendable {
  /// The scheme in small letters.
  public var scheme: String
  /// The user, percent-decoded.
  public var user: String?
  /// The password, percent-decoded.
  public var password: String?
  /// The host, without an IPv6 address's brackets.
  public var host: String
  /// The port, when it is named.
  public var port: Int?
  /// The path, from its slash on; empty when there is none.
  public var path: String

  /// Takes a URL apart.
  ///
  /// - Parameter defaultScheme: the scheme of a text that has none.
  /// - Throws: `invalidArgument`.
  public init(_ text: String, defaultScheme: String) throws(GodwitError) {
    var rest = text[...]
    self.scheme = defaultScheme
    if let colon = rest.firstIndex(of: ":"), rest[colon...].hasPrefix("://") {
      self.scheme = rest[..<colon].lowercased()
      rest = rest[rest.index(colon, offsetBy: 3)...]
    }
    let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
    self.path = String(rest[authorityEnd...])
    rest = rest[..<authorityEnd]
    if let at = rest.lastIndex(of: "@") {
      let login = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      self.user = try Self.decoded(login[0])
      if login.count > 1 { self.password = try Self.decoded(login[1]) }
      rest = rest[rest.index(after: at)...]
    }
    let port: Substring?
    if rest.hasPrefix("["), let bracket = rest.firstIndex(of: "]") {
      self.host = String(rest[rest.index(after: rest.startIndex)..<bracket])
      let behind = rest[rest.index(after: bracket)...]
      guard behind.isEmpty || behind.hasPrefix(":") else {
        throw GodwitError(.invalidArgument, "a server's address with more than a port behind ']'")
      }
      port = behind.isEmpty ? nil : behind.dropFirst()
    } else if let colon = rest.lastIndex(of: ":") {
      self.host = String(rest[..<colon])
      port = rest[rest.index(after: colon)...]
    } else {
      self.host = String(rest)
      port = nil
    }
    guard !self.host.isEmpty, self.host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw GodwitError(.invalidArgument, "a server's URL without a host")
    }
    if let port {
      guard let number = Int(port), (1...65_535).contains(number) else {
        // Not quoted: behind a password's unencoded '/' this is half of the password.
        throw GodwitError(
          .invalidArgument,
          """
          a server's URL whose port is no number from 1 to 65535 (in a user or password '/', ':', \
          '@', '?' and ',' are written %2F, %3A, %40, %3F and %2C)
          """)
      }
      self.port = number
    }
  }

  private static func decoded(_ text: Substring) throws(GodwitError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(Self.digit),
        let low = rest.popFirst().flatMap(Self.digit)
      else {
        throw GodwitError(.invalidArgument, "a server's URL with a '%' that encodes nothing")
      }
      bytes.append(high << 4 | low)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
