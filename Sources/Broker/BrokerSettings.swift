import GodwitEngine
import GodwitFrontEndKit
import GodwitStorage
import NIOSSL

/// Everything the broker is told, ready to be used.
public struct BrokerSettings: Sendable {
  /// All sections.
  public let file: SettingsFile
  /// Where to listen.
  public var listeners: [ListenerAddress]
  /// Where the admin server listens; `nil` for nowhere.
  public var admin: HostAndPort?
  /// What is logged: the name of a level.
  public var logLevel: String
  /// Where what must last is kept; `nil`, the default, for nowhere: it lasts as long as the
  /// process.
  public var dataFolder: String?
  /// The users of the users file.
  private(set) var moreUsers: [SettingsValues] = []
  /// What encrypted listeners offer.
  private(set) var tls: NIOSSLContext?
  /// Whether clients must show a certificate.
  private(set) var verifiesClients = false

  /// The settings of a file. Files that it names are not read yet, and open addresses not refused:
  /// `SettingsSource.load` does both.
  init(_ file: SettingsFile) throws(SettingsError) {
    self.file = file
    let texts = file["server"].texts("listen")
    var listeners: [ListenerAddress] = []
    for text in texts { listeners.append(try ListenerAddress(text, path: "server.listen")) }
    self.listeners = texts.isEmpty ? ListenerAddress.defaults : listeners
    self.logLevel = file["server"].text("log_level")
    let admin = file["admin"]
    if admin.bool("enabled") {
      guard let address = HostAndPort(admin.text("address")) else {
        throw SettingsError("admin.address", "must be of the form ADDRESS:PORT")
      }
      self.admin = address
    }
    guard admin.text("user").isEmpty == admin.text("password").isEmpty else {
      throw SettingsError("admin.password", "must be said together with admin.user")
    }
    for key in ["user", "password"] {
      _ = try AccessRules.User.prepared(admin.text(key), "admin.\(key)")
    }
  }

  /// How files are kept.
  var store: StoreSettings {
    let storage = self.file["storage"]
    var store = StoreSettings()
    switch storage.text("sync") {
    case "always": store.sync = .always
    case "never": store.sync = .never
    default: store.sync = .interval(Int64(storage.double("sync_interval_seconds") * 1_000_000_000))
    }
    store.segmentBytesMax = storage.int("segment_bytes_max")
    store.cacheBytesMax = storage.int("cache_bytes_max")
    return store
  }

  /// Reads users, certificate and key.
  mutating func loadFiles() throws(BrokerError) {
    let tls = try TLSFiles(self.file)
    self.tls = tls.context
    self.verifiesClients = tls.verifiesClients
    try self.loadUsers()
    for listener in self.listeners where listener.transport.isEncrypted && self.tls == nil {
      throw BrokerError("\(listener): needs tls.certificate and tls.key in the settings")
    }
  }

  private mutating func loadUsers() throws(BrokerError) {
    let path = self.file.path(self.file["access"].text("users_file"))
    guard !path.isEmpty else { return }
    let text = try TextFile.text(path)
    do throws(SettingsError) {
      self.moreUsers = try UsersFile(yaml: text).checked()
    } catch {
      throw BrokerError("\(path): \(error)")
    }
  }

  // MARK: Who gets in

  /// Whether anybody is asked who they are.
  private var hasUsers: Bool {
    let access = self.file["access"]
    return !access.maps("users").isEmpty || !access.text("token").isEmpty
      || !self.moreUsers.isEmpty
  }

  /// Whether clients without credentials get in.
  var isAnonymousAllowed: Bool {
    self.file.saysAnonymous ? self.file["access"].bool("anonymous") : !self.hasUsers
  }

  /// Whether the admin server asks who one is.
  var adminAsks: Bool {
    !self.file["admin"].text("password").isEmpty || !self.file["admin"].text("token").isEmpty
  }

  /// What other machines can reach must ask who they are, unless somebody said that it need not.
  func refuseOpenAddresses() throws(BrokerError) {
    let reason = "other machines can reach this address and nobody would be asked who they are"
    if !self.file.saysAnonymous, !self.hasUsers,
      let open = self.listeners.first(where: { !$0.isLoopback })
    {
      throw BrokerError(
        "\(open): \(reason); name users (access.users, or `godwit user add`), or allow it with "
          + "`access: {anonymous: true}`")
    }
    if let admin, !ListenerAddress.isLoopback(admin.host), !self.adminAsks {
      let address = BoundAddress(host: admin.host, port: admin.port)
      throw BrokerError(
        "admin=\(address): \(reason); say admin.user and admin.password, or admin.token")
    }
  }

  /// What an operator should know, as sentences.
  var notices: [String] {
    var notices: [String] = []
    if self.isAnonymousAllowed, let open = self.listeners.first(where: { !$0.isLoopback }) {
      notices.append("Anybody who can reach \(open) gets in without credentials.")
    }
    if !self.isAnonymousAllowed, !self.hasUsers {
      notices.append("Nobody can get in: access.anonymous is false and there are no users.")
    }
    let plain = (self.file["access"].maps("users") + self.moreUsers).filter {
      !$0.text("password").isEmpty && !PasswordHash.isText($0.text("password"))
    }
    if !plain.isEmpty {
      notices.append(
        "The settings hold \(plain.count == 1 ? "a password" : "\(plain.count) passwords") as "
          + "plain text; `godwit user add` prints a hash to use instead.")
    }
    return notices
  }

  /// Whether the admin server has a schema registry.
  var hasSchemaRegistry: Bool {
    self.admin != nil && self.file["admin"].bool("schema_registry")
  }

  // MARK: Limits

  /// Bounds of the engine.
  var engineLimits: EngineLimits {
    let limits = self.file["limits"]
    var result = EngineLimits.defaults
    result.subscriptionsMax = limits.int("subscriptions_max")
    result.patternLevelsMax = limits.int("pattern_levels_max")
    result.topicLevelsMax = limits.int("topic_levels_max")
    result.retainedMax = limits.int("retained_max")
    result.storedBytesMax = limits.int("stored_bytes_max")
    result.tenantStoredBytesMax = limits.int("tenant_stored_bytes_max")
    result.routesMax = limits.int("routes_max")
    result.routeBytesMax = limits.int("route_bytes_max")
    return result
  }

  /// Every bound that the settings set, for the admin pages.
  var statedLimits: [BrokerFacts.Limit] {
    SettingsFile.sections.flatMap { section in
      section.settings.compactMap { setting -> BrokerFacts.Limit? in
        guard case .integer = setting.kind, "_\(setting.key)_".contains("_max") else { return nil }
        return BrokerFacts.Limit(
          name: "\(section.name).\(setting.key)",
          value: .integer(self.file[section.name].int(setting.key)),
          meaning: setting.documentation)
      }
    }
  }

  /// What differs from `running` and needs a restart to come true.
  func waitingForRestart(since running: BrokerSettings) -> [String] {
    var names: [String] = []
    // A port that was free to choose stays the one that was chosen.
    if self.listeners != running.listeners { names.append("server.listen") }
    if self.admin != running.admin { names.append("admin.address") }
    if self.hasSchemaRegistry != running.hasSchemaRegistry {
      names.append("admin.schema_registry")
    }
    let (server, old) = (self.file["server"], running.file["server"])
    if server.text("name") != old.text("name") { names.append("server.name") }
    if server.bool("join_groups") != old.bool("join_groups") { names.append("server.join_groups") }
    if server.int("partition_loops") != old.int("partition_loops") {
      names.append("server.partition_loops")
    }
    if self.file["limits"] != running.file["limits"] { names.append("limits") }
    return names
  }
}
