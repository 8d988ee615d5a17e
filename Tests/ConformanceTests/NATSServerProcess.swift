import Foundation
import Synchronization

/// The reference server: a `nats-server` program on a port of its own.
///
/// Spawned and reaped directly: Foundation's `Process` needs a run loop of the thread that waits,
/// and the threads of tasks have none.
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
  private let child: Mutex<pid_t>
  let host = LoopbackAddress.own()
  let port: Int

  init(_ program: String, _ arguments: [String] = []) throws {
    self.program = program
    self.arguments = arguments
    let (child, port) = try Self.start(program, arguments + ["-a", self.host, "-p", "-1"])
    self.child = Mutex(child)
    self.port = port
  }

  deinit {
    self.child.withLock { Self.kill($0) }
  }

  /// Kills it, and starts it again on the same port.
  func restart() throws {
    try self.child.withLock { child in
      Self.kill(child)
      child = 0
      child = try Self.start(
        self.program, self.arguments + ["-a", self.host, "-p", "\(self.port)"]
      ).0
    }
  }

  /// Does not return before the process is gone: it takes what SIGKILL takes.
  private static func kill(_ child: pid_t) {
    guard child > 0 else { return }
    Foundation.kill(child, SIGKILL)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
  }

  private static func start(
    _ program: String, _ arguments: [String]
  ) throws -> (pid_t, port: Int) {
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw Failure(description: "\(program) is not there: Interop/run installs it")
    }
    let (child, errors) = try Self.spawn([program] + arguments)
    var log = ""
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while !log.contains("Server is ready\n") {
      let count = read(errors, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        close(errors)
        Self.kill(child)
        throw Failure(description: "\(program) ended: \(log)")
      }
      log += String(decoding: chunk[..<count], as: UTF8.self)
    }
    Self.discard(errors)
    let words = log.split(whereSeparator: \.isWhitespace)
    guard let place = words.indices.first(where: { words[$0] == "connections" }),
      place + 2 < words.count,
      let port = words[place + 2].split(separator: ":").last.flatMap({ Int($0) })
    else {
      Self.kill(child)
      throw Failure(description: "no port in: \(log)")
    }
    return (child, port)
  }

  /// One at a time: a pipe that another child inherits before it is marked outlives its server.
  private static let spawning = Mutex(())

  private static func spawn(_ words: [String]) throws -> (child: pid_t, errors: Int32) {
    try Self.spawning.withLock { _ in
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else { throw Failure(description: "no pipe: \(errno)") }
      defer { close(ends[1]) }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
      posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
      // Sockets that a server inherited would keep the ports of the others taken.
      for other in 3..<Int32(min(sysconf(Int32(_SC_OPEN_MAX)), 4_096)) {
        posix_spawn_file_actions_addclose(&actions, other)
      }
      var arguments = words.map { strdup($0) } + [nil]
      defer { for argument in arguments { free(argument) } }
      var environment: [UnsafeMutablePointer<CChar>?] = [nil]
      var child: pid_t = 0
      let result = posix_spawn(&child, words[0], &actions, nil, &arguments, &environment)
      guard result == 0 else {
        close(ends[0])
        throw Failure(description: "\(words[0]) does not start: \(result)")
      }
      return (child, ends[0])
    }
  }

  /// Reads the log until the server ends, on a thread of its own: a full pipe would stop it.
  private static func discard(_ descriptor: Int32) {
    Thread.detachNewThread {
      var chunk = [UInt8](repeating: 0, count: 4_096)
      while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count == 0 || (count < 0 && errno != EINTR) { break }
      }
      close(descriptor)
    }
  }
}
