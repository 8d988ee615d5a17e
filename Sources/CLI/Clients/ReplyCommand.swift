import ArgumentParser
import Foundation
import MQTTWire
import NIOCore

/// `godwit reply`: answers requests.
struct ReplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reply",
    abstract: "Answer requests.",
    discussion: """
      The command gets the request's payload as standard input, its topic in GODWIT_TOPIC, and its
      standard output is the answer; when it fails, the answer has a header Godwit-Exit-Code.

        godwit reply time.now --command date
        godwit reply -s mqtt://127.0.0.1 'rooms/+/ping' --echo --group pingers
      """)

  @Argument(help: "What to answer: a subject, a topic, or a pattern of them.")
  var pattern: String

  @Option(help: "Answer with this text.")
  var text: String?

  @Option(help: "Answer with what this shell command prints.")
  var command: String?

  @Flag(help: "Answer with the request's own payload and headers.")
  var echo = false

  @Option(name: [.short, .long], help: "Share the requests with a group.")
  var group: String?

  @Option(name: [.short, .long], parsing: .unconditional, help: "End after so many requests.")
  var count: Int?

  @Flag(name: [.short, .long], help: "Do not show the requests.")
  var quiet = false

  @OptionGroup(title: "Connection")
  var connection: ConnectionOptions

  /// Commands that run at the same time.
  private static let commandsMax = 16

  /// Checks what the parser cannot.
  func validate() throws {
    let ways = [self.text != nil, self.command != nil, self.echo].count { $0 }
    guard ways == 1 else { throw ValidationError("Give one of --text, --command and --echo.") }
    guard self.command != "" else { throw ValidationError("--command is empty.") }
    guard self.count ?? 1 >= 1 else { throw ValidationError("--count takes 1 or more.") }
  }

  /// Answers.
  func run() async throws {
    let client = try await Client.connect(try self.connection.configuration())
    let answered = try await Interrupt.cancelling { try await self.answer(client) }
    await client.close()
    if !self.quiet { Terminal.conclude("answered \(Figures.counted(answered, "request"))") }
  }

  private func answer(_ client: Client) async throws -> Int {
    _ = try await client.subscribe(SubscriptionRequest(pattern: self.pattern, group: self.group))
    Terminal.complain("answering \(self.pattern)")
    var printer = MessagePrinter(form: .pretty)
    printer.style = TextStyle(hasColours: Terminal.outputHasColours)
    var answered = 0
    do {
      while answered < self.count ?? .max, let burst = try await client.next() {
        let requests = burst.messages.prefix((self.count ?? .max) - answered)
        if !self.quiet {
          var out: [UInt8] = []
          for request in requests { printer.print(request, at: .now, into: &out) }
          Terminal.write(out)
        }
        for warning in burst.warnings { Terminal.complain("godwit reply: \(warning)") }
        let answers = try await self.answers(to: Array(requests))
        try await client.publish(answers)
        answered += answers.count
      }
      try await client.flush()
    } catch is CancellationError {}
    return answered
  }

  private func answers(to requests: [IncomingMessage]) async throws -> [OutgoingMessage] {
    let requests = requests.filter { $0.reply != nil }
    guard let command = self.command else {
      return requests.map { request in
        var answer = Self.answer(to: request, payload: ByteBuffer(string: self.text ?? ""))
        guard self.echo else { return answer }
        answer.payload = request.payload
        answer.headers = request.headers
        answer.contentType = request.contentType
        return answer
      }
    }
    var answers: [OutgoingMessage] = []
    for start in stride(from: 0, to: requests.count, by: Self.commandsMax) {
      let batch = Array(requests[start..<min(start + Self.commandsMax, requests.count)])
      answers += try await withThrowingTaskGroup(of: (Int, ShellCommand.Outcome).self) { group in
        for (index, request) in batch.enumerated() {
          group.addTask {
            let shell = ShellCommand(
              command, environment: ["GODWIT_TOPIC": request.topic],
              input: Data(request.payload.readableBytesView))
            return (index, try await shell.run())
          }
        }
        var found: [OutgoingMessage?] = Array(repeating: nil, count: batch.count)
        for try await (index, outcome) in group {
          var answer = Self.answer(to: batch[index], payload: ByteBuffer(bytes: outcome.output))
          if outcome.exitCode != 0 {
            answer.headers = [MessageHeader("Godwit-Exit-Code", String(outcome.exitCode))]
          }
          found[index] = answer
        }
        return found.compactMap { $0 }
      }
    }
    return answers
  }

  private static func answer(
    to request: IncomingMessage, payload: ByteBuffer
  ) -> OutgoingMessage {
    var answer = OutgoingMessage(topic: request.reply ?? "", payload: payload)
    answer.correlation = request.correlation
    answer.qos = min(request.qos, .atLeastOnce)
    return answer
  }
}
