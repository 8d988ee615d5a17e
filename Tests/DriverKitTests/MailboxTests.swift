import Godwit
import GodwitDriverKit
import Synchronization
import Testing

@Suite struct MailboxTests {
  private final class Count: Sendable {
    let wakes = Atomic(0)
  }

  private let count = Count()

  private func mailbox(bytesMax: Int = 10) -> Mailbox<Int> {
    let count = self.count
    return Mailbox(bytesMax: bytesMax) { count.wakes.wrappingAdd(1, ordering: .relaxed) }
  }

  @Test func theLoopIsWokenOnceForManyCommands() throws {
    let mailbox = self.mailbox()
    for number in 0..<5 { #expect(try mailbox.post(number)) }
    #expect(self.count.wakes.load(ordering: .relaxed) == 1)
    #expect(mailbox.take() == [0, 1, 2, 3, 4])
    #expect(try mailbox.post(5))
    #expect(self.count.wakes.load(ordering: .relaxed) == 2)
  }

  @Test func bytesAreBoundedUntilTheSocketHasThem() throws {
    let mailbox = self.mailbox()
    #expect(try mailbox.post(1, bytes: 6))
    #expect(try !mailbox.post(2, bytes: 6))
    _ = mailbox.take()
    #expect(try !mailbox.post(2, bytes: 6))
    mailbox.note(bytesAhead: 4)
    #expect(try mailbox.post(2, bytes: 6))
    #expect(try mailbox.post(3))
  }

  @Test func somethingLargerThanTheBoundPassesAlone() throws {
    let mailbox = self.mailbox()
    #expect(try mailbox.post(1, bytes: 1_000))
    #expect(try !mailbox.post(2, bytes: 1))
  }

  @Test func whoWaitsForRoomGetsItOrTheEnd() async throws {
    let mailbox = self.mailbox()
    #expect(try mailbox.post(1, bytes: 10))
    async let room: Void = mailbox.waitForRoom()
    _ = mailbox.take()
    mailbox.note(bytesAhead: 5)
    try await room
    #expect(try mailbox.post(2, bytes: 5))
    let never = Task { try await mailbox.waitForRoom() }
    #expect(mailbox.close(GodwitError(.closed, "over")) == [2])
    await #expect(throws: GodwitError.self) { try await never.value }
    #expect(throws: GodwitError.self) { try mailbox.post(3) }
  }
}
