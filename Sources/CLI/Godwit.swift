import ArgumentParser
import GodwitBroker

/// The root command. Each subcommand is a line here and a file of its own.
struct Godwit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "godwit",
    abstract: "One broker for NATS, MQTT and Kafka.",
    version: BrokerServer.version,
    subcommands: [
      ServeCommand.self,
      ConfigCommand.self,
      UserCommand.self,
      PubCommand.self,
      SubCommand.self,
      RequestCommand.self,
      ReplyCommand.self,
      BenchCommand.self,
      NamesCommand.self,
      StreamCommand.self,
      GroupCommand.self,
      AuditCommand.self,
      DataCommand.self,
    ])
}
