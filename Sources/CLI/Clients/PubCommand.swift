import ArgumentParser
import Foundation
import GodwitWire
import MQTTWire
import NIOCore

/// `godwit pub`: publishes messages.
struct PubCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pub",
    abstract: "Publish a message.",
    discussion: """
      The payload is an argument, a file (--file), or standard input (-, or no payload at all).
      `{n}` in an argument's text becomes the message's number with --count.

        godwit pub sensors.kitchen.t 21.5
        godwit pub -s mqtt://127.0.0.1 sensors/kitchen/t 21.5 --retain --qos 1
        echo '{"t":21.5}' | godwit pub sensors.kitchen.t - --content-type application/json
      """)

  @Argument(help: "Where to: a NATS subject or an MQTT topic, as the server's protocol has it.")
  var topic: String

  @Argument(help: "The payload, or - for standard input.")
  var payload: String?

  @Option(name: [.short, .long], help: "Take the payload from a file.")
  var file: String?

  @Option(
    name: [.customShort("H"), .long],
    help: ArgumentHelp(
      "A header (MQTT: user property); may be given often.", valueName: "name=value"))
  var header: [String] = []

  @Option(name: [.short, .long], parsing: .unconditional, help: "How many times to publish.")
  var count = 1

  @Option(
    name: [.short, .long], parsing: .unconditional,
    help: ArgumentHelp("How long to wait between two messages.", valueName: "seconds"))
  var interval = 0.0

  @Option(name: [.short, .long], help: "MQTT's quality of service: 0, 1 or 2.")
  var qos = MQTTQoS.atMostOnce

  @Flag(name: [.short, .long], help: "Have an MQTT server keep it for later subscribers.")
  var retain = false

  @Option(help: "Where answers are to go.")
  var reply: String?

  @Option(help: "The payload's media type.")
  var contentType: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("After how long nobody wants it any more.", valueName: "seconds"))
  var expiry: UInt32?

  @Flag(help: "Say what was done as a JSON object.")
  var json = false

  @OptionGroup(title: "Connection")
  var connection: ConnectionOptions

  /// Checks what the parser cannot.
  func validate() throws {
    guard self.count >= 1 else { throw ValidationError("--count takes 1 or more.") }
    guard self.interval >= 0, self.interval < 86_400 else {
      throw ValidationError("--interval takes 0 or more seconds, and less than a day.")
    }
    guard self.payload == nil || self.file == nil else {
      throw ValidationError("Give the payload as an argument or with --file, not both.")
    }
    _ = try Self.headers(self.header)
  }

  /// Publishes.
  func run() async throws {
    let configuration = try self.connection.configuration()
    let source = try self.source()
    let client = try await Client.connect(configuration)
    let published = try await Interrupt.cancelling { try await self.publish(source, to: client) }
    let settlements = await client.settlements
    let complaints = await client.takeWarnings() + settlements.refusals
    await client.close()
    for complaint in complaints { Terminal.complain("godwit pub: \(complaint)") }
    self.report(published, settlements)
    if !complaints.isEmpty { throw ExitCode.failure }
  }

  /// Publishes what was asked for and returns how many that were.
  private func publish(_ source: PayloadSource, to client: Client) async throws -> Int {
    var published = 0
    do {
      while published < self.count {
        try Task.checkCancellation()
        let size = self.interval > 0 ? 1 : min(256, self.count - published)
        let batch = try (published..<(published + size)).map {
          try self.message(source.payload(number: $0 + 1))
        }
        try await client.publish(batch)
        published += size
        guard self.interval > 0, published < self.count else { continue }
        try await Task.sleep(for: .seconds(self.interval))
      }
    } catch is CancellationError {}
    try await client.flush()
    return published
  }

  private func message(_ payload: ByteBuffer) throws -> OutgoingMessage {
    var message = OutgoingMessage(topic: self.topic, payload: payload)
    message.headers = try Self.headers(self.header)
    message.reply = self.reply.map { ByteBuffer(string: $0) }
    message.contentType = self.contentType
    message.expirySeconds = self.expiry
    message.qos = self.qos
    message.retain = self.retain
    return message
  }

  /// Reads `name=value` and `name: value`.
  static func headers(_ texts: [String]) throws -> [MessageHeader] {
    try texts.map { text in
      guard let cut = text.firstIndex(where: { $0 == "=" || $0 == ":" }), cut > text.startIndex
      else { throw ValidationError("`\(text)` is no header; write it as name=value.") }
      var value = text[text.index(after: cut)...]
      if text[cut] == ":" { value = value.drop(while: { $0 == " " }) }
      return MessageHeader(String(text[..<cut]), String(value))
    }
  }

  private func source() throws -> PayloadSource {
    if let file = self.file {
      guard let data = FileManager.default.contents(atPath: file) else {
        throw ClientError("`\(file)` cannot be read")
      }
      return .fixed(ByteBuffer(bytes: data))
    }
    if let payload = self.payload, payload != "-" {
      return self.count > 1 && payload.contains("{n}")
        ? .numbered(payload) : .fixed(ByteBuffer(string: payload))
    }
    return .fixed(ByteBuffer(bytes: FileHandle.standardInput.readDataToEndOfFile()))
  }

  private func report(_ published: Int, _ settlements: DeliveryQueue.Settlements) {
    let accepted = published - settlements.refusals.count
    if self.json {
      var writer = JSONWriter()
      writer.object {
        $0.member("topic", self.topic)
        $0.member("published", accepted)
        if self.qos != .atMostOnce {
          $0.member("without_receiver", settlements.withoutReceiver)
          $0.member("refused", settlements.refusals.count)
        }
      }
      Terminal.write(writer.bytes + [UInt8(ascii: "\n")])
      return
    }
    var line = "published \(Figures.counted(accepted, "message")) to \(self.topic)"
    if published > 0, settlements.withoutReceiver == published {
      line += "; nobody subscribes to it"
    }
    Terminal.complain(line)
  }

  /// Where payloads come from.
  private enum PayloadSource: Sendable {
    case fixed(ByteBuffer)
    /// Text with `{n}` for the message's number.
    case numbered(String)

    func payload(number: Int) -> ByteBuffer {
      switch self {
      case .fixed(let payload): payload
      case .numbered(let text):
        ByteBuffer(string: text.replacingOccurrences(of: "{n}", with: String(number)))
      }
    }
  }
}
