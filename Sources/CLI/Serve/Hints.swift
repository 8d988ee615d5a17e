import GodwitBroker
import GodwitFrontEndKit

/// What to try on a server that has just started.
enum Hints {
  static func text(of broker: BrokerServer) -> String {
    let program = CommandLine.arguments.first ?? "godwit"
    var lines = ["", "Try in another terminal:"]
    func add(_ command: String, _ meaning: String) {
      let gap = String(repeating: " ", count: max(1, 46 - command.count))
      lines.append("  \(command)\(gap)\(meaning)")
    }
    func address(_ name: String) -> String? {
      guard let found = broker.addresses.first(where: { $0.name == name })?.address else {
        return nil
      }
      // Every address of the machine is also the loopback's.
      let isAny = found.host == "0.0.0.0" || found.host == "::"
      return "\(isAny ? BoundAddress(host: "127.0.0.1", port: found.port) : found)"
    }
    if let nats = address("nats") {
      let server = nats == "127.0.0.1:4222" ? "" : " -s nats://\(nats)"
      add("\(program) sub\(server) '>'", "see every message, whoever sends it")
      add("\(program) pub\(server) room.kitchen 21.5", "send one over NATS")
    }
    if let mqtt = address("mqtt") {
      let server = mqtt == "127.0.0.1:1883" ? "" : mqtt.asMosquittoOptions
      add("mosquitto_pub\(server) -t room/kitchen -m 22", "send one from any MQTT client")
    }
    if let admin = address("admin") { add("http://\(admin)/", "the dashboard, in a browser") }
    lines.append("Ctrl-C ends the server.")
    return lines.joined(separator: "\n") + "\n"
  }
}

extension String {
  fileprivate var asMosquittoOptions: String {
    guard let colon = self.lastIndex(of: ":") else { return "" }
    return " -h \(self[..<colon]) -p \(self[self.index(after: colon)...])"
  }
}
