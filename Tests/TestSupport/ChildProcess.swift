import Foundation
import Synchronization

/// Another program, for the time of a test.
///
/// Spawned and reaped directly: Foundation's `Process` needs a run loop of the thread that waits,
/// and the threads of tasks have none.
public final class ChildProcess: Sendable {
  /// Why a program is not there.
  public struct Failure: Error, CustomStringConvertible {
    /// One sentence.
    public let description: String

    /// A failure.
    public init(description: String) {
      self.description = description
    }
  }

  /// What of it is read.
  public enum Stream: Int32, Sendable {
    /// What it prints.
    case output = 1
    /// What it complains of; servers log there.
    case errors = 2
  }

  /// How it ended.
  public enum End: Hashable, Sendable {
    /// By itself, with that status.
    case exit(Int32)
    /// By that signal.
    case signal(Int32)
  }

  /// What is read of it. Apart from the process, which ends when nobody holds it, whoever reads.
  private final class Reader: Sendable {
    private let descriptor: Int32
    private let text = Mutex<[UInt8]>([])

    init(_ descriptor: Int32) {
      self.descriptor = descriptor
    }

    deinit {
      close(self.descriptor)
    }

    func readLine() -> String? {
      var chunk = [UInt8](repeating: 0, count: 4_096)
      while true {
        let line = self.text.withLock { text -> String? in
          guard let end = text.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
          defer { text.removeFirst(end + 1) }
          return String(decoding: text[..<end], as: UTF8.self)
        }
        if let line { return line }
        let count = read(self.descriptor, &chunk, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return nil }
        self.text.withLock { $0 += chunk[..<count] }
      }
    }
  }

  private let id: pid_t
  private let reader: Reader
  private let ended = Mutex<End?>(nil)

  /// Starts a program, without anything of this process's environment and files.
  ///
  /// - Parameters:
  ///   - words: the program's path, and what it is told.
  ///   - stream: what `readLine` and `lines` read; the other is thrown away.
  public init(_ words: [String], reading stream: Stream) throws {
    guard let program = words.first, FileManager.default.isExecutableFile(atPath: program) else {
      throw Failure(description: "\(words.first ?? "no program") is not there")
    }
    let (id, descriptor) = try Self.spawn(words, stream)
    self.id = id
    self.reader = Reader(descriptor)
  }

  deinit {
    self.kill()
  }

  /// Ends it with SIGKILL, when it has not ended, and does not return before it is gone: it takes
  /// what SIGKILL takes.
  public func kill() {
    self.ended.withLock { end in
      guard end == nil else { return }
      Foundation.kill(self.id, SIGKILL)
      end = Self.reap(self.id)
    }
  }

  /// How it ended. Waits for it: to be called when it has nothing more to say.
  public func end() -> End {
    self.ended.withLock { ended in
      let end = ended ?? Self.reap(self.id)
      ended = end
      return end
    }
  }

  /// The next line; waits for it. `nil` when there are no more. One reader at a time.
  public func readLine() -> String? { self.reader.readLine() }

  /// The lines from now on, until it has ended. They are read on a thread of their own, whether
  /// anybody takes them or not: a full pipe would stop the program.
  @discardableResult
  public func lines() -> AsyncStream<String> {
    let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    Thread.detachNewThread { [reader] in
      while let line = reader.readLine() { continuation.yield(line) }
      continuation.finish()
    }
    return stream
  }

  private static func reap(_ id: pid_t) -> End {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F)
  }

  /// One at a time: a pipe that another child inherits before it is marked outlives its program.
  private static let spawning = Mutex(())

  private static func spawn(
    _ words: [String], _ stream: Stream
  ) throws -> (id: pid_t, descriptor: Int32) {
    try Self.spawning.withLock { _ in
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else { throw Failure(description: "no pipe: \(errno)") }
      defer { close(ends[1]) }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
      let other = stream == .output ? Stream.errors : Stream.output
      posix_spawn_file_actions_addopen(&actions, other.rawValue, "/dev/null", O_WRONLY, 0)
      posix_spawn_file_actions_adddup2(&actions, ends[1], stream.rawValue)
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
}
