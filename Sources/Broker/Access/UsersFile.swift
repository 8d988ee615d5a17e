public import GodwitFrontEndKit
import GodwitSASLprep

/// The file that `godwit user` keeps: a list of users, as in the settings.
public struct UsersFile: Sendable {
  /// The users, as they are in the file.
  public private(set) var users: [[SettingValue.Entry]] = []

  /// A file without users.
  public init() {}

  /// Reads the file's text.
  ///
  /// - Throws: `SettingsError`.
  public init(yaml: String) throws(SettingsError) {
    let tree = try SettingsTree(yaml: yaml)
    for entry in tree.entries {
      guard entry.key == "users", case .list(let items) = entry.value else {
        throw SettingsError(entry.key, "a users file has one key, `users`, with a list")
      }
      for case .map(let user) in items { self.users.append(user) }
    }
    _ = try self.checked()
  }

  /// The users' values, checked.
  public func checked() throws(SettingsError) -> [SettingsValues] {
    let section = SettingsSection(
      "users_file", "",
      [Setting("users", .maps(SettingsFile.user), default: .list([]), "")])
    var tree = SettingsTree()
    tree.entries = [
      .init("users_file", .map([.init("users", .list(self.users.map { .map($0) }))]))
    ]
    let values = try SettingsCheck(sections: [section], lines: [:]).values(of: tree) {
      _, _ throws(SettingsError) in nil
    }
    return values["users_file"]?.maps("users") ?? []
  }

  /// The users' names.
  public var names: [String] {
    self.users.map { user in
      if case .text(let name)? = user.first(where: { $0.key == "name" })?.value { name } else { "" }
    }
  }

  /// Where the user called `name` is. Names are compared in the form of SASLprep, as at a log-in.
  private func index(of name: String) -> Int? {
    let wanted = (try? SASLprep.prepare(name)) ?? name
    return self.names.firstIndex { ((try? SASLprep.prepare($0)) ?? $0) == wanted }
  }

  /// Whether there is a user called `name`.
  public func contains(_ name: String) -> Bool { self.index(of: name) != nil }

  /// Adds a user, or gives a known one a new password and leaves the rest as it is.
  public mutating func set(name: String, password: PasswordHash, tenant: String?) {
    let hash = SettingValue.Entry("password", .text(password.text))
    guard let index = self.index(of: name) else {
      var user = [SettingValue.Entry("name", .text(name)), hash]
      if let tenant { user.append(.init("tenant", .text(tenant))) }
      self.users.append(user)
      return
    }
    var user = self.users[index].filter { $0.key != "password" }
    if let tenant {
      user = user.filter { $0.key != "tenant" } + [.init("tenant", .text(tenant))]
    }
    user.insert(hash, at: min(1, user.count))
    self.users[index] = user
  }

  /// Takes a user out.
  ///
  /// - Returns: whether there was one of that name.
  public mutating func remove(name: String) -> Bool {
    guard let index = self.index(of: name) else { return false }
    self.users.remove(at: index)
    return true
  }

  /// The file's text.
  public var text: String {
    var lines = ["# Kept by `godwit user`; edit it by hand if you like.", "users:"]
    if self.users.isEmpty { lines[1] += " []" }
    for user in self.users {
      for (index, entry) in user.enumerated() {
        let lead = index == 0 ? "  - " : "    "
        lines.append("\(lead)\(entry.key): \(SettingsText.scalar(entry.value))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
