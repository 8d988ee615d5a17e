import Foundation

/// Where a client connects to, and in which protocol: `nats://127.0.0.1:4222`,
/// `mqtts://user:word@broker.example:8883`.
struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
  /// The protocols that the clients speak.
  enum Language: String, Hashable, Sendable, CaseIterable {
    case nats = "NATS"
    case mqtt = "MQTT"
  }

  /// The protocol.
  var language = Language.nats
  /// Whether the connection is to be encrypted.
  var usesTLS = false
  /// A name or an address, without the brackets of IPv6.
  var host = "127.0.0.1"
  /// The port.
  var port = 4222
  /// The user in the URL.
  var user: String?
  /// The password in the URL; without a user, NATS takes the user for a token.
  var password: String?

  /// `host:port`, IPv6 in brackets.
  var description: String {
    self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
  }

  private struct Scheme {
    var name: String
    var language: Language
    var usesTLS: Bool
    var port: Int
  }

  private static let schemes = [
    Scheme(name: "nats", language: .nats, usesTLS: false, port: 4222),
    Scheme(name: "tls", language: .nats, usesTLS: true, port: 4222),
    Scheme(name: "mqtt", language: .mqtt, usesTLS: false, port: 1883),
    Scheme(name: "mqtts", language: .mqtt, usesTLS: true, port: 8883),
  ]

  /// Reads a URL; without a scheme it is NATS.
  init(_ text: String) throws(ClientError) {
    var rest = text[...]
    var scheme = Self.schemes[0]
    if let end = text.range(of: "://") {
      let name = text[..<end.lowerBound].lowercased()
      guard let known = Self.schemes.first(where: { $0.name == name }) else {
        let names = Self.schemes.map { "\($0.name)://" }.joined(separator: ", ")
        throw ClientError("`\(name)` is no scheme of a server; there are \(names)")
      }
      scheme = known
      rest = text[end.upperBound...]
    }
    self.language = scheme.language
    self.usesTLS = scheme.usesTLS
    self.port = scheme.port
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    if let at = rest.lastIndex(of: "@") {
      let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      self.user = String(parts[0]).removingPercentEncoding ?? String(parts[0])
      self.password = parts.count > 1 ? parts[1].removingPercentEncoding : nil
      rest = rest[rest.index(after: at)...]
    }
    let portText: Substring?
    if rest.hasPrefix("["), let bracket = rest.firstIndex(of: "]") {
      self.host = String(rest[rest.index(after: rest.startIndex)..<bracket])
      let behind = rest[rest.index(after: bracket)...]
      guard behind.isEmpty || behind.hasPrefix(":") else {
        throw ClientError("`\(text)` has more than a port behind the address in brackets")
      }
      portText = behind.isEmpty ? nil : behind.dropFirst()
    } else if let colon = rest.lastIndex(of: ":") {
      self.host = String(rest[..<colon])
      portText = rest[rest.index(after: colon)...]
    } else {
      self.host = String(rest)
      portText = nil
    }
    guard !self.host.isEmpty, !self.host.contains("/") else {
      throw ClientError("`\(text)` names no host; say it like nats://127.0.0.1:4222")
    }
    guard let portText else { return }
    guard let port = Int(portText), (1...65_535).contains(port) else {
      throw ClientError("`\(portText)` is no port; ports go from 1 to 65535")
    }
    self.port = port
  }
}
