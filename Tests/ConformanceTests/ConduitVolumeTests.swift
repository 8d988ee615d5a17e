import Foundation
import Godwit
import GodwitConduit
import NIOCore
import Testing

#if os(Linux)
  /// A long stream between conduits in constant memory: both sides are in this process, and the
  /// broker with them where it is ours. The reader rests again and again, until the sender rests
  /// too: without flow control all of the stream would be in memory then.
  @Suite(.serialized, .timeLimit(.minutes(10))) struct ConduitVolumeTests {
    /// In MiB, from `GODWIT_CONDUIT_STREAM_MIB`; 256 takes seconds.
    static var size: Int {
      ProcessInfo.processInfo.environment["GODWIT_CONDUIT_STREAM_MIB"].flatMap { Int($0) } ?? 256
    }

    /// What the process has in memory, in MiB.
    private static func memory() throws -> Int {
      let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
      let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      return (pages * sysconf(Int32(_SC_PAGESIZE))) >> 20
    }

    /// Waits until nothing more is made.
    private func rest(_ made: Tally) async throws {
      var before = -1
      while made.numbers.count != before {
        before = made.numbers.count
        try await Task.sleep(for: .milliseconds(50))
      }
    }

    @Test(arguments: ConduitPlace.Kind.all)
    func aLongStreamTakesNoMemory(_ kind: ConduitPlace.Kind) async throws {
      try await ConduitPlace.with(kind) { place in
        try await place.conduit("reader") { reader in
          try await place.conduit("writer") { writer in
            let binding = try await reader.bind("e")
            let began = ContinuousClock.now
            let made = Tally()
            let parts = Parts(size: 1 << 18, count: Self.size * 4) { made.add($0) }
            async let sending: Void = writer.service("reader").send("e", stream: parts)
            let body = try await binding.next().body
            var size = 0
            var base: Int?
            var most = 0
            var look = 0
            var pause = 20 << 20
            while let data = try await body.next() {
              size += data.readableBytes
              guard size >= look else { continue }
              look += 1 << 20
              let memory = try Self.memory()
              // After the first buffers are there; other tests run beside this one.
              if size > 16 << 20, base == nil { base = memory }
              most = max(most, memory)
              if size >= pause {
                pause += 32 << 20
                try await self.rest(made)
                most = max(most, try Self.memory())
              }
            }
            try await sending
            #expect(size == Self.size << 20)
            let growth = most - (base ?? 0)
            // Other tests have their memory in this process; the stream has twice this.
            #expect(growth < 128, "\(growth) MiB")
            if Self.size != 256 {
              let (seconds, attoseconds) = began.duration(to: .now).components
              let time = Double(seconds) + Double(attoseconds) / 1e18
              print(
                "\(kind): \(Self.size) MiB, \(Int(Double(Self.size) / time)) MiB/s,",
                "\(base ?? 0) MiB in memory, \(growth) more at most")
            }
          }
        }
      }
    }
  }
#endif
