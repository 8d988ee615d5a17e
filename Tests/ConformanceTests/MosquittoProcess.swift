import Foundation
import Synchronization
import TestSupport

/// The reference server: a `mosquitto` program at an address of its own.
final class MosquittoProcess: Sendable {
  /// The programs to test against, from `GODWIT_MOSQUITTO`, with colons between. `make test` sets
  /// it; a program that is missing then fails, and is not passed over.
  static var programs: [String] {
    (ProcessInfo.processInfo.environment["GODWIT_MOSQUITTO"] ?? "")
      .split(separator: ":").map(String.init)
  }

  /// Its version, such as `2.0`.
  static func version(of program: String) -> String {
    guard let help = try? ChildProcess([program, "-h"], reading: .output),
      let word = help.readLine()?.split(separator: " ").last
    else { return "?" }
    return word.split(separator: ".").prefix(2).joined(separator: ".")
  }

  private let program: String
  private let folder: TestFolder
  private let child: Mutex<ChildProcess>
  let host = LoopbackAddress.own()
  let port = 18_883

  /// - Parameter lines: of the configuration, behind those of the listener.
  init(_ program: String, _ lines: String = "") throws {
    self.program = program
    self.folder = try TestFolder()
    // As much for a slow subscription as the scenarios publish.
    let path = try self.folder.write(
      "mosquitto.conf",
      """
      max_queued_messages 10000
      log_dest stderr
      allow_anonymous true
      listener \(self.port) \(self.host)
      \(lines)

      """)
    self.child = Mutex(try Self.start([program, "-c", path]))
  }

  /// Kills it, and starts it again.
  func restart() throws {
    try self.child.withLock { child in
      child.kill()
      child = try Self.start([self.program, "-c", "\(self.folder.path)/mosquitto.conf"])
    }
  }

  private static func start(_ words: [String]) throws -> ChildProcess {
    let child = try ChildProcess(words, reading: .errors)
    var log = ""
    while let line = child.readLine() {
      log += line + "\n"
      guard line.hasSuffix(" running") else { continue }
      child.lines()
      return child
    }
    throw ChildProcess.Failure(description: "\(words) does not serve: \(log)")
  }
}
