import ArgumentParser
import Foundation
import GodwitWire
import MQTTWire

/// `godwit sub`: shows messages as they come.
struct SubCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sub",
    abstract: "Show messages as they come.",
    discussion: """
        godwit sub 'sensors.*.t'
        godwit sub -s mqtt://127.0.0.1 'sensors/+/t' 'alarms/#'
        godwit sub --json 'orders.>' | jq .payload
      """)

  @Argument(help: "Patterns: NATS' (* and >) or MQTT's (+ and #), as the server's protocol has it.")
  var patterns: [String]

  @Option(
    name: [.short, .long],
    help: "Share the messages with a group: a NATS queue group, an MQTT shared subscription.")
  var group: String?

  @Option(name: [.short, .long], help: "MQTT's highest quality of service: 0, 1 or 2.")
  var qos = MQTTQoS.exactlyOnce

  @Option(name: [.short, .long], parsing: .unconditional, help: "End after so many messages.")
  var count: Int?

  @Flag(help: "Show payloads alone, each followed by a line end.")
  var raw = false

  @Flag(help: "Show each message as a JSON object on a line of its own.")
  var json = false

  @Flag(inversion: .prefixedNo, help: "Show headers, reply topic and the like.")
  var headers = true

  @OptionGroup(title: "Connection")
  var connection: ConnectionOptions

  /// Checks what the parser cannot.
  func validate() throws {
    guard self.count ?? 1 >= 1 else { throw ValidationError("--count takes 1 or more.") }
    guard !self.patterns.isEmpty else { throw ValidationError("Give a pattern.") }
    guard !self.raw || !self.json else { throw ValidationError("--raw or --json, not both.") }
  }

  /// Subscribes and prints.
  func run() async throws {
    let client = try await Client.connect(try self.connection.configuration())
    let start = ContinuousClock.now
    let received = try await Interrupt.cancelling { try await self.receive(from: client) }
    await client.close()
    guard !self.raw, !self.json else { return }
    let time = start.duration(to: .now)
    let seconds = Figures.threeDigits(time / .seconds(1))
    Terminal.conclude("\(Figures.counted(received, "message")) in \(seconds) s")
  }

  /// Prints messages until there were enough of them or somebody presses Ctrl-C.
  private func receive(from client: Client) async throws -> Int {
    for pattern in self.patterns {
      _ = try await client.subscribe(
        SubscriptionRequest(pattern: pattern, group: self.group, qos: self.qos))
    }
    // Whoever waits for it may publish from now on.
    Terminal.complain("listening to \(self.patterns.joined(separator: ", "))")
    let printer = MessagePrinter(
      form: self.raw ? .raw : (self.json ? .json : .pretty), showsHeaders: self.headers,
      style: TextStyle(hasColours: Terminal.outputHasColours))
    var received = 0
    do {
      while received < self.count ?? .max, let burst = try await client.next() {
        let time = WallClock.now
        var out: [UInt8] = []
        for message in burst.messages.prefix((self.count ?? .max) - received) {
          printer.print(message, at: time, into: &out)
          received += 1
          if out.count > 65_536 {
            Terminal.write(out)
            out.removeAll(keepingCapacity: true)
          }
        }
        Terminal.write(out)
        for warning in burst.warnings { Terminal.complain("godwit sub: \(warning)") }
      }
    } catch is CancellationError {}
    return received
  }
}
