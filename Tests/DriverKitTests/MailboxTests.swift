import Godwit
import GodwitDriverKit
import Synchronization
import Testing

@Suite struct MailboxTests {
  private final class Count: Sendable {
    let wakes = Atomic(0)
  }

  private let count = Count()

  private func mailbox(bytesMax: Int = 10) -> Mailbox<[Int]> {
    let count = self.count
    return Mailbox(bytesMax: bytesMax) { count.wakes.wrappingAdd(1, ordering: .relaxed) }
  }

  @Test func theLoopIsWokenOnceForManyCommands() throws {
    let mailbox = self.mailbox()
    for number in 0..<5 { #expect(try mailbox.post(number)) }
    #expect(self.count.wakes.load(ordering: .relaxed) == 1)
    #expect(mailbox.take().batch == [0, 1, 2, 3, 4])
    #expect(try mailbox.post(5))
    #expect(self.count.wakes.load(ordering: .relaxed) == 2)
  }

  @Test func whatHasTimeWaitsForALoopThatComesByItself() throws {
    let mailbox = self.mailbox(bytesMax: 4 << 20)
    func post(_ number: Int, bytes: Int = 1, isPatient: Bool = true) throws -> Int {
      #expect(try mailbox.post(number, bytes: bytes, isPatient: isPatient))
      return self.count.wakes.load(ordering: .relaxed)
    }
    #expect(try post(0) == 1)
    var mail = mailbox.take()
    #expect(mail.hasPatient && !mail.isAttended)
    mailbox.attend()
    #expect(try post(1) == 1)
    mail = mailbox.take()
    #expect(mail.batch == [1] && mail.isAttended)
    // Somebody waits, and there is much to write: both wake the loop.
    #expect(try post(2) == 1)
    #expect(try post(3, isPatient: false) == 2)
    #expect(mailbox.take().isAttended)
    #expect(try post(4, bytes: 300_000) == 3)
    _ = mailbox.take()
    // It finds nothing, and goes away.
    #expect(!mailbox.take().isAttended)
    #expect(try post(5) == 4)
  }

  @Test func whatIsSmallWaitsForCompany() throws {
    let (now, soon) = (Count(), Count())
    let mailbox = Mailbox<[Int]>(
      bytesMax: 1 << 20, wake: { now.wakes.wrappingAdd(1, ordering: .relaxed) },
      wakeSoon: { soon.wakes.wrappingAdd(1, ordering: .relaxed) })
    func post(_ bytes: Int) throws -> [Int] {
      #expect(try mailbox.post(0, bytes: bytes))
      return [now, soon].map { $0.wakes.load(ordering: .relaxed) }
    }
    #expect(try post(100) == [0, 1])
    #expect(try post(100) == [0, 1])
    // Somebody is on the way.
    #expect(try post(10_000) == [0, 1])
    _ = mailbox.take()
    #expect(try post(10_000) == [1, 1])
    #expect(try post(100) == [1, 1])
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

  @Test func whoWaitsForRoomDoesNotWaitForEver() async throws {
    let mailbox = self.mailbox()
    #expect(try mailbox.post(1, bytes: 10))
    let late = await #expect(throws: GodwitError.self) {
      try await mailbox.waitForRoom(until: .now + .milliseconds(5))
    }
    #expect(late?.code == .overloaded)
  }
}
