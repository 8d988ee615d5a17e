import ArgumentParser
import GodwitBroker
import GodwitFrontEndKit

/// `godwit user`.
struct UserCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "user",
    abstract: "Keep the file of users (access.users_file).",
    discussion: "A running server takes changes over on SIGHUP.",
    subcommands: [Add.self, Remove.self, List.self])

  /// `godwit user add`.
  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a user, or give one a new password.",
      discussion: """
        Name and password are brought into one form (SASLprep, RFC 4013), as they are at each \
        log-in. The password is asked for on a terminal, else the first line of standard input is \
        taken. \
        Without --users-file the entry is printed, to be put under access.users.
        """)

    @Argument(help: "The user's name.")
    var name: String

    @Option(help: ArgumentHelp("Take the password from a file's first line.", valueName: "file"))
    var passwordFile: String?

    @Option(help: ArgumentHelp("The file to change; made if it is missing.", valueName: "file"))
    var usersFile: String?

    @Option(help: "The tenant; without it that of access.tenant.")
    var tenant: String?

    func run() throws {
      try reportingFailure {
        guard !self.name.isEmpty else { throw BrokerError("the name is empty") }
        let name = try PasswordInput.prepared(Array(self.name.utf8), "the name")
        var users = UsersFile()
        if let usersFile, TextFile.exists(usersFile) { users = try UserCommand.read(usersFile) }
        let isKnown = users.contains(self.name)
        let password = try PasswordInput.read(file: self.passwordFile)
        users.set(
          name: String(decoding: name, as: UTF8.self), password: PasswordHash(password: password),
          tenant: self.tenant)
        guard let usersFile else {
          let entry = users.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
          Terminal.write(Array((entry.joined(separator: "\n") + "\n").utf8))
          return
        }
        try TextFile.replace(usersFile, with: users.text)
        Terminal.complain(
          isKnown
            ? "\(self.name) has a new password in \(usersFile)"
            : "\(self.name) is in \(usersFile)")
      }
    }
  }

  /// `godwit user remove`.
  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Remove a user.")

    @Argument(help: "The user's name.")
    var name: String

    @Option(help: ArgumentHelp("The file to change.", valueName: "file"))
    var usersFile: String

    func run() throws {
      try reportingFailure {
        var users = try UserCommand.read(self.usersFile)
        guard users.remove(name: self.name) else {
          throw BrokerError("there is no user \(self.name) in \(self.usersFile)")
        }
        try TextFile.replace(self.usersFile, with: users.text)
        Terminal.complain("\(self.name) is gone from \(self.usersFile)")
      }
    }
  }

  /// `godwit user list`.
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the users' names, one on each line.")

    @Option(help: ArgumentHelp("The file to read.", valueName: "file"))
    var usersFile: String

    func run() throws {
      try reportingFailure {
        for name in try UserCommand.read(self.usersFile).names {
          Terminal.write(Array("\(name)\n".utf8))
        }
      }
    }
  }

  private static func read(_ path: String) throws -> UsersFile {
    let text = try TextFile.text(path)
    do {
      return try UsersFile(yaml: text)
    } catch {
      throw BrokerError("\(path): \(error)")
    }
  }
}
