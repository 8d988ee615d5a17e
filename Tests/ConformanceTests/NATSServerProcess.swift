import Foundation
import Synchronization

/// The reference server: a `nats-server` program on a port of its own.
final class NATSServerProcess: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// The programs to test against, from `GODWIT_NATS_SERVERS`, with colons between. `make test`
  /// sets it; a program that is missing then fails, and is not passed over.
  static var programs: [String] {
    (ProcessInfo.processInfo.environment["GODWIT_NATS_SERVERS"] ?? "")
      .split(separator: ":").map(String.init)
  }

  private let program: String
  private let arguments: [String]
  private let process: Mutex<Process>
  let port: Int

  init(_ program: String, _ arguments: [String] = []) throws {
    self.program = program
    self.arguments = arguments
    let (process, port) = try Self.start(program, arguments + ["-p", "-1"])
    self.process = Mutex(process)
    self.port = port
  }

  deinit {
    self.process.withLock { Self.kill($0) }
  }

  /// Kills it, and starts it again on the same port.
  func restart() throws {
    try self.process.withLock { process in
      Self.kill(process)
      process = try Self.start(self.program, self.arguments + ["-p", "\(self.port)"]).0
    }
  }

  private static func kill(_ process: Process) {
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  private static func start(
    _ program: String, _ arguments: [String]
  ) throws -> (Process, port: Int) {
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw Failure(description: "\(program) is not there: Interop/run installs it")
    }
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = ["-a", "127.0.0.1"] + arguments
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    var log = ""
    while !log.contains("Server is ready\n") {
      let bytes = errors.fileHandleForReading.availableData
      guard !bytes.isEmpty else { throw Failure(description: "\(program) ended: \(log)") }
      log += String(decoding: bytes, as: UTF8.self)
    }
    // Nobody reads further: little is written, and a full pipe would stop the server.
    errors.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
    let words = log.split(whereSeparator: \.isWhitespace)
    guard let place = words.indices.first(where: { words[$0] == "connections" }),
      place + 2 < words.count,
      let port = words[place + 2].split(separator: ":").last.flatMap({ Int($0) })
    else { throw Failure(description: "no port in: \(log)") }
    return (process, port)
  }
}
