/// A broker's URL taken apart as far as every kind of broker agrees: servers and options.
///
/// What stands in it may be secret, so errors quote none of it but scheme and option names.
struct BrokerURL: Hashable {
  /// The most characters of a URL.
  static let bytesMax = 16_384

  /// A URL per server, without a query.
  var servers: [String]
  /// The options of the query, percent-decoded.
  var options: [String: String]

  init(_ text: String) throws(GodwitError) {
    guard text.utf8.count <= Self.bytesMax, !text.utf8.contains(where: { $0 <= 0x20 }) else {
      throw GodwitError(.invalidArgument, "a broker's URL with a space, or far too long")
    }
    guard let scheme = Self.scheme(of: text) else {
      throw GodwitError(.invalidArgument, "a broker's URL without a scheme, such as 'nats:'")
    }
    guard !text.contains("#") else {
      throw GodwitError(.invalidArgument, "a broker's URL with '#', which means nothing there")
    }
    let halves = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    self.servers = try Self.servers(in: halves[0], scheme: scheme)
    self.options = [:]
    guard halves.count > 1 else { return }
    for pair in halves[1].split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw GodwitError(.invalidArgument, "an option of a broker's URL has no value")
      }
      let name = try Self.decoded(parts[0])
      guard self.options.updateValue(try Self.decoded(parts[1]), forKey: name) == nil else {
        throw GodwitError(.invalidArgument, "the option '\(name)' stands twice in a URL")
      }
    }
  }

  /// The scheme in lower case; `nil` when there is none.
  static func scheme(of text: String) -> String? {
    guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return nil }
    let scheme = text[..<colon]
    let isScheme = scheme.utf8.enumerated().allSatisfy { index, byte in
      switch byte | 0x20 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"): index > 0
      case UInt8(ascii: "."): index > 0
      default: false
      }
    }
    return isScheme ? scheme.lowercased() : nil
  }

  /// The servers of a list divided by commas. Those without a scheme have that of the first, and
  /// its user when they name none.
  private static func servers(
    in text: Substring, scheme: String
  ) throws(GodwitError) -> [String] {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count > 1 else { return [String(text)] }
    guard !parts.contains(where: \.isEmpty) else {
      throw GodwitError(.invalidArgument, "an empty place in the list of a URL's servers")
    }
    let login = Self.login(of: parts[0])
    return parts.map { part in
      if Self.authority(of: part) != nil { return String(part) }
      return "\(scheme)://\(part.contains("@") ? "" : login)\(part)"
    }
  }

  /// `user:password@` of a URL, as it stands there; empty without one.
  private static func login(of url: Substring) -> Substring {
    guard let authority = self.authority(of: url) else { return "" }
    guard let at = authority.lastIndex(of: "@") else { return "" }
    return authority[...at]
  }

  /// What stands between `//` and the path.
  private static func authority(of url: Substring) -> Substring? {
    guard let colon = url.firstIndex(of: ":") else { return nil }
    let rest = url[url.index(after: colon)...]
    guard rest.hasPrefix("//") else { return nil }
    return rest.dropFirst(2).prefix { $0 != "/" }
  }

  private static func decoded(_ text: Substring) throws(GodwitError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let digits = String(rest.prefix(2)), digits.utf8.count == 2,
        digits.allSatisfy(\.isHexDigit), let decoded = UInt8(digits, radix: 16)
      else {
        throw GodwitError(.invalidArgument, "a broker's URL with a '%' that encodes nothing")
      }
      bytes.append(decoded)
      rest = rest.dropFirst(2)
    }
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw GodwitError(.invalidArgument, "a broker's URL with a '%' that encodes no text")
    }
    return string
  }
}
