public import GodwitEngine

/// The users that clients have made while the broker runs, beside those of the settings. Confined
/// to the loop. Who makes them also keeps them.
public final class UserDirectory {
  /// A user.
  public struct User {
    /// The name, as it was said when the user was made.
    public var name: String
    /// The tenant of whoever made it.
    public var tenant: String
    /// What is kept of the password, for each way to prove it.
    public var credentials: [SCRAMHash: SCRAMCredential]

    /// A user.
    public init(name: String, tenant: String, credentials: [SCRAMHash: SCRAMCredential]) {
      self.name = name
      self.tenant = tenant
      self.credentials = credentials
    }
  }

  /// The users, by their names.
  public private(set) var users: [String: User] = [:]
  /// Names that nobody can take: those of the settings, whose users go first.
  public var reserved: Set<String> = []
  /// The only protocol by which these users may come; `nil` for any. Default none, since whoever
  /// makes users says where they may come.
  public var onlyBy: String? = ""
  /// Changes whenever anything does, so that nobody goes on with what was true before.
  public private(set) var generation = 0
  /// Called when there is somebody whose password may be asked for.
  public var hasUsers: () -> Void = {}

  /// A directory without users.
  public init() {}

  /// Makes a user, or has another in place of the one of that name.
  public func set(_ user: User) {
    self.generation &+= 1
    self.users[user.name] = user
    self.hasUsers()
  }

  /// Takes a user out.
  public func remove(_ name: String) {
    self.generation &+= 1
    self.users[name] = nil
  }

  /// The user of that name, unless the settings have one.
  public func find(_ name: String) -> User? {
    self.reserved.contains(name) ? nil : self.users[name]
  }
}
