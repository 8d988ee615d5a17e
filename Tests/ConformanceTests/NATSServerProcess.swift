import Foundation
import Synchronization
import TestSupport

/// The reference server: a `nats-server` program on a port of its own.
final class NATSServerProcess: Sendable {
  /// The programs to test against, from `GODWIT_NATS_SERVERS`, with colons between. `make test`
  /// sets it; a program that is missing then fails, and is not passed over.
  static var programs: [String] {
    (ProcessInfo.processInfo.environment["GODWIT_NATS_SERVERS"] ?? "")
      .split(separator: ":").map(String.init)
  }

  /// What a program says of its version: `2.9`.
  static func version(of program: String) -> String {
    let line = try? ChildProcess([program, "--version"], reading: .output).readLine()
    let number = line?.split(separator: "v").last ?? "that is missing"
    return number.split(separator: ".").prefix(2).joined(separator: ".")
  }

  private let program: String
  private let arguments: [String]
  private let child: Mutex<ChildProcess>
  let host = LoopbackAddress.own()
  let port: Int

  init(_ program: String, _ arguments: [String] = []) throws {
    self.program = program
    self.arguments = arguments
    let (child, port) = try Self.start(program, arguments + ["-a", self.host, "-p", "-1"])
    self.child = Mutex(child)
    self.port = port
  }

  /// Kills it, and starts it again on the same port.
  func restart() throws {
    try self.child.withLock { child in
      child.kill()
      child = try Self.start(
        self.program, self.arguments + ["-a", self.host, "-p", "\(self.port)"]
      ).0
    }
  }

  private static func start(
    _ program: String, _ arguments: [String]
  ) throws -> (ChildProcess, port: Int) {
    let child = try ChildProcess([program] + arguments, reading: .errors)
    var log = ""
    while let line = child.readLine() {
      log += line + "\n"
      guard line.hasSuffix("Server is ready") else { continue }
      child.lines()
      let words = log.split(whereSeparator: \.isWhitespace)
      guard let place = words.indices.first(where: { words[$0] == "connections" }),
        place + 2 < words.count,
        let port = words[place + 2].split(separator: ":").last.flatMap({ Int($0) })
      else { break }
      return (child, port)
    }
    throw ChildProcess.Failure(description: "\(program) does not serve: \(log)")
  }
}
