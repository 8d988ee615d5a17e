import Foundation
import TestSupport

/// A service that speaks the wire format of Conduit for Go, with nats.go: the program built of
/// `Interop/conduit/go`.
final class ConduitGoPeer {
  /// The program, from `GODWIT_CONDUIT_PEER`. `make test` builds it and sets it.
  static var program: String? { ProcessInfo.processInfo.environment["GODWIT_CONDUIT_PEER"] }

  private let child: ChildProcess
  private var iterator: AsyncStream<String>.Iterator

  /// Starts the program.
  init(_ command: String, _ url: String, _ words: String...) throws {
    self.child = try ChildProcess([Self.program ?? "", command, url] + words, reading: .output)
    self.iterator = self.child.lines().makeAsyncIterator()
  }

  /// The next line.
  func line() async throws -> String {
    guard let line = await self.iterator.next(isolation: #isolation) else {
      throw ChildProcess.Failure(description: "the peer has ended: \(self.child.end())")
    }
    return line
  }

  /// The next lines, sorted.
  func lines(_ count: Int) async throws -> [String] {
    var lines: [String] = []
    while lines.count < count { lines.append(try await self.line()) }
    return lines.sorted()
  }
}
