public import ArgumentParser
import Foundation
public import MQTTWire

/// What every client command is told about the server.
struct ConnectionOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "Where to connect: nats://, tls://, mqtt:// or mqtts://; the scheme chooses the protocol.",
      discussion: "Default: GODWIT_SERVER, else nats://127.0.0.1:4222.", valueName: "url"))
  var server: String?

  @Option(help: "The user's name. Default: GODWIT_USER.")
  var user: String?

  @Option(
    help: ArgumentHelp(
      "A file with the password on its first line. Default: GODWIT_PASSWORD.", valueName: "file"))
  var passwordFile: String?

  @Option(
    help: ArgumentHelp(
      "A file with a token for NATS on its first line. Default: GODWIT_TOKEN.", valueName: "file"))
  var tokenFile: String?

  @Option(help: ArgumentHelp("A file with the seed of a NATS nkey.", valueName: "file"))
  var nkeyFile: String?

  @Flag(help: "Encrypt the connection; --ca, --cert and the schemes tls and mqtts imply it.")
  var tls = false

  @Option(
    help: ArgumentHelp("Authorities to trust, PEM. Default: the system's.", valueName: "file"))
  var ca: String?

  @Option(help: ArgumentHelp("The client's certificate chain, PEM.", valueName: "file"))
  var cert: String?

  @Option(help: ArgumentHelp("The key of the client's certificate, PEM.", valueName: "file"))
  var key: String?

  @Flag(help: "Begin with the TLS handshake, before NATS' first line.")
  var tlsFirst = false

  @Option(help: "The client's name; MQTT's client identifier. Default: made up.")
  var name: String?

  @Option(
    help: ArgumentHelp(
      "The version of MQTT: 5, 3.1.1 or 3.1.", valueName: "version"))
  var mqttVersion = MQTTVersion.v5

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long connecting may take.", valueName: "seconds"))
  var connectTimeout = 5.0

  /// Reads files and environment into what a client needs.
  func configuration(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> ClientConfiguration {
    let url = self.server ?? environment["GODWIT_SERVER"] ?? "nats://127.0.0.1:4222"
    let address = try ServerAddress(url)
    var configuration = ClientConfiguration(address: address)
    configuration.user = self.user ?? address.user ?? environment["GODWIT_USER"]
    configuration.password =
      try self.passwordFile.map(OptionFile.firstLine) ?? address.password
      ?? environment["GODWIT_PASSWORD"]
    configuration.token =
      try self.tokenFile.map(OptionFile.firstLine) ?? environment["GODWIT_TOKEN"]
    if address.language == .nats, self.user == nil, address.password == nil,
      let token = address.user
    {
      configuration.user = nil
      configuration.token = token
    }
    if let file = self.nkeyFile { configuration.nkey = try NkeySeed(OptionFile.contents(file)) }
    configuration.name = self.name ?? "godwit-\(UniqueName.make())"
    configuration.mqttVersion = self.mqttVersion
    guard self.connectTimeout > 0, self.connectTimeout < 86_400 else {
      throw ClientError("--connect-timeout takes more than 0 and less than a day, in seconds")
    }
    configuration.connectTimeoutSeconds = self.connectTimeout
    let wantsTLS =
      self.tls || self.tlsFirst || address.usesTLS || self.ca != nil || self.cert != nil
    if wantsTLS {
      configuration.tls = ClientConfiguration.TLS(
        authorities: self.ca, certificate: self.cert, key: self.key, first: self.tlsFirst)
    }
    return configuration
  }
}

extension MQTTVersion: ExpressibleByArgument {
  /// Reads `5`, `3.1.1` or `3.1`.
  public init?(argument: String) {
    switch argument {
    case "5", "5.0": self = .v5
    case "3.1.1", "4": self = .v311
    case "3.1", "3": self = .v31
    default: return nil
    }
  }

  /// What the help lists.
  public static var allValueStrings: [String] { ["5", "3.1.1", "3.1"] }

  /// As it is written on the command line.
  public var defaultValueDescription: String {
    switch self {
    case .v5: "5"
    case .v311: "3.1.1"
    case .v31: "3.1"
    }
  }
}

extension MQTTQoS: ExpressibleByArgument {
  /// Reads `0`, `1` or `2`.
  public init?(argument: String) {
    guard let number = UInt8(argument) else { return nil }
    self.init(rawValue: number)
  }

  /// The number.
  public var defaultValueDescription: String { "\(self.rawValue)" }
}

/// Names that nobody else has.
enum UniqueName {
  /// Sixteen characters of base36, about 82 bits.
  static func make() -> String {
    let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz")
    return String((0..<16).map { _ in digits[Int.random(in: 0..<digits.count)] })
  }
}
