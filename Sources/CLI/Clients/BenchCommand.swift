import ArgumentParser
import Foundation
import MQTTWire

/// `godwit bench`: measures a server.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure a server: throughput and latency.",
    discussion: """
      pub publishes, sub receives what others publish, pubsub does both, request asks and answers.

        godwit bench pubsub --count 1000000 --size 16
        godwit bench pubsub -s mqtt://127.0.0.1 --subs 10 --rate 10000 --qos 1
        godwit bench request --clients 4 --in-flight 16
      """)

  @Argument(help: "pub, sub, pubsub or request.")
  var mode: BenchPlan.Mode

  @Option(name: [.short, .long], help: "Where messages go. Default: one nobody else uses.")
  var topic: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Bytes of a message; from 16 on latency is measured.", valueName: "n"))
  var size = 128

  @Option(
    name: [.short, .long], parsing: .unconditional,
    help: "Messages published in all, or requests. Default: 100000, or 10000 requests.")
  var count: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Connections that publish, receive or ask.", valueName: "n"))
  var clients: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Publishers, for pubsub. Default: --clients or 1.", valueName: "n"))
  var pubs: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Subscribers, for pubsub. Default: --clients or 1.", valueName: "n"))
  var subs: Int?

  @Option(name: [.short, .long], help: "Have the subscribers share the messages.")
  var group: String?

  @Option(
    name: [.short, .long], parsing: .unconditional,
    help: ArgumentHelp("Messages a second in all. Default: all that goes.", valueName: "n"))
  var rate: Double?

  @Option(name: [.short, .long], help: "MQTT's quality of service: 0, 1 or 2.")
  var qos = MQTTQoS.atMostOnce

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Requests of one client under way at once (default: 1), or messages of one publisher that "
        + "the server has not acknowledged (with --qos; default: 64).", valueName: "n"))
  var inFlight: Int?

  @Flag(help: "Do not answer the requests: somebody else does.")
  var noResponder = false

  @Flag(help: "Report as a JSON object.")
  var json = false

  @OptionGroup(title: "Connection")
  var connection: ConnectionOptions

  private static let clientsMax = 10_000
  private static let sizeMax = 64 << 20

  /// Checks what the parser cannot.
  func validate() throws {
    guard self.count ?? 1 >= 1 else { throw ValidationError("--count takes 1 or more.") }
    guard (0...Self.sizeMax).contains(self.size) else {
      throw ValidationError("--size takes 0 to \(Self.sizeMax) bytes.")
    }
    for clients in [self.clients, self.pubs, self.subs].compactMap({ $0 }) {
      guard (1...Self.clientsMax).contains(clients) else {
        throw ValidationError("--clients, --pubs and --subs take 1 to \(Self.clientsMax).")
      }
    }
    guard self.rate ?? 1 > 0, self.rate ?? 1 <= 1e9 else {
      throw ValidationError("--rate takes more than 0.")
    }
    guard (1...60_000).contains(self.inFlight ?? 1) else {
      throw ValidationError("--in-flight takes 1 to 60000.")
    }
  }

  /// What was asked for.
  func plan(separator: String) -> BenchPlan {
    var plan = BenchPlan(
      mode: self.mode, topic: self.topic ?? "bench\(separator)\(UniqueName.make())",
      size: self.size, count: self.count ?? (self.mode == .request ? 10_000 : 100_000),
      publishers: self.pubs ?? self.clients ?? 1, subscribers: self.subs ?? self.clients ?? 1,
      run: .random(in: .min ... .max))
    plan.group = self.group
    plan.rate = self.rate
    plan.qos = self.qos
    plan.inFlight = self.inFlight ?? (self.mode == .request ? 1 : 64)
    plan.hasResponder = !self.noResponder
    return plan
  }

  /// Measures and reports.
  func run() async throws {
    let configuration = try self.connection.configuration()
    let plan = self.plan(separator: configuration.makeSession().separator)
    let showsProgress = Terminal.errorIsTerminal && !self.json
    let line = ProgressLine(plan)
    let run = BenchRun(plan: plan, configuration: configuration) { published, received in
      if showsProgress { Terminal.writeError(line.text(published, received)) }
    }
    let result: Result<BenchRun.Outcome, any Error>
    do {
      result = .success(try await Interrupt.cancelling { try await run.run() })
    } catch {
      result = .failure(error)
    }
    if showsProgress { Terminal.writeError(ProgressLine.cleared) }
    let outcome = try result.get()
    var report = BenchReport(outcome: outcome, address: configuration.address)
    report.style = TextStyle(hasColours: Terminal.outputHasColours)
    report.showsBlocks = Terminal.showsUnicode
    if self.json {
      Terminal.write(report.json)
    } else {
      Terminal.write(Array((report.lines.joined(separator: "\n") + "\n").utf8))
    }
    if outcome.lost > 0 { throw ExitCode.failure }
  }
}

extension BenchPlan.Mode: ExpressibleByArgument {}

/// One line that says how far a measurement is.
struct ProgressLine: Sendable {
  private let plan: BenchPlan
  private let start = ContinuousClock.now

  init(_ plan: BenchPlan) {
    self.plan = plan
  }

  /// What takes the line away again.
  static let cleared = "\r\u{1B}[K"

  /// The line, to be written over the last one.
  func text(_ published: Int, _ received: Int) -> String {
    let seconds = max(0.001, self.start.duration(to: .now) / .seconds(1))
    let goal = self.plan.mode == .pub ? self.plan.count : self.plan.deliveries
    let done = self.plan.mode == .pub ? published : received
    let percent = goal > 0 ? min(100, done * 100 / goal) : 100
    let rate = Figures.grouped(Int(Double(done) / seconds))
    let count = "\(Figures.grouped(done)) of \(Figures.grouped(goal))"
    return "\(Self.cleared)  \(percent) %  \(count)  \(rate) msg/s"
  }
}
