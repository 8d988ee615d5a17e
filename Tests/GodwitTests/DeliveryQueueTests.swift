import Godwit
import NIOCore
import Synchronization
import Testing

@Suite struct DeliveryQueueTests {
  private func messages(_ count: Int) -> [IncomingMessage] {
    (0..<count).map {
      IncomingMessage(message: Message(topic: "a", body: ByteBuffer()), token: UInt64($0))
    }
  }

  /// Waits for a number to come to zero.
  private final class Countdown: Sendable {
    private let state = Mutex((left: 0, waiters: [] as [CheckedContinuation<Void, Never>]))

    func begin(_ count: Int) { self.state.withLock { $0.left = count } }

    func count() {
      let waiters = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
        state.left -= 1
        guard state.left == 0 else { return [] }
        defer { state.waiters = [] }
        return state.waiters
      }
      for waiter in waiters { waiter.resume() }
    }

    func wait() async {
      await withCheckedContinuation { continuation in
        let isOver = self.state.withLock { state in
          if state.left > 0 { state.waiters.append(continuation) }
          return state.left <= 0
        }
        if isOver { continuation.resume() }
      }
    }
  }

  /// Each burst is waited for before the next: a reader that nobody woke would end the test.
  @Test(.timeLimit(.minutes(2))) func noMessageWaitsWhileReadersDo() async {
    let queue = DeliveryQueue()
    let countdown = Countdown()
    @Sendable func read() async {
      while await queue.next() != nil {
        if Bool.random() { await Task.yield() }
        countdown.count()
      }
    }
    await withTaskGroup(of: Void.self) { group in
      var readers = (0..<8).map { _ in Task { await read() } }
      for _ in 0..<2_000 {
        let count = Int.random(in: 1...12)
        countdown.begin(count)
        group.addTask { queue.offer(self.messages(count)) }
        // Readers that leave hand on what they were woken for.
        let place = readers.indices.randomElement() ?? 0
        readers[place].cancel()
        readers[place] = Task { await read() }
        await countdown.wait()
      }
      queue.close()
      for reader in readers { await reader.value }
    }
  }

  @Test(.timeLimit(.minutes(1))) func readersThatWaitForEachOtherAreAllAtWork() async {
    let queue = DeliveryQueue()
    let arrivals = Countdown()
    arrivals.begin(16)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<16 {
        group.addTask {
          guard await queue.next() != nil else { return }
          arrivals.count()
          // Nobody goes on before all are here.
          await arrivals.wait()
        }
      }
      queue.offer(self.messages(16))
    }
  }

  @Test func whatWaitsAtTheEndIsReadOrGivenBack() async {
    let closed = DeliveryQueue()
    closed.offer(self.messages(2))
    closed.close()
    #expect(closed.offer(self.messages(1)) == false)
    #expect(await closed.next()?.token == 0)
    #expect(await closed.next()?.token == 1)
    #expect(await closed.next() == nil)
    let finished = DeliveryQueue()
    finished.offer(self.messages(3))
    #expect(await finished.next()?.token == 0)
    #expect(finished.finish().map(\.token) == [1, 2])
    #expect(await finished.next() == nil)
  }
}
