import ArgumentParser
import Foundation

/// Where the admin server is, and who asks.
struct AdminOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The broker's admin server. Default: GODWIT_ADMIN, else 127.0.0.1:8222.",
      valueName: "host:port"))
  var admin: String?

  @Option(help: "The user's name. Default: GODWIT_USER.")
  var user: String?

  @Option(
    help: ArgumentHelp(
      "A file with the password on its first line. Default: GODWIT_PASSWORD.", valueName: "file"))
  var passwordFile: String?

  @Option(
    help: ArgumentHelp(
      "A file with a token on its first line. Default: GODWIT_TOKEN.", valueName: "file"))
  var tokenFile: String?

  @Option(help: "Whose streams.")
  var tenant = "default"

  /// What asks.
  func client(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> AdminClient {
    var client = try AdminClient(self.admin ?? environment["GODWIT_ADMIN"] ?? "127.0.0.1:8222")
    let token = try self.tokenFile.map(OptionFile.firstLine) ?? environment["GODWIT_TOKEN"]
    if let user = self.user ?? environment["GODWIT_USER"] {
      let password =
        try self.passwordFile.map(OptionFile.firstLine) ?? environment["GODWIT_PASSWORD"] ?? ""
      client.authorization =
        "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    } else if let token, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
      client.authorization = "Bearer \(token)"
    }
    return client
  }

  private static let unescaped = CharacterSet(
    charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")

  /// A path of the admin server, about the tenant.
  ///
  /// - Parameter root: what it begins with.
  func path(
    _ parts: [String], _ query: [(name: String, value: String?)] = [],
    root: String = "/api/streams"
  ) -> String {
    func escaped(_ text: String) -> String {
      text.addingPercentEncoding(withAllowedCharacters: Self.unescaped) ?? ""
    }
    let all = [(name: "tenant", value: Optional(self.tenant))] + query
    let pairs = all.compactMap { pair in pair.value.map { "\(pair.name)=\(escaped($0))" } }
    return ([root] + parts.map(escaped)).joined(separator: "/") + "?"
      + pairs.joined(separator: "&")
  }
}
