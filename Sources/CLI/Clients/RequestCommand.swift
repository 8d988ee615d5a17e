import ArgumentParser
import Foundation
import GodwitWire
import MQTTWire
import NIOCore

/// `godwit request`: asks and waits for answers.
struct RequestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "request",
    abstract: "Send a request and show the answer.",
    discussion: """
        godwit request time.now ''
        godwit request -s mqtt://127.0.0.1 rooms/list '{}' --replies 3 --timeout 1
      """)

  @Argument(help: "Where to.")
  var topic: String

  @Argument(help: "The payload, or - for standard input.")
  var payload = ""

  @Option(
    name: [.customShort("H"), .long],
    help: ArgumentHelp(
      "A header (MQTT: user property); may be given often.", valueName: "name=value"))
  var header: [String] = []

  @Option(
    name: [.short, .long], parsing: .unconditional,
    help: ArgumentHelp("How long to wait for answers.", valueName: "seconds"))
  var timeout = 2.0

  @Option(
    parsing: .unconditional, help: "How many answers to wait for; 0 for all that come in time.")
  var replies = 1

  @Option(help: "The payload's media type.")
  var contentType: String?

  @Flag(help: "Show the answer's payload alone.")
  var raw = false

  @Flag(help: "Show each answer as a JSON object on a line of its own.")
  var json = false

  @OptionGroup(title: "Connection")
  var connection: ConnectionOptions

  /// Checks what the parser cannot.
  func validate() throws {
    guard self.timeout > 0, self.timeout < 86_400 else {
      throw ValidationError("--timeout takes more than 0 seconds, and less than a day.")
    }
    guard self.replies >= 0 else { throw ValidationError("--replies takes 0 or more.") }
    guard !self.raw || !self.json else { throw ValidationError("--raw or --json, not both.") }
    _ = try PubCommand.headers(self.header)
  }

  /// Asks.
  func run() async throws {
    let client = try await Client.connect(try self.connection.configuration())
    let (received, time) = try await Interrupt.cancelling { try await self.ask(client) }
    await client.close()
    if received == 0 {
      let seconds = Figures.threeDigits(self.timeout)
      throw ClientError("no answer from `\(self.topic)` within \(seconds) s")
    }
    guard !self.raw, !self.json else { return }
    let nanoseconds = UInt64(max(0, time / .nanoseconds(1)))
    let took = Figures.duration(nanoseconds: nanoseconds)
    Terminal.complain(
      "\(Figures.grouped(received)) \(received == 1 ? "answer" : "answers") in \(took)")
  }

  private func ask(_ client: Client) async throws -> (Int, Duration) {
    let inbox = await client.inbox(UniqueName.make())
    _ = try await client.subscribe(SubscriptionRequest(pattern: inbox))
    var message = OutgoingMessage(
      topic: self.topic,
      payload: self.payload == "-"
        ? ByteBuffer(bytes: FileHandle.standardInput.readDataToEndOfFile())
        : ByteBuffer(string: self.payload))
    message.headers = try PubCommand.headers(self.header)
    message.contentType = self.contentType
    message.reply = ByteBuffer(string: inbox)
    if await client.language == .mqtt {
      // What MQTT responders are used to copying; and QoS 1 is told when nobody is there.
      message.correlation = ByteBuffer(string: UniqueName.make())
      message.qos = .atLeastOnce
    }
    let start = ContinuousClock.now
    try await client.publish([message])
    try await client.settle()
    let settlements = await client.settlements
    if let refusal = settlements.refusals.first { throw refusal }
    guard settlements.withoutReceiver == 0 else {
      throw ClientError("nobody answers `\(self.topic)`")
    }
    let received = try await self.collect(from: client, correlation: message.correlation)
    return (received, start.duration(to: .now))
  }

  private func collect(from client: Client, correlation: ByteBuffer?) async throws -> Int {
    let printer = MessagePrinter(
      form: self.raw ? .raw : (self.json ? .json : .pretty), showsTopic: false,
      style: TextStyle(hasColours: Terminal.outputHasColours))
    let deadline = Task {
      try await Task.sleep(for: .seconds(self.timeout))
      await client.stopWaiting()
    }
    defer { deadline.cancel() }
    let wanted = self.replies == 0 ? Int.max : self.replies
    var received = 0
    do {
      while received < wanted, let burst = try await client.next() {
        var out: [UInt8] = []
        for var message in burst.messages.prefix(wanted - received) {
          guard message.status != 503 else {
            throw ClientError("nobody answers `\(self.topic)`")
          }
          // What we made up ourselves tells nobody anything.
          if message.correlation == correlation { message.correlation = nil }
          printer.print(message, at: .now, into: &out)
          received += 1
        }
        Terminal.write(out)
        if let warning = burst.warnings.first { throw warning }
      }
    } catch is CancellationError {}
    return received
  }
}
