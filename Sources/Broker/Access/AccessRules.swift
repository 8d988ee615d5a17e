import Crypto
import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitSASLprep

/// What `access` in the settings says, compiled.
struct AccessRules {
  /// One user.
  struct User {
    var name: String
    var password: PasswordHash?
    /// What else is kept of the password, by another hash function.
    var otherPassword: PasswordHash?
    /// A password that stands in the file as it is, hashed on first use.
    var plainPassword: [UInt8]?
    var publicKey: [UInt8]?
    /// The common name of the certificate that stands for the user; never empty.
    var certificate: String?
    var tenant: String
    var clientIDs: [String]
    var addresses: [AddressRange]
    /// The only protocol by which the user may come; `nil` for any.
    var onlyBy: String?
    var permissions: PermissionsTemplate?
    var subscriptionsMax: Int
    var payloadBytesMax: Int
    /// A digest of everything that was said of the user, and of all rules, to notice changes by.
    /// Each of its clients holds it.
    var revision: String
  }

  /// A rule on top of the users' own permissions.
  struct Rule {
    var user: String
    var clientID: String
    var address: AddressRange?
    var publishes: Bool
    var subscribes: Bool
    var topics: [PatternTemplate]
    var allows: Bool
  }

  var isAnonymousAllowed: Bool
  var tenant: String
  var token: [UInt8]
  var users: [String: User] = [:]
  var rules: [Rule] = []
  /// A digest of all rules, to notice changes by.
  let rulesRevision: String

  /// Compiles the section, with the users of the users file.
  ///
  /// - Parameters:
  ///   - moreUsers: the users file's.
  ///   - isAnonymousAllowed: what `anonymous` comes to.
  ///   - spelling: the front ends, for patterns in their spelling.
  init(
    _ values: SettingsValues, moreUsers: [SettingsValues], isAnonymousAllowed: Bool,
    spelling: [any FrontEnd]
  ) throws(SettingsError) {
    self.isAnonymousAllowed = isAnonymousAllowed
    self.tenant = values.text("tenant").isEmpty ? "default" : values.text("tenant")
    self.token = Array(values.text("token").utf8)
    self.rulesRevision = Self.digest("\(values.maps("acl").map(\.description))")
    for user in values.maps("users") + moreUsers {
      var compiled = try User(user, defaultTenant: self.tenant, spelling: spelling)
      compiled.revision = Self.digest("\(compiled.revision) \(self.rulesRevision)")
      guard self.users[compiled.name] == nil else {
        throw SettingsError(user.path, "there is another user called \(compiled.name)")
      }
      self.users[compiled.name] = compiled
    }
    try self.checkKeysAreUnique(at: values.path)
    for rule in values.maps("acl") {
      self.rules.append(try Rule(rule, spelling: spelling))
    }
  }

  private static func digest(_ text: String) -> String {
    SHA256.hash(data: Array(text.utf8)).map { String($0, radix: 16) }.joined(separator: ".")
  }

  /// A key or a certificate that stands for two users would let its owner in as either.
  private func checkKeysAreUnique(at path: String) throws(SettingsError) {
    var certificates: Set<String> = []
    var keys: Set<[UInt8]> = []
    for user in self.users.values {
      if let certificate = user.certificate, !certificates.insert(certificate).inserted {
        throw SettingsError("\(path).users", "two users have the certificate \(certificate)")
      }
      if let key = user.publicKey, !keys.insert(key).inserted {
        throw SettingsError("\(path).users", "two users have one nkey; one is \(user.name)")
      }
    }
  }

  /// What a client may do; `nil` for everything.
  func permissions(user: User?, name: String, peer: PeerIdentity) -> Permissions? {
    let matching = self.rules.filter { $0.concerns(user: name, peer: peer) }
    guard user?.permissions != nil || !matching.isEmpty else { return nil }
    let own = user?.permissions ?? PermissionsTemplate()
    return own.permissions(name: name, clientID: peer.clientID, rules: matching)
  }
}

extension AccessRules.User {
  init(
    _ values: SettingsValues, defaultTenant: String, spelling: [any FrontEnd]
  ) throws(SettingsError) {
    self.name = try Self.prepared(values.text("name"), "\(values.path).name")
    let certificate = values.text("certificate")
    self.certificate = certificate.isEmpty ? nil : certificate
    let nkey = values.text("nkey")
    if !nkey.isEmpty {
      guard let key = spelling.lazy.compactMap({ type(of: $0).publicKey(nkey) }).first else {
        throw SettingsError("\(values.path).nkey", "not the public key of a user (U…)")
      }
      self.publicKey = key
    }
    if self.name.isEmpty { self.name = nkey.isEmpty ? certificate : nkey }
    guard !self.name.isEmpty else { throw SettingsError("\(values.path).name", "must be said") }
    let password = values.text("password")
    if PasswordHash.isText(password) {
      guard let hash = PasswordHash(password) else {
        throw SettingsError("\(values.path).password", "not a whole SCRAM hash")
      }
      self.password = hash
    } else if !password.isEmpty {
      self.plainPassword = Array(try Self.prepared(password, "\(values.path).password").utf8)
    }
    guard !password.isEmpty || self.publicKey != nil || !certificate.isEmpty else {
      throw SettingsError(values.path, "needs a password, an nkey or a certificate")
    }
    self.tenant = values.text("tenant").isEmpty ? defaultTenant : values.text("tenant")
    self.clientIDs = values.texts("client_ids")
    self.addresses = []
    for text in values.texts("addresses") {
      guard let range = AddressRange(text) else {
        throw SettingsError("\(values.path).addresses", "`\(text)` is not an address or a range")
      }
      self.addresses.append(range)
    }
    if values.has("permissions") {
      self.permissions = try PermissionsTemplate(values.map("permissions"), spelling: spelling)
    }
    self.subscriptionsMax = values.int("subscriptions_max")
    self.payloadBytesMax = values.int("payload_bytes_max")
    self.revision = values.description
  }

  /// A name or a password in the form in which it is compared.
  static func prepared(_ text: String, _ path: String) throws(SettingsError) -> String {
    do throws(SASLprep.Refusal) {
      return try SASLprep.prepare(text)
    } catch {
      throw SettingsError(path, "cannot be used: it \(error)")
    }
  }

  /// A user that a client has made.
  init?(_ user: UserDirectory.User, onlyBy: String?, rulesRevision: String) {
    let hashes = SCRAMHash.allCases.compactMap { user.credentials[$0].map { PasswordHash($0) } }
    guard let first = hashes.first else { return nil }
    self.name = user.name
    self.password = first
    self.otherPassword = hashes.dropFirst().first
    self.tenant = user.tenant
    self.clientIDs = []
    self.addresses = []
    self.onlyBy = onlyBy
    self.subscriptionsMax = 0
    self.payloadBytesMax = 0
    self.revision = "made \(user.name) \(rulesRevision)"
  }

  /// Whether the user may come from there, under that name.
  func mayCome(from peer: PeerIdentity) -> Bool {
    guard self.onlyBy == nil || self.onlyBy == peer.protocolName else { return false }
    if !self.addresses.isEmpty, !self.addresses.contains(where: { $0.contains(peer.address) }) {
      return false
    }
    return self.clientIDs.isEmpty || self.clientIDs.contains { peer.clientID.fits($0) }
  }
}

extension AccessRules.Rule {
  init(_ values: SettingsValues, spelling: [any FrontEnd]) throws(SettingsError) {
    self.user = try AccessRules.User.prepared(values.text("user"), "\(values.path).user")
    self.clientID = values.text("client_id")
    let address = values.text("address")
    if !address.isEmpty {
      guard let range = AddressRange(address) else {
        throw SettingsError("\(values.path).address", "`\(address)` is not an address or a range")
      }
      self.address = range
    }
    let action = values.text("action")
    self.publishes = action != "subscribe"
    self.subscribes = action != "publish"
    self.topics = []
    for text in values.texts("topics") {
      self.topics.append(
        try PatternTemplate(text, path: "\(values.path).topics", spelling: spelling))
    }
    guard !self.topics.isEmpty else {
      throw SettingsError("\(values.path).topics", "must name at least one pattern")
    }
    guard !self.publishes || self.topics.allSatisfy({ $0.group == nil }) else {
      throw SettingsError(
        "\(values.path).topics", "a queue group makes sense with `action: subscribe` only")
    }
    self.allows = values.bool("allow")
  }

  func concerns(user: String, peer: PeerIdentity) -> Bool {
    (self.user.isEmpty || self.user == user)
      && (self.clientID.isEmpty || peer.clientID.fits(self.clientID))
      && (self.address?.contains(peer.address) ?? true)
  }
}

extension String {
  /// Whether the text is `pattern`, or begins like it when it ends with `*`.
  func fits(_ pattern: String) -> Bool {
    pattern.hasSuffix("*") ? self.hasPrefix(pattern.dropLast()) : self == pattern
  }
}
