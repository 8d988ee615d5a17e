import Godwit
import TestSupport

/// `FrailWorker`: a program that ends itself at one step.
final class WorkerProcess: Sendable {
  private let child: ChildProcess
  private let lines: AsyncStream<String>

  /// Starts one. Ones that consume have subscribed when this returns.
  init(_ url: String, _ topic: String, _ step: String) async throws {
    self.child = try ChildProcess([Self.program, url, topic, step], reading: .output)
    self.lines = self.child.lines()
  }

  /// Where the build has put it: next to the tests.
  private static var program: String {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments[0]
    let path = bundle.split(separator: "/", omittingEmptySubsequences: false)
    let folder = path.prefix { !$0.hasSuffix(".xctest") }.joined(separator: "/")
    return "\(folder)/FrailWorker"
  }

  /// What it says up to a line, or to its end.
  func said(until last: String? = nil) async -> [String] {
    var said: [String] = []
    for await line in self.lines {
      said.append(line)
      if line == last { break }
    }
    return said
  }

  /// Kills it from outside.
  func kill() { self.child.kill() }

  /// Waits until it has ended itself.
  func end() async throws -> ChildProcess.End {
    _ = await self.said()
    return try await Blocking.run { [child] in child.end() }
  }
}
