public import GodwitEngine
public import GodwitPrimitives
public import Logging

/// What a front end is given.
public struct FrontEndContext {
  /// The loop, with the engine.
  public let loop: Loop
  /// Who decides who gets in; replaced when the settings are read again.
  public let access: AccessControl
  /// Where rare events are logged. Never on the message path.
  public let logger: Logger
  /// The server's own name.
  public let serverName: String
  /// The server's version, such as `0.1.0`.
  public let version: String
  /// How groups are told apart.
  public let groupNames: GroupNames

  /// What a front end is given.
  public init(
    loop: Loop, access: AccessControl, logger: Logger, serverName: String, version: String,
    groupNames: GroupNames = GroupNames()
  ) {
    self.loop = loop
    self.access = access
    self.logger = logger
    self.serverName = serverName
    self.version = version
    self.groupNames = groupNames
  }
}

/// Holds today's authenticator.
public final class AccessControl {
  /// Who decides who gets in.
  public var authenticator: any Authenticator
  /// The tenant of those for whom nothing else is said, which is the operator's own: it is shown
  /// figures of the whole process.
  public var defaultTenant = "default"
  /// Users that clients have made.
  public let users = UserDirectory()

  /// Starts with `authenticator`.
  public init(_ authenticator: any Authenticator) {
    self.authenticator = authenticator
  }

  /// Asks today's authenticator. When the settings were read again before it answered, who is let
  /// in must be welcome under the new ones, too.
  public func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    let asked = self.authenticator
    asked.authenticate(credentials, peer: peer) { result in
      guard case .success(let principal) = result, self.authenticator !== asked else {
        completion(result)
        return
      }
      let today = self.authenticator.refresh(principal, peer: peer)
      completion(today.map { .success($0) } ?? .failure(.badCredentials))
    }
  }
}

/// One protocol, as the broker sees it. The broker's list of front ends is the only place that
/// names them.
public protocol FrontEnd: AnyObject {
  /// The protocol's name, such as `mqtt`: its section in the settings, its prefix in metrics, its
  /// listeners' names.
  static var name: String { get }
  /// The section of the settings that is the protocol's own.
  static var settings: SettingsSection { get }
  /// The ports that the protocol listens on when nothing else is said.
  static var defaultPorts: [Transport: Int] { get }
  /// How patterns are written; `nil`, the default, where the protocol has none.
  static var wildcards: WildcardSyntax? { get }

  /// Makes the front end.
  ///
  /// - Throws: `SettingsError` when a value makes no sense.
  init(_ context: FrontEndContext, values: SettingsValues) throws(SettingsError)

  /// How the protocol travels in WebSocket frames; `nil` when it does not.
  var webSocket: WebSocketRules? { get }
  /// Whether plain connections may be upgraded by `Connection.startTLS`: the listener's certificate
  /// is then offered on its plain port too.
  var upgradesToTLS: Bool { get }
  /// Whether the protocol's encrypted TCP listeners begin in the clear: the session speaks first
  /// and then calls `Connection.startTLS`. Read for each connection. Default `false`.
  var beginsTLSItself: Bool { get }
  /// How many seconds a TLS or WebSocket handshake may take.
  var handshakeSeconds: Double { get }

  /// The tenants have what their stores have kept, and nobody is connected: takes up what this
  /// protocol left there. Not called without a data folder. Default: nothing.
  func restore()
  /// A session for a new connection.
  func makeSession(for connection: Connection) -> Session
  /// The bytes that say farewell to a connection that is one too many; may be empty.
  var farewellWhenFull: [UInt8] { get }

  /// All listeners are bound: the addresses by transport.
  func started(listeners: [Transport: BoundAddress])
  /// The admin server is bound to this address; never called when there is none. Default: nothing.
  func started(admin: BoundAddress)
  /// The settings were read again. Values that cannot change while running stay as they are.
  func reload(values: SettingsValues) throws(SettingsError)
  /// The server is about to stop: tell the clients, let them go, and call `done` when none of this
  /// protocol's sessions need any more time. The server ends them all after its grace period.
  func drain(done: @escaping () -> Void)

  /// What the admin API shows of this protocol.
  var adminRoutes: [AdminRoute] { get }
  /// Figures for `/metrics`.
  var metrics: [Metric] { get }
  /// The groups of readers that this protocol keeps for a tenant, in any order, without those that
  /// streams have of themselves. Default: none.
  func groups(of tenant: Tenant) -> [ReaderGroup]
  /// How a canonical topic is called in this protocol; `nil` when it cannot be said, with why.
  func spell(_ topic: [UInt8]) -> Result<String, NameError>
  /// The canonical topic of a name in this protocol.
  func canonical(_ name: String) -> Result<[UInt8], NameError>
  /// What a subscription to `text`, in this protocol's own spelling, matches.
  func pattern(_ text: String) -> Result<TopicPattern, NameError>
  /// What stands before the topic proper in a name that asks for more than a topic, such as
  /// `$share/group/`; `nil` when nothing does. Default `nil`.
  static func prefix(of name: String) -> NamePrefix?
  /// The raw bytes of a user's public key, in the text form that this protocol's people use; `nil`
  /// when it has none, or the text is not one. Default `nil`.
  static func publicKey(_ text: String) -> [UInt8]?
}

extension FrontEnd {
  /// The handshake comes before the session.
  public var beginsTLSItself: Bool { false }
  /// Nothing was left.
  public func restore() {}
  /// Nobody asks.
  public func started(admin: BoundAddress) {}
  /// There are none.
  public func groups(of tenant: Tenant) -> [ReaderGroup] { [] }
  /// Names are topics.
  public static func prefix(of name: String) -> NamePrefix? { nil }
  /// There are no such keys.
  public static func publicKey(_ text: String) -> [UInt8]? { nil }
}

extension FrontEnd {
  /// No patterns.
  public static var wildcards: WildcardSyntax? { nil }
}

/// The part of a name that is no topic, and what it means.
public struct NamePrefix: Hashable, Sendable {
  /// The part itself, as in `$share/g/`.
  public var text: String
  /// What it means, for people.
  public var meaning: String

  /// A prefix.
  public init(_ text: String, meaning: String) {
    self.text = text
    self.meaning = meaning
  }
}

/// Why a name cannot be said in a protocol.
public struct NameError: Error, Hashable, Sendable {
  /// Why, for people.
  public let reason: String

  /// A reason.
  public init(_ reason: String) {
    self.reason = reason
  }
}

/// An address that a listener got.
public struct BoundAddress: Hashable, Sendable, CustomStringConvertible {
  /// The address without the port.
  public let host: String
  /// The port, as the system chose it.
  public let port: Int

  /// An address.
  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// As in `127.0.0.1:4222` and `[::1]:4222`.
  public var description: String {
    self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
  }
}

/// One figure for `/metrics`, in the terms of Prometheus' text format.
public struct Metric: Sendable {
  /// What kind of figure it is.
  public enum Kind: String, Sendable {
    /// Only grows.
    case counter
    /// Goes up and down.
    case gauge
  }
  /// The name, such as `godwit_nats_messages_in_total`.
  public var name: String
  /// What it means.
  public var help: String
  /// What kind it is.
  public var kind: Kind
  /// Labels and values; one sample without labels in the simple case.
  public var samples: [(labels: [(String, String)], value: Double)]

  /// A figure with one sample.
  public init(_ name: String, _ help: String, _ kind: Kind, _ value: Double) {
    self.name = name
    self.help = help
    self.kind = kind
    self.samples = [([], value)]
  }

  /// A figure with labelled samples.
  public init(
    _ name: String, _ help: String, _ kind: Kind,
    samples: [(labels: [(String, String)], value: Double)]
  ) {
    self.name = name
    self.help = help
    self.kind = kind
    self.samples = samples
  }
}
