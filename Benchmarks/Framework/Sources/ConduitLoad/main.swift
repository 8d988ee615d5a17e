// One side of a stream over Conduit, with the commands of Interop/conduit/go:
//   ConduitLoad send URL SERVICE EVENT SIZE    "sent COST"
//   ConduitLoad sink URL SERVICE EVENT    "ready", then "read SIZE COST"
// COST is microseconds, those of the processor, and peak resident KiB.
import Foundation
import Godwit
import GodwitConduit
import GodwitNATS
import NIOCore

/// Zeros, in parts as they would be read from a file.
struct Zeros: AsyncSequence, Sendable {
  typealias Element = ByteBuffer
  var count: Int

  func makeAsyncIterator() -> Iterator { Iterator(left: self.count) }

  struct Iterator: AsyncIteratorProtocol {
    let part = ByteBuffer(repeating: 0, count: 64 << 10)
    var left: Int

    mutating func next() async -> ByteBuffer? {
      guard self.left > 0 else { return nil }
      let size = Swift.min(self.left, self.part.readableBytes)
      self.left -= size
      return self.part.getSlice(at: 0, length: size)
    }
  }
}

/// What this process has used since it was made.
struct Cost {
  private let began = ContinuousClock.now
  private let used = Cost.processorTime()

  /// Microseconds, those of the processor, and peak resident KiB.
  var words: String {
    let (seconds, attoseconds) = self.began.duration(to: .now).components
    let wall = Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
    return "\(wall) \(Self.processorTime() - self.used) \(Self.peakKiB())"
  }

  private static func processorTime() -> Int {
    var usage = rusage()
    #if canImport(Glibc)
      _ = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #else
      _ = getrusage(RUSAGE_SELF, &usage)
    #endif
    return [usage.ru_utime, usage.ru_stime].reduce(0) {
      $0 + Int($1.tv_sec) * 1_000_000 + Int($1.tv_usec)
    }
  }

  /// Not `getrusage`'s, which counts what the process was before this program was its own.
  private static func peakKiB() -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
      return 0
    }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  }
}

func say(_ words: Any...) {
  print(words.map { "\($0)" }.joined(separator: " "))
  fflush(nil)
}

let words = CommandLine.arguments
guard words.count >= 5 else {
  say("usage: ConduitLoad send|sink URL SERVICE EVENT [SIZE]")
  exit(2)
}
let broker = try Broker.nats(url: words[2])
try await broker.whileRunning {
  let isSink = words[1] == "sink"
  try await withConduit(isSink ? words[3] : "load", on: broker) { conduit in
    if isSink {
      let binding = try await conduit.bind(words[4])
      say("ready")
      for await message in binding {
        let cost = Cost()
        var size = 0
        for try await part in message.body { size += part.readableBytes }
        say("read", size, cost.words)
      }
    } else {
      let size = Int(words[5]) ?? 0
      let cost = Cost()
      try await conduit.service(words[3]).send(words[4], stream: Zeros(count: size))
      say("sent", cost.words)
    }
  }
}
