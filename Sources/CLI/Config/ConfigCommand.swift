import ArgumentParser
import GodwitBroker

/// `godwit config`.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Check and print settings.",
    subcommands: [Check.self, Defaults.self, Reference.self])

  /// `godwit config check`.
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a settings file, and the files that it names.",
      discussion: "Prints OK, or what is wrong in one sentence and exits with 1.")

    @Argument(help: "The settings file (YAML).")
    var file: String

    func run() throws {
      try reportingFailure {
        var source = SettingsSource(environment: Environment.all)
        source.config = self.file
        try BrokerServer.check(try source.load())
        Terminal.write(Array("OK\n".utf8))
      }
    }
  }

  /// `godwit config defaults`.
  struct Defaults: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print a complete settings file: every key, its default and its meaning.")

    func run() {
      Terminal.write(Array(SettingsText.defaults().utf8))
    }
  }

  /// `godwit config reference`.
  struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the reference of all settings as Markdown (docs/settings.md).")

    func run() {
      Terminal.write(Array(SettingsText.reference().utf8))
    }
  }
}
