import ArgumentParser
import GodwitBroker
import GodwitEngine
import GodwitFrontEndKit
import Logging
import NIOCore
import NIOPosix

/// `godwit names`: about topics' names.
struct NamesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "names", abstract: "Explain how topics are called in each protocol.",
    subcommands: [Explain.self])

  /// `godwit names explain`: how a name looks in every protocol.
  struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "explain",
      abstract: "Show how a topic or a pattern looks in every protocol.",
      discussion: """
          godwit names explain a/b
          godwit names explain 'sensors/+/t'
          godwit names explain --from nats 'a//b.>'
        """)

    @Argument(help: "A topic or a pattern, in the words of one protocol.")
    var name: String

    @Option(help: "The protocol it is written in. Default: by the look of it.")
    var from: String?

    @Flag(help: "Answer with a JSON object.")
    var json = false

    /// Explains.
    func run() async throws {
      let explanation = try await Self.explain(self.name, from: self.from)
      if self.json {
        Terminal.write(explanation.json)
      } else {
        let lines = explanation.lines(TextStyle(hasColours: Terminal.outputHasColours))
        Terminal.write(Array((lines.joined(separator: "\n") + "\n").utf8))
      }
    }

    /// Asks the front ends, which live on an event loop.
    static func explain(_ name: String, from: String?) async throws -> NameExplanation {
      let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
      return try await eventLoop.submit {
        let speakers = try Self.speakers(on: eventLoop)
        return try NameExplanation(name, from: from, speakers: speakers)
      }.get()
    }

    /// Every protocol of the broker, with the settings it has when nothing is said.
    private static func speakers(on eventLoop: any EventLoop) throws -> [NameSpeaker] {
      let context = FrontEndContext(
        loop: Loop(eventLoop: eventLoop, wallNanoseconds: 0), access: AccessControl(Nobody()),
        logger: Logger(label: "godwit") { _ in SwiftLogNoOpLogHandler() }, serverName: "godwit",
        version: "")
      return try FrontEnds.all.map { try Self.speaker($0, context) }
    }

    private static func speaker<Server: FrontEnd>(
      _ type: Server.Type, _ context: FrontEndContext
    ) throws -> NameSpeaker {
      NameSpeaker(
        try Server(context, values: SettingsValues(defaultsOf: Server.settings)))
    }
  }
}

/// Stands where a front end wants to know who gets in, when nobody ever comes.
private final class Nobody: Authenticator {
  var requiresCredentials: Bool { true }
  var offersNonce: Bool { false }

  func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    completion(.failure(.badCredentials))
  }

  func scramCredential(for user: String, hash: SCRAMHash) -> SCRAMCredential {
    SCRAMCredential(salt: [], iterations: 4096, storedKey: [], serverKey: [])
  }

  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? { nil }
  func standing(of principal: Principal, peer: PeerIdentity) -> Principal? { nil }
}
