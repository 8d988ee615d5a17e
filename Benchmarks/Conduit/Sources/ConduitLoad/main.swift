// One side of a stream over Conduit, with the commands of Interop/conduit/go:
//   ConduitLoad send URL SERVICE EVENT SIZE    "sent MICROSECONDS CPU-MICROSECONDS"
//   ConduitLoad sink URL SERVICE EVENT    "ready", then "read SIZE MICROSECONDS CPU-MICROSECONDS"
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

/// Processor time of this process in microseconds.
func processorTime() -> Int {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
  #else
    getrusage(RUSAGE_SELF, &usage)
  #endif
  return [usage.ru_utime, usage.ru_stime].reduce(0) {
    $0 + Int($1.tv_sec) * 1_000_000 + Int($1.tv_usec)
  }
}

func microseconds(since start: ContinuousClock.Instant) -> Int {
  let (seconds, attoseconds) = start.duration(to: .now).components
  return Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
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
        let began = ContinuousClock.now
        let used = processorTime()
        var size = 0
        for try await part in message.body { size += part.readableBytes }
        say("read", size, microseconds(since: began), processorTime() - used)
      }
    } else {
      let size = Int(words[5]) ?? 0
      let began = ContinuousClock.now
      let used = processorTime()
      try await conduit.service(words[3]).send(words[4], stream: Zeros(count: size))
      say("sent", microseconds(since: began), processorTime() - used)
    }
  }
}
